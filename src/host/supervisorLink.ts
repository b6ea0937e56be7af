/**
 * The host's end of its link to the supervisor (link.ts).
 *
 * Owns the channel, the sockets that come along with its messages, and how the supervisor learns of handlers. What a message
 * makes the host do is main.ts's to say. When the channel ends the supervisor has gone, and so does the host.
 */
import { closeSync } from 'node:fs'
import { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Turns } from '../control/turns.ts'
import { P2pdError } from '../errors.ts'
import { LINK_FD, MAX_TARGETS, PASSING_FD, type FromHost, type Registration, type ToHost } from '../link.ts'
import { LinkChannel, MAX_FROM_HOST_BYTES, MAX_TO_HOST_BYTES } from '../linkChannel.ts'
import { receiveDescriptor } from '../os/passing.ts'
import { TokenBucket } from '../tokenBucket.ts'

/**
 * Dials of one tenant's handlers that the supervisor is asked for at a time. It reads no host faster than so many messages a second, and what it is told
 * last has to be heard soon: that a policy is in force, above all.
 */
const MAX_DIALS = 8

/** How much of what changes among the handlers is told, bytes a second: half of what the supervisor reads. The last word is always told. */
const REPORTED = { perSecond: 256 * 1024, burst: 1024 * 1024 }
/** A message counts as so many at least, as its number counts, too. */
const MIN_REPORTED_BYTES = 1024

/** Even with as many targets as there may be, and every character of theirs escaped, they fit into one message. */
const CHANGES_IN_MESSAGE = 16

interface Asked {
  /** Whose host is to be at the other end; undefined for a handler's socket. */
  readonly peerId: string | undefined
  readonly resolve: (socket: Socket) => void
  readonly reject: (reason: unknown) => void
}

type Adopt = Extract<ToHost, { kind: 'adopt' }>

/** How long a host that stops may wait for the supervisor to read its last words, and how often it looks. */
const MAX_FLUSH_MS = 500
const FLUSH_CHECK_MS = 10

export class SupervisorLink {
  readonly #channel: LinkChannel
  /** What came before there was somebody to do it. */
  readonly #early: ToHost[] = []
  #onMessage = (message: ToHost): void => { this.#early.push(message) }
  /** What the supervisor knows: protocol -> registration as JSON. */
  readonly #known: Map<string, string>
  #handlers: readonly Registration[]
  #restored = false
  /** Sockets that were asked for and have not come yet. */
  readonly #asked = new Map<number, Asked>()
  #nextAsked = 0
  readonly #dials = new Turns()
  #nextDial = 0
  readonly #reported = new TokenBucket(REPORTED)
  #nextReport: NodeJS.Timeout | undefined
  #nextReported: string | undefined

  /** @param registrations as the start document has them */
  constructor (registrations: readonly Registration[], onGone: () => void) {
    this.#known = new Map(registrations.map(registration => [registration.protocol, JSON.stringify(registration)]))
    this.#handlers = registrations
    this.#channel = new LinkChannel({
      socket: new Socket({ fd: LINK_FD }),
      maxInBytes: MAX_TO_HOST_BYTES,
      maxOutBytes: MAX_FROM_HOST_BYTES,
      onMessage: message => { this.#take(message as ToHost) }, // the supervisor is believed
      onEnd: onGone
    })
  }

  /** From here on messages are given to `onMessage`, those that came before first. */
  start (onMessage: (message: ToHost) => void): void {
    this.#onMessage = onMessage
    this.#early.splice(0).forEach(onMessage)
  }

  send (message: FromHost): void {
    this.#channel.send(message)
  }

  /** Resolves when all that was sent is with the supervisor, or when that takes too long. */
  async flushed (): Promise<void> {
    if (this.#nextReport !== undefined) this.#tellHandlers({ isLast: true })
    for (let waitedMs = 0; waitedMs < MAX_FLUSH_MS && this.#channel.unsentBytes > 0; waitedMs += FLUSH_CHECK_MS) await delay(FLUSH_CHECK_MS)
  }

  /**
   * The connection that came with the message: this host's from now on, which the supervisor hears before a byte of it is
   * read. Undefined when there was no descriptor left for it; the supervisor then refuses it.
   */
  accept ({ id, descriptor }: Adopt): Socket | undefined {
    const socket = this.#socketOf(descriptor)
    this.send({ kind: socket === undefined ? 'declined' : 'adopted', id })
    return socket
  }

  /**
   * A connection to a handler's socket, made by the supervisor with the rights of the tenant's app; its listener was looked
   * at there. Rejects with the `code` of the reason: a symbolic errno, or of an ERR_DENIED.
   */
  async dialAsApp (path: string, tenant: string, signal: AbortSignal): Promise<Socket> {
    const place = `${tenant} ${this.#nextDial++ % MAX_DIALS}`
    return await this.#dials.take(place, signal, async () => await this.#ask(undefined, id => { this.send({ kind: 'dialHandler', id, path, tenant }) }, signal))
  }

  /** A connection to the host of a neighbour, which the supervisor made: nobody else can be at its other end. */
  async reach (peerId: string, signal: AbortSignal): Promise<Socket> {
    return await this.#ask(peerId, id => { this.send({ kind: 'reach', id, peerId }) }, signal)
  }

  /** A neighbour's connection that came with the message; undefined when there was no descriptor left for it. */
  visitor ({ descriptor }: Extract<ToHost, { kind: 'visited' }>): Socket | undefined {
    return this.#socketOf(descriptor)
  }

  async #ask (peerId: string | undefined, send: (id: number) => void, signal: AbortSignal): Promise<Socket> {
    signal.throwIfAborted()
    const id = this.#nextAsked++
    const { promise, resolve, reject } = Promise.withResolvers<Socket>()
    const onAbort = (): void => { reject(signal.reason) }
    signal.addEventListener('abort', onAbort, { once: true })
    this.#asked.set(id, { peerId, resolve, reject })
    send(id)
    try {
      return await promise
    } finally {
      this.#asked.delete(id)
      signal.removeEventListener('abort', onAbort)
    }
  }

  /**
   * All handlers there are now. While those of an earlier host are being put back, the supervisor is told nothing; where they
   * change faster than it reads, it is told how they are in the end.
   */
  report (registrations: readonly Registration[]): void {
    this.#handlers = registrations
    if (this.#restored && this.#nextReport === undefined) this.#tellHandlers()
  }

  #tellHandlers ({ isLast = false } = {}): void {
    clearTimeout(this.#nextReport)
    this.#nextReport = undefined
    const now = new Map(this.#handlers.map(({ protocol, targets }) => [protocol, { protocol, targets: targets.slice(-MAX_TARGETS) }]))
    const removed = [...this.#known.keys()].filter(protocol => !now.has(protocol)).map(protocol => ({ protocol, targets: [] }))
    // Those first that had no turn the last time.
    const all = [...removed, ...now.values()]
    const first = Math.max(all.findIndex(({ protocol }) => protocol === this.#nextReported), 0)
    const changes: Registration[] = []
    for (const registration of [...all.slice(first), ...all.slice(0, first)]) {
      const waitMs = this.#reported.owedMs()
      if (waitMs > 0 && !isLast) {
        this.#nextReported = registration.protocol
        this.#nextReport = setTimeout(() => { this.#tellHandlers() }, waitMs)
        break
      }
      if (!this.#learns(registration)) continue
      changes.push(registration)
      if (changes.length === CHANGES_IN_MESSAGE) this.#tell(changes.splice(0))
    }
    if (changes.length > 0) this.#tell(changes)
  }

  #tell (registrations: Registration[]): void {
    const message = { kind: 'handlers', registrations } as const
    this.#reported.owe(Math.max(JSON.stringify(message).length, MIN_REPORTED_BYTES))
    this.send(message)
  }

  /** Earlier handlers are back, as far as they may be. */
  restored (): void {
    this.#restored = true
    this.report(this.#handlers)
  }

  /** Whether the supervisor does not know it yet; it will. */
  #learns (registration: Registration): boolean {
    const { protocol, targets } = registration
    const json = JSON.stringify(registration)
    if (this.#known.get(protocol) === json) return false
    if (targets.length === 0) this.#known.delete(protocol)
    else this.#known.set(protocol, json)
    return true
  }

  #take (message: ToHost): void {
    if (message.kind === 'beat') this.send({ kind: 'alive' })
    else if (message.kind === 'dialled') this.#came(message.id, undefined, this.#socketOf(message.descriptor))
    else if (message.kind === 'reached') this.#came(message.id, message.peerId, this.#socketOf(message.descriptor))
    else if (message.kind === 'notDialled' || message.kind === 'notReached') this.#asked.get(message.id)?.reject(failure(message.code, message.reason))
    else this.#onMessage(message)
  }

  /** Nothing encrypts what goes through it, so nothing later would show that it leads to somebody else. */
  #came (id: number, peerId: string | undefined, socket: Socket | undefined): void {
    const asked = this.#asked.get(id)
    if (asked === undefined || asked.peerId !== peerId) socket?.destroy() // given up meanwhile, or not what was asked for
    else if (socket === undefined) asked.reject(failure('EMFILE', 'no file descriptor is left'))
    else asked.resolve(socket)
  }

  /** The supervisor sent it before the message that names it, so it is there; what came for an earlier message is nobody's. */
  #socketOf (descriptor: number): Socket | undefined {
    for (let received = receiveDescriptor(PASSING_FD); received !== undefined; received = receiveDescriptor(PASSING_FD)) {
      const { fd, number } = received
      if (number !== descriptor) {
        if (fd !== undefined) closeSync(fd)
        continue
      }
      if (fd === undefined) return undefined
      try {
        return new Socket({ fd, allowHalfOpen: true }).on('error', () => { /* `close` follows */ })
      } catch {
        closeSync(fd)
        return undefined
      }
    }
    return undefined
  }
}

/** A code of ours, or a symbolic errno. */
function failure (code: string, reason: string): Error {
  return code === 'ERR_DENIED' || code === 'ERR_PEER' || code === 'ERR_UNAVAILABLE' ? new P2pdError(code, reason) : Object.assign(new Error(reason), { code })
}
