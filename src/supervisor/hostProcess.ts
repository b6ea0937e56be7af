/**
 * One running host process: started with its start document and key, spoken to, ended.
 *
 * Owns that a host may say and leave unsaid what it likes without harm to this process: what is no message ends it, and so
 * does silence. When to start one, and what its end means, is the tenant's to decide.
 */
import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import { refuse } from '../control/refusal.ts'
import { isFromHost, writeStart, type FromHost, type HostFigures, type HostStart, type ToHost } from '../link.ts'
import { LinkChannel, MAX_FROM_HOST_BYTES, MAX_TO_HOST_BYTES } from '../linkChannel.ts'
import type { Caller } from '../policy/ask.ts'
import { DAEMON_NAME } from '../config/names.ts'
import { DialBack, rightsOfApp } from './dialBack.ts'
import { Handover, type Adoptee } from './handover.ts'
import { Heartbeat } from './heartbeat.ts'
import { hostPace } from './hostPace.ts'
import { HostReports } from './hostReports.ts'
import { HOST_PROGRAM, spawnHost } from './hostSpawn.ts'
import { HostTable } from './hostTable.ts'

export type { Adoptee }

/** A host that has not begun to serve by then hangs. Fifty times what it takes on a busy machine. */
const START_MS = 30_000
/** A host that was asked to stop has this long before it is killed. */
const STOP_MS = 2_000
/** What a process wrote before it ended is read for this long after. */
const LAST_WORDS_MS = 500
/** What may wait for a host that does not read, bytes: four messages of the longest. */
const MAX_UNREAD_BYTES = 4 * MAX_TO_HOST_BYTES

export interface HostProcessInit {
  readonly start: HostStart
  readonly privateKey: Uint8Array
  /** The tenant's listening socket; stays the caller's. */
  readonly controlFd: number
  /** Limit of V8's heap in the host, bytes. */
  readonly memoryBytes: number
  /** The user of another tenant's app whose handlers this host may dial; undefined for one that is not. Only the daemon's host has such. */
  readonly actorUid?: (tenant: string) => number | undefined
  /** Called with its pid as soon as there is a process. */
  readonly onSpawn?: (pid: number) => void
  readonly onMessage: (message: FromHost) => void
  /** Once, when the process is gone. */
  readonly onExit: (exit: HostExit) => void
  /** Every how many milliseconds it has to show that it lives, and how often it may fail to; a second and ten unless given. */
  readonly heartbeat?: { readonly everyMs: number, readonly most: number }
  /** What is run; the host unless a test plays its part. */
  readonly program?: string
}

interface Exit {
  /** In words: `exit code 1`, `signal SIGKILL`, or what it was killed for. */
  readonly how: string
  readonly clean: boolean
}

export interface HostExit extends Exit {
  /** Connections that were handed over and not taken: the caller's again. */
  readonly unconfirmed: readonly Adoptee[]
}

export class HostProcess {
  readonly #init: HostProcessInit
  readonly #child: ChildProcess
  readonly #channel: LinkChannel | undefined
  readonly #handover: Handover
  readonly #dialBack: DialBack
  readonly #table: HostTable
  readonly #reports = new HostReports()
  #heartbeat: Heartbeat | undefined
  #deadline: NodeJS.Timeout | undefined
  #killedFor: string | undefined
  /** The process is gone; what it wrote may not have been read yet. */
  #exit: Exit | undefined
  readonly #gone = Promise.withResolvers<void>()
  #ended = false

  /** Throws ERR_SYSTEM when no process is to be had. */
  constructor (init: HostProcessInit) {
    const { start, privateKey, controlFd, memoryBytes, program = HOST_PROGRAM } = this.#init = init
    const { child, startPipe, link, passingFd } = spawnHost({ controlFd, memoryBytes, program })
    this.#child = child
    this.#handover = new Handover(passingFd, message => { this.send(message) })
    this.#dialBack = new DialBack({
      rightsOf: tenant => {
        if (start.serviceUid === undefined) return undefined
        // The daemon's own app would be p2pd itself, and its rights are nobody's to dial with: they are root's as a rule.
        if (tenant === start.tenant) return tenant === DAEMON_NAME ? undefined : rightsOfApp(start.callerUid)
        const uid = init.actorUid?.(tenant)
        return uid === undefined ? undefined : rightsOfApp(uid)
      },
      send: message => { this.send(message) },
      give: (fd, announce) => this.give(fd, announce)
    })
    this.#table = new HostTable(start.registrations, start.limits.handlers)
    child.on('error', error => { if (child.pid === undefined) this.#end({ how: error.message, clean: false }) })
    child.once('exit', (code, signal) => { this.#onExit({ how: signal === null ? `exit code ${code}` : `signal ${signal}`, clean: code === 0 }) })
    if (link === undefined || startPipe === undefined) return // there was no process to be had; `error` follows
    if (child.pid !== undefined) init.onSpawn?.(child.pid)
    this.#channel = new LinkChannel({
      socket: link,
      maxInBytes: MAX_FROM_HOST_BYTES,
      maxOutBytes: MAX_TO_HOST_BYTES,
      pace: hostPace(),
      onMessage: message => {
        if (!isFromHost(message)) return this.kill('it sent what is no message')
        this.#heartbeat?.heard()
        this.#take(message)
      },
      onEnd: reason => {
        if (this.#exit !== undefined) this.#end(this.#exit)
        else if (reason !== undefined) this.kill(`it sent what is no message: ${reason}`)
        else this.#killAfter(STOP_MS, 'it closed its channel and did not end')
      }
    })
    startPipe.on('error', () => { /* it died before it read its start; its exit says so */ })
    writeStart(startPipe, start, privateKey)
    this.#killAfter(START_MS, 'it did not start in time')
  }

  get pid (): number | undefined { return this.#child.pid }

  /**
   * Hands a connected, paused socket over. It stays open here too until the host has said that it has it, so that one that
   * dies in between takes nobody along: onExit gets what it did not confirm.
   */
  adopt (socket: Socket, caller: Caller): void {
    this.#handover.adopt({ socket, caller })
  }

  /** Passes another descriptor of the same on, with the message that says so; false when that cannot be done now. */
  give (fd: number, announce: (descriptor: number) => ToHost): boolean {
    return !this.#ended && this.#handover.give(fd, announce)
  }

  /** The host's own figures; undefined if it does not answer within a second. */
  async report (): Promise<HostFigures | undefined> {
    return await this.#reports.ask(id => { this.send({ kind: 'report', id }) })
  }

  /** To nobody, once it has gone. Throws ERR_FRAME for a message over the channel's limit. */
  send (message: ToHost): void {
    this.#channel?.send(message)
    if ((this.#channel?.unsentBytes ?? 0) > MAX_UNREAD_BYTES) this.kill('it did not read what it was told')
  }

  /** At once; onExit says what for. */
  kill (reason: string): void {
    if (this.#ended) return
    this.#killedFor ??= reason
    this.#child.kill('SIGKILL')
  }

  /** Resolves when the process is gone: cleanly if it can, killed if it does not answer. */
  async stop (): Promise<void> {
    if (this.#ended) return
    const kill = setTimeout(() => { this.#child.kill('SIGKILL') }, STOP_MS)
    this.send({ kind: 'stop' })
    await this.#gone.promise
    clearTimeout(kill)
  }

  #take (message: FromHost): void {
    const { onMessage, heartbeat, start } = this.#init
    switch (message.kind) {
      case 'alive': return
      case 'figures': return this.#reports.answer(message.id, message.figures)
      case 'adopted': return this.#handover.confirm(message.id)
      case 'dialHandler': return this.#dialBack.ask(message.id, message.path, message.tenant)
      case 'declined': {
        const declined = this.#handover.decline(message.id)
        if (declined !== undefined) void refuse(declined.socket, `limits.descriptors: tenant ${start.tenant} has no file descriptor left: close some connections, or raise the limit in its manifest`)
        return
      }
      case 'handlers':
        if (!this.#table.apply(message.registrations)) return this.kill('it reported more handlers than its tenant may have')
        return onMessage({ kind: 'handlers', registrations: this.#table.registrations })
      case 'ready':
        clearTimeout(this.#deadline)
        this.#heartbeat ??= new Heartbeat({
          ...heartbeat,
          ask: () => { this.send({ kind: 'beat' }); this.#handover.next() },
          onSilence: () => { this.kill('it did not answer for 10 s') }
        })
        return onMessage(message)
      case 'idle':
        this.#killAfter(STOP_MS, 'it said that it stops and did not')
        return onMessage(message)
      default:
        return onMessage(message)
    }
  }

  #killAfter (ms: number, reason: string): void {
    clearTimeout(this.#deadline)
    this.#deadline = setTimeout(() => { this.kill(reason) }, ms)
  }

  /** A host says why it ends before it does: what it has written is still read. */
  #onExit (exit: Exit): void {
    this.#exit = exit
    clearTimeout(this.#deadline)
    this.#heartbeat?.[Symbol.dispose]()
    this.#dialBack[Symbol.dispose]()
    if (this.#channel === undefined || this.#channel.ended) return this.#end(exit)
    this.#deadline = setTimeout(() => { this.#end(exit) }, LAST_WORDS_MS)
  }

  #end ({ how, clean }: Exit): void {
    if (this.#ended) return
    this.#ended = true
    clearTimeout(this.#deadline)
    this.#channel?.close()
    this.#reports.giveUp()
    this.#init.onExit({ how: this.#killedFor ?? how, clean, unconfirmed: this.#handover.close() })
    this.#gone.resolve()
  }
}
