/**
 * The control connections of one tenant: accepts them, says once who each caller is, counts them, ends them.
 *
 * Owns the accept and what is decided on it (who may connect at all, and how many at once). What a caller then asks is the
 * session's.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { messageOf } from '../errors.ts'
import type { Logger } from '../log.ts'
import { UNMAPPED_ID, peerCredentials } from '../os/credentials.ts'
import { BACKLOG, duplicate } from '../os/listening.ts'
import type { Caller, Decide } from '../policy/ask.ts'
import type { Handlers } from './handlers.ts'
import type { Host } from './host.ts'
import { refuse } from './refusal.ts'
import { serveSession } from './session.ts'

export interface ControlServerInit {
  readonly tenant: string
  readonly host: Host
  readonly handlers: Handlers
  readonly decide: Decide
  readonly log: Logger
  /** The user whose programs may connect; root, the operator, always may. Undefined on TCP, where nobody can say who calls. */
  readonly uid: number | undefined
  /** Streams at once: as many connections more may be open, those included whose stream has ended and whose client is slow. */
  readonly maxStreams: number
  /** Control connections at once; one that has become a stream is counted as that. */
  readonly limit: number
  readonly signal: AbortSignal
  /** Called when the last connection has ended. */
  readonly onQuiet: () => void
}

export class ControlServer {
  readonly #init: ControlServerInit
  readonly #server: Server
  /** All of them, and those that have not become a stream. */
  #connections = 0
  #controlling = 0

  constructor (init: ControlServerInit) {
    this.#init = init
    this.#server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, socket => { this.#accept(socket) })
    init.signal.addEventListener('abort', () => { this.stopAccepting() }, { once: true })
  }

  /** Connections being served now, streams included. */
  get connections (): number { return this.#connections }

  get controlConnections (): number { return this.#controlling }

  /** Accepts on a listening descriptor. Works on a duplicate: Node closes what it listens on, and `fd` may be listened on again. */
  async listen (fd: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', reject).listen({ fd: duplicate(fd), backlog: BACKLOG }, resolve)
    await promise
    this.#server.off('error', reject).on('error', error => { this.#init.log.error({ err: error }, 'accept failed') })
  }

  /** Connects wait in the kernel again, for the next host. */
  stopAccepting (): void {
    this.#server.close()
  }

  /** A connection accepted elsewhere, by the front desk, whose caller is known. */
  adopt (socket: Socket, caller: Caller): void {
    socket.allowHalfOpen = true // a socket that came from another process has the default
    void this.#serve(socket, caller)
  }

  #accept (socket: Socket): void {
    let caller: Caller
    try {
      caller = this.#identify(socket)
    } catch (error) {
      // The client closed at once (some probe like that) or the kernel said nothing: there is nobody to serve.
      this.#init.log.debug({ reason: messageOf(error) }, 'caller gone before it was identified')
      socket.on('error', () => {}).destroy()
      return
    }
    void this.#serve(socket, caller)
  }

  #identify (socket: Socket): Caller {
    const { tenant, uid } = this.#init
    return uid === undefined ? { tenant } : { tenant, process: peerCredentials(socket) }
  }

  async #serve (socket: Socket, caller: Caller): Promise<void> {
    const { log, limit, maxStreams, tenant } = this.#init
    let isControl = true
    const release = (): void => {
      if (isControl) this.#controlling--
      isControl = false
    }
    this.#connections++
    this.#controlling++
    try {
      if (!this.#isWelcome(caller)) {
        log.warn({ caller }, 'connection refused: wrong user')
        await refuse(socket, `uid ${caller.process?.uid ?? 'unknown'} may not use tenant ${tenant}'s socket: app in its manifest says who may`)
      } else if (this.#controlling > limit || this.#connections > limit + maxStreams) {
        log.warn({ caller, limit }, 'connection refused: too many')
        await refuse(socket, `limits.controlConnections: tenant ${tenant} may have ${limit} control connections at once: close some, or raise the limit in its manifest`)
      } else {
        await serveSession(socket, { ...this.#init, caller, onPipe: release })
      }
    } finally {
      release()
      this.#connections--
      if (this.#connections === 0) this.#init.onQuiet()
    }
  }

  #isWelcome ({ process: credentials }: Caller): boolean {
    const { uid } = this.#init
    if (uid === undefined) return true
    if (credentials === undefined || credentials.uid === UNMAPPED_ID) return false
    return credentials.uid === uid || credentials.uid === 0
  }
}
