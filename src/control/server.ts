/**
 * The control connections of one tenant: accepts them, says once who each caller is, counts them, ends them.
 *
 * Owns the accept and what is decided on it (who may connect at all, and how many at once). What a caller then asks is the
 * session's.
 */
import { createServer, type Server, type Socket } from 'node:net'
import type { Audit } from '../audit.ts'
import { messageOf } from '../errors.ts'
import { MAX_ADDRESSES, MAX_ADDRESS_BYTES, MAX_FRAME_BYTES } from '../limits.ts'
import type { Logger } from '../log.ts'
import { UNMAPPED_ID, peerCredentials } from '../os/credentials.ts'
import { BACKLOG, duplicate } from '../os/listening.ts'
import type { Ask, Caller } from '../policy/ask.ts'
import { actorOf, type Judge } from '../policy/judge.ts'
import type { Ledger } from '../policy/ledger.ts'
import { ActorShares } from './actorShares.ts'
import type { Blessings } from './blessings.ts'
import type { DaemonHost } from './daemonHost.ts'
import type { Handlers } from './handlers.ts'
import type { Host } from './host.ts'
import type { Pipes } from './pipes.ts'
import { refuse } from './refusal.ts'
import { serveSession, type SessionInit } from './session.ts'

/** Whatever is done in this host's name by others. */
const ANYTHING: Ask = { action: 'act', resource: { type: 'Host', id: 'own' } }

/** Largest message of one who acts in this host's name: the longest request there is. Many may be waited for at once, and they are many tenants'. */
const MAX_ACTORS_FRAME_BYTES = MAX_ADDRESSES * MAX_ADDRESS_BYTES + 32 * 1024

/** How long a session that ends with its blessing is still there. */
const LAST_WORDS_MS = 100

export interface ControlServerInit {
  readonly tenant: string
  readonly host: Host
  readonly handlers: Handlers
  readonly daemon: DaemonHost
  readonly blessings: Blessings
  readonly judge: Judge
  /** Counts control connections; one that has become a stream is counted as that. */
  readonly ledger: Ledger
  readonly pipes: Pipes
  readonly audit: Audit
  readonly log: Logger
  /** The user whose programs may connect; root, the operator, always may. Undefined on TCP, where nobody can say who calls. */
  readonly uid: number | undefined
  readonly signal: AbortSignal
  /** Called when the last connection has ended. */
  readonly onQuiet: () => void
}

export class ControlServer {
  readonly #init: ControlServerInit
  readonly #server: Server
  readonly #shares: ActorShares
  #connections = 0

  constructor (init: ControlServerInit) {
    this.#init = init
    this.#shares = new ActorShares(init.ledger, (actor, name, reason) => {
      init.audit({ event: 'limit', resource: `limits.${name}`, reason, ...actorOf({ tenant: actor }, init.tenant) })
    })
    this.#server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, socket => { this.#accept(socket) })
    init.signal.addEventListener('abort', () => { this.stopAccepting() }, { once: true })
  }

  /** Connections being served now, streams included. */
  get connections (): number { return this.#connections }

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

  /**
   * A connection accepted elsewhere, by the front desk say, whose caller is known; also one who acts in this host's name.
   *
   * @param onPipe told of the stream that it becomes
   */
  adopt (socket: Socket, caller: Caller, onPipe?: SessionInit['onPipe']): void {
    socket.allowHalfOpen = true // a socket that came from another process has the default
    void this.#serve(socket, caller, onPipe)
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

  async #serve (socket: Socket, caller: Caller, onPipe: SessionInit['onPipe'] = () => {}): Promise<void> {
    const { audit, tenant } = this.#init
    this.#connections++
    try {
      if (!this.#isWelcome(caller)) {
        const reason = `uid ${caller.process?.uid ?? 'unknown'} may not use tenant ${tenant}'s socket: app in its manifest says who may`
        audit({ event: 'denied', action: 'connectToSocket', resource: `Tenant ${tenant}`, reason, ...caller.process !== undefined && { uid: caller.process.uid, pid: caller.process.pid } })
        return await refuse(socket, reason)
      }
      const admitted = this.#admit(caller)
      if (typeof admitted === 'string') return await refuse(socket, admitted)
      using _ = admitted.held
      await serveSession(socket, { ...this.#init, ...admitted, caller, onPipe: stream => { admitted.onPipe(); onPipe(stream) } })
    } finally {
      this.#connections--
      if (this.#connections === 0) this.#init.onQuiet()
    }
  }

  /** What the session has, counted until `held` is disposed; the sentence of the limit that does not let it in. */
  #admit (caller: Caller): Pick<SessionInit, 'ledger' | 'signal' | 'maxFrameBytes'> & { onPipe: () => void, held: Disposable } | string {
    const { ledger } = this.#init
    const { limits } = ledger
    try {
      using stack = new DisposableStack()
      // Beside them those that have become streams, also those whose stream has ended and whose client is slow.
      if (this.#connections > limits.controlConnections + limits.streams) throw ledger.over('controlConnections', limits.controlConnections)
      ledger.controlConnections.take()
      let isControl = true
      const onPipe = (): void => {
        if (isControl) ledger.controlConnections.release()
        isControl = false
      }
      stack.defer(onPipe)
      ledger.descriptors.take()
      stack.defer(() => { ledger.descriptors.release() })
      const admitted = caller.tenant === this.#init.tenant ? this.#init : this.#admitActor(caller, stack)
      return { maxFrameBytes: MAX_FRAME_BYTES, ...admitted, onPipe, held: stack.move() }
    } catch (error) {
      return messageOf(error)
    }
  }

  /**
   * A caller who acts in this host's name has a share of it, and its session ends with the right to one; one that never had it
   * is refused at each request.
   */
  #admitActor (caller: Caller, stack: DisposableStack): Pick<SessionInit, 'ledger' | 'signal' | 'maxFrameBytes'> {
    const { judge, signal } = this.#init
    const isBlessed = judge.allows(caller, ANYTHING)
    const { ledger, end } = this.#shares.begin(caller.tenant, { isBlessed })
    stack.defer(end)
    const maxFrameBytes = MAX_ACTORS_FRAME_BYTES
    if (!isBlessed) return { ledger, signal, maxFrameBytes }
    const ended = new AbortController()
    // What it waits for or has open is told first why it ends.
    stack.defer(judge.hold(caller, ANYTHING, reason => { setTimeout(() => { ended.abort(reason) }, LAST_WORDS_MS) }))
    return { ledger, signal: AbortSignal.any([signal, ended.signal]), maxFrameBytes }
  }

  /** Who acts in this host's name was looked at where its connection was taken, and is asked about at each request. */
  #isWelcome ({ tenant, process: credentials }: Caller): boolean {
    const { uid } = this.#init
    if (uid === undefined || tenant !== this.#init.tenant) return true
    if (credentials === undefined || credentials.uid === UNMAPPED_ID) return false
    return credentials.uid === uid || credentials.uid === 0
  }
}
