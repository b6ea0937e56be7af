/**
 * One running host process: started with its start document and key, spoken to, ended.
 *
 * Owns the child's descriptors, its clean environment and its V8 settings. When to start one, and what its end means, is
 * the tenant's to decide.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { CONTROL_FD, isFromHost, writeStart, type FromHost, type HostFigures, type HostStart, type ToHost } from '../link.ts'
import type { Caller } from '../policy/ask.ts'

/** Beside this file in the bundle; in the sources, where the tests run it, a folder away. */
const HOST_ENTRY = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../host/main.ts' : 'host.mjs', import.meta.url))

/** A host that has not begun to serve by then hangs. Fifty times what it takes on a busy machine. */
const START_MS = 30_000
/** A host that was asked to stop has this long before it is killed. */
const STOP_MS = 2_000
/** A host that is asked for its figures and says nothing is shown without. */
const REPORT_MS = 1_000

export interface HostProcessInit {
  readonly start: HostStart
  readonly privateKey: Uint8Array
  /** The tenant's listening socket; stays the caller's. */
  readonly controlFd: number
  /** Limit of V8's heap in the host, bytes. */
  readonly memoryBytes: number
  readonly onMessage: (message: FromHost) => void
  /** Once, when the process is gone. */
  readonly onExit: (exit: HostExit) => void
}

export interface Adoptee { readonly socket: Socket, readonly caller: Caller }

export interface HostExit {
  /** In words: `exit code 1`, `signal SIGKILL`. */
  readonly how: string
  readonly clean: boolean
  /** Connections that were handed over and not taken: the caller's again. */
  readonly unconfirmed: readonly Adoptee[]
}

export class HostProcess {
  readonly #child: ChildProcess
  readonly #reports = new Map<number, (figures: HostFigures) => void>()
  readonly #unconfirmed = new Map<number, Adoptee>()
  #nextId = 0
  #deadline: NodeJS.Timeout | undefined
  #killedFor: string | undefined
  #exited = false

  constructor ({ start, privateKey, controlFd, memoryBytes, onMessage, onExit }: HostProcessInit) {
    const stdio: Array<'pipe' | 'ipc' | number> = ['pipe', 2, 2, 'ipc']
    stdio[CONTROL_FD] = controlFd
    this.#child = spawn(process.execPath, [...v8Flags(memoryBytes), HOST_ENTRY], { stdio, env: cleanEnvironment() })
    this.#child.on('error', error => { this.#onExit(error.message, false, onExit) })
    this.#child.once('exit', (code, signal) => {
      this.#onExit(signal === null ? `exit code ${code}` : `signal ${signal}`, code === 0, onExit)
    })
    this.#child.on('message', (message: unknown) => {
      if (!isFromHost(message)) return this.#kill('it sent what is no message')
      if (message.kind === 'ready') clearTimeout(this.#deadline)
      if (message.kind === 'idle') this.#killAfter(STOP_MS, 'it said that it stops and did not')
      if (message.kind === 'figures') this.#reports.get(message.id)?.(message.figures)
      else if (message.kind === 'adopted') this.#confirm(message.id)
      else onMessage(message)
    })
    const pipe = this.#child.stdin as Writable | null | undefined
    if (pipe === null || pipe === undefined) return // there was no process to be had (out of descriptors, say); `error` follows
    pipe.on('error', () => { /* it died before it read its start; its exit says so */ })
    writeStart(pipe, start, privateKey)
    this.#killAfter(START_MS, 'it did not start in time')
  }

  get pid (): number | undefined { return this.#child.pid }

  /**
   * Hands a connected, paused socket over. It stays open here too until the host has said that it has it, so that one that
   * dies in between takes nobody along: onExit gets what it did not confirm.
   */
  adopt (socket: Socket, caller: Caller): void {
    const id = this.#nextId++
    this.#unconfirmed.set(id, { socket, caller })
    this.#send({ kind: 'adopt', id, caller }, socket)
  }

  /** The host's own figures; undefined if it does not answer within a second. */
  async report (): Promise<HostFigures | undefined> {
    const id = this.#nextId++
    const { promise, resolve } = Promise.withResolvers<HostFigures | undefined>()
    const timer = setTimeout(() => { resolve(undefined) }, REPORT_MS)
    this.#reports.set(id, resolve)
    this.#send({ kind: 'report', id })
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      this.#reports.delete(id)
    }
  }

  /** Resolves when the process is gone: cleanly if it can, killed if it does not answer. */
  async stop (): Promise<void> {
    if (this.#exited) return
    const exit = once(this.#child, 'exit')
    const kill = setTimeout(() => { this.#child.kill('SIGKILL') }, STOP_MS)
    this.#send({ kind: 'stop' })
    await exit
    clearTimeout(kill)
  }

  #kill (reason: string): void {
    this.#killedFor ??= reason
    this.#child.kill('SIGKILL')
  }

  #killAfter (ms: number, reason: string): void {
    clearTimeout(this.#deadline)
    this.#deadline = setTimeout(() => { this.#kill(reason) }, ms)
  }

  #send (message: ToHost, socket?: Socket): void {
    if (!this.#child.connected) return // it has died; its exit says so
    this.#child.send(message, socket, { keepOpen: true }, () => { /* died meanwhile */ })
  }

  #confirm (id: number): void {
    this.#unconfirmed.get(id)?.socket.destroy()
    this.#unconfirmed.delete(id)
  }

  #onExit (how: string, clean: boolean, onExit: HostProcessInit['onExit']): void {
    if (this.#exited) return
    this.#exited = true
    clearTimeout(this.#deadline)
    onExit({ how: this.#killedFor ?? how, clean, unconfirmed: [...this.#unconfirmed.values()] })
  }
}


function v8Flags (memoryBytes: number): string[] {
  return [
    '--disable-sigusr1', // opens the debugger to every local user otherwise
    // Buffers of a stream die young: in a small young generation they stay in the processor's cache. A third less CPU a byte.
    '--max-semi-space-size=1',
    // V8 counts buffers against the old generation's limit, and with a heap as small as ours it would mark and compact a
    // hundred times a GB. Only reserved, not used, until there is something to hold.
    '--initial-old-space-size=32',
    `--max-old-space-size=${Math.ceil(memoryBytes / 1024 / 1024)}`,
    '--disable-warning=ExperimentalWarning'
  ]
}

/** Nothing of the operator's shell reaches a host, NODE_OPTIONS least of all. The compile cache is the launcher's. */
function cleanEnvironment (): NodeJS.ProcessEnv {
  const kept = ['NODE_COMPILE_CACHE', 'PATH', 'TZ', 'LANG', 'P2PD_LOG', 'DEBUG']
  return Object.fromEntries(kept.flatMap(name => process.env[name] === undefined ? [] : [[name, process.env[name]]]))
}
