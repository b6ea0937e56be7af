/**
 * What the control protocol asks of a host (control/host.ts), answered with libp2p.
 *
 * Owns that every stream of the app is counted, both ways, and that an inbound one is judged before the app hears of it.
 * Streams of libp2p's own protocols (identify, ping) are neither: they are the host's.
 */
import { UnsupportedProtocolError, type Connection, type Libp2p, type PeerId, type Stream } from '@libp2p/interface'
import type { Host, OpenOptions, RemotePeer, RemoteStream } from '../control/host.ts'
import { P2pdError, messageOf } from '../errors.ts'
import { MAX_DISCONNECT_MS } from '../limits.ts'
import { safeText } from '../log.ts'
import type { Ask } from '../policy/ask.ts'
import type { Judge } from '../policy/judge.ts'
import type { Ledger } from '../policy/ledger.ts'
import { formatMultiaddr, withoutPeerId, type Multiaddr } from '../wire/addresses.ts'
import { ECHO_PROTOCOL } from './echo.ts'
import { endpointOf } from './endpoints.ts'
import type { Gate } from './gate.ts'
import { isLocalAddress, type Neighbours } from './neighbours.ts'

export interface CallsInit {
  readonly node: Libp2p
  readonly tenant: string
  readonly neighbours: Neighbours
  readonly gate: Gate
  readonly judge: Judge
  readonly ledger: Ledger
  /** Called when the last stream has ended. */
  readonly onQuiet: () => void
}

/** How long an address that does not answer may keep the next one waiting. */
const PATIENCE_MS = 6_000
/** How long after its streams a connection may take to be found closed. */
const CLOSES_SOON_MS = 250
/** How long a new connection may take to say who is at its other end, before CONNECT answers without. */
const IDENTIFY_MS = 2_000

/** No limit of the library's own below the tenant's; libp2p's defaults are 32 in and 64 out for each connection and protocol. */
const UNLIMITED = { maxInboundStreams: Number.MAX_SAFE_INTEGER, maxOutboundStreams: Number.MAX_SAFE_INTEGER, runOnLimitedConnection: true }

export class HostCalls implements Host {
  readonly #init: CallsInit
  readonly #node: Libp2p
  /** What the node answered before any program asked for anything: identify, ping. */
  readonly #reserved: ReadonlySet<string>
  /** The app has asked for the daemon itself: until then the way to it is nobody's peer. */
  #isDaemonAsked = false
  /** Inbound streams by protocol. */
  readonly #callers = new Map<string, number>()

  constructor (init: CallsInit) {
    this.#init = init
    this.#node = init.node
    this.#reserved = new Set(init.node.getProtocols().filter(protocol => protocol !== ECHO_PROTOCOL))
  }

  callers (protocol: string): number { return this.#callers.get(protocol) ?? 0 }

  get streams (): number { return this.#init.ledger.streams.used }

  get peerId (): PeerId { return this.#node.peerId }

  addresses (): Multiaddr[] {
    return this.#node.getMultiaddrs().map(withoutPeerId)
  }

  async connect (peer: PeerId, addresses: readonly Multiaddr[], { signal }: { signal: AbortSignal }): Promise<void> {
    if (peer.equals(this.peerId)) throw new P2pdError('ERR_PEER', `${peer.toString()} is this host itself`)
    this.#noteDaemon(peer)
    if (this.#openConnection(peer) !== undefined) return
    const connection = await this.#dial(peer, addresses, signal)
    await this.#identified(connection)
    if (connection.status !== 'open') throw new P2pdError('ERR_PEER', `cannot connect to ${peer.toString()}: it has closed the connection at once, as one does that is not to accept it`)
    // STREAM_OPEN has no addresses of its own: they are to be known after the connection has gone, too.
    await this.#node.peerStore.merge(peer, { multiaddrs: addresses.map(withoutPeerId) })
  }

  /**
   * Tries one address after the other, those known from before if none is given; a neighbour first where the supervisor
   * connects the two. Rejects with ERR_PEER.
   */
  async #dial (peer: PeerId, given: readonly Multiaddr[], signal: AbortSignal): Promise<Connection> {
    this.#init.gate.connect(peer)
    const reasons = new Set<string>()
    const local = this.#init.neighbours.addressOf(peer.toString())
    const addresses = [...local === undefined ? [] : [local], ...given.length > 0 ? given : await this.#knownAddresses(peer)]
    if (addresses.length === 0) reasons.add('no address of it is known: name one')
    for (const [i, address] of addresses.entries()) {
      // Forced: a connection to a neighbour over the network, which it may have made, is not the one that is wanted.
      const force = isLocalAddress(address)
      const made = force ? this.#localConnection(peer) : undefined // by another request, a moment ago
      if (made !== undefined) return made
      const patience = new AbortController()
      const giveUp = (): void => { patience.abort(new P2pdError('ERR_TIMEOUT', `no answer at ${formatMultiaddr(address)}`)) }
      // The last one may take all the time that is left.
      const timer = i < addresses.length - 1 ? setTimeout(giveUp, PATIENCE_MS) : undefined
      try {
        return await this.#node.dial(withoutPeerId(address).encapsulate(`/p2p/${peer.toString()}`), { force, signal: AbortSignal.any([signal, patience.signal]) })
      } catch (cause) {
        if (signal.aborted) throw cause
        reasons.add(patience.signal.aborted ? messageOf(patience.signal.reason) : reasonOf(cause))
      } finally {
        clearTimeout(timer)
      }
    }
    throw new P2pdError('ERR_PEER', `cannot connect to ${peer.toString()}: ${[...reasons].join('; ')}`)
  }

  async #knownAddresses (peer: PeerId): Promise<Multiaddr[]> {
    try {
      return (await this.#node.peerStore.get(peer)).addresses.map(({ multiaddr }) => multiaddr)
    } catch {
      return [] // never heard of
    }
  }

  /**
   * Resolves when the other side has said who it is: then it lists this connection too. A peer that does not say it is not
   * waited for long.
   */
  async #identified (connection: Connection): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const onIdentify = ({ detail }: { detail: { connection: Connection } }): void => { if (detail.connection.id === connection.id) resolve() }
    const timer = setTimeout(resolve, IDENTIFY_MS)
    this.#node.addEventListener('peer:identify', onIdentify)
    const onClose = (): void => { resolve() }
    connection.addEventListener('close', onClose)
    if (connection.status !== 'open') resolve()
    await promise
    clearTimeout(timer)
    this.#node.removeEventListener('peer:identify', onIdentify)
    connection.removeEventListener('close', onClose)
  }

  /** How the control protocol asks the daemon's host something, without the app having asked to be connected to it. */
  async openToDaemon (peer: PeerId, protocol: string, options: { signal: AbortSignal }): Promise<RemoteStream> {
    return await this.#open(peer, [protocol], options)
  }

  #noteDaemon (peer: PeerId): void {
    if (this.#init.neighbours.isDaemon(peer.toString())) this.#isDaemonAsked = true
  }

  async disconnect (peer: PeerId): Promise<void> {
    if (this.#init.neighbours.isDaemon(peer.toString())) this.#isDaemonAsked = false
    await Promise.all(this.#node.getConnections(peer).map(async connection => {
      try {
        await connection.close({ signal: AbortSignal.timeout(MAX_DISCONNECT_MS) })
      } catch (error) {
        connection.abort(error instanceof Error ? error : new Error(messageOf(error)))
      }
    }))
  }

  peers (): RemotePeer[] {
    const rows = new Map<string, { peer: PeerId, addresses: Multiaddr[] }>()
    for (const { remotePeer: peer, remoteAddr, status } of this.#node.getConnections()) {
      if (status !== 'open' || (!this.#isDaemonAsked && this.#init.neighbours.isDaemon(peer.toString()))) continue
      const row = rows.get(peer.toString()) ?? { peer, addresses: [] }
      row.addresses.push(withoutPeerId(remoteAddr))
      rows.set(peer.toString(), row)
    }
    return [...rows.values()]
  }

  async openStream (peer: PeerId, protocols: readonly string[], options: OpenOptions): Promise<RemoteStream> {
    if (peer.equals(this.peerId)) throw new P2pdError('ERR_PEER', `${peer.toString()} is this host itself`)
    this.#noteDaemon(peer)
    return await this.#open(peer, protocols, options)
  }

  async #open (peer: PeerId, protocols: readonly string[], { signal, whose = this.#init.tenant }: OpenOptions): Promise<RemoteStream> {
    const release = this.#init.ledger.openStream(whose) // before anything is awaited, so that a burst cannot pass the limit together
    try {
      const opened = await this.#negotiate(peer, protocols, { signal, whose })
      this.#onceClosed(opened.stream, release)
      return opened
    } catch (cause) {
      this.#release(release)
      if (cause instanceof P2pdError) throw cause
      if (cause instanceof UnsupportedProtocolError && this.#init.neighbours.isDaemon(peer.toString())) {
        throw new P2pdError('ERR_UNAVAILABLE', `no provider: nobody serves ${protocols.map(safeText).join(', ')} in the daemon's name now`)
      }
      const reason = cause instanceof UnsupportedProtocolError ? `it speaks none of ${protocols.map(safeText).join(', ')}` : reasonOf(cause)
      throw new P2pdError('ERR_PEER', `cannot open a stream to ${peer.toString()}: ${reason}`, { cause })
    }
  }

  /**
   * A host of this machine may have ended, or be ending because it is idle, and the connection to it not know yet: then it is
   * connected to again. Nothing of the stream has been heard there, so nothing is done twice.
   */
  async #negotiate (peer: PeerId, protocols: readonly string[], { signal, whose }: Required<OpenOptions>): Promise<RemoteStream> {
    const open = async (connection: Connection): Promise<RemoteStream> => remoteStream(await connection.newStream([...protocols], { ...UNLIMITED, signal }), connection, whose)
    const connection = this.#openConnection(peer) ?? await this.#dial(peer, [], signal)
    try {
      return await open(connection)
    } catch (cause) {
      if (signal.aborted || cause instanceof UnsupportedProtocolError || !isLocalAddress(connection.remoteAddr) || !await closesSoon(connection)) throw cause
      return await open(await this.#dial(peer, [], signal))
    }
  }

  async handle (protocol: string, receive: (stream: RemoteStream) => void): Promise<void> {
    await this.#node.handle(protocol, (stream, connection) => {
      try {
        const whose = this.#whose(connection)
        this.#admit(stream, connection, whose)
        receive(remoteStream(stream, connection, whose))
      } catch (error) {
        stream.abort(error instanceof Error ? error : new Error(messageOf(error))) // audited and counted where it was refused
      }
    }, protocol === ECHO_PROTOCOL ? { ...UNLIMITED, force: true } : UNLIMITED)
  }

  /** Throws when policy or a limit is against it. It is closed when policy is, later. */
  #admit (stream: Stream, { remotePeer, remoteAddr }: Connection, whose: string): void {
    const { judge, ledger, tenant } = this.#init
    const peer = remotePeer.toString()
    this.#noteDaemon(remotePeer)
    const caller = { tenant }
    const ask: Ask = { action: 'acceptStream', resource: { type: 'Protocol', id: stream.protocol }, context: { ...endpointOf(remoteAddr), peer } }
    judge.require(caller, ask)
    this.#onceClosed(stream, ledger.acceptStream(peer, { isOurs: isLocalAddress(remoteAddr), whose }))
    this.#count(stream)
    this.#onceClosed(stream, judge.hold(caller, ask, reason => { stream.abort(reason) }))
  }

  /** Only the supervisor makes connections that are local: nobody else is taken for a tenant. */
  #whose ({ remotePeer, remoteAddr }: Connection): string {
    return isLocalAddress(remoteAddr) ? this.#init.neighbours.tenantOf(remotePeer.toString()) ?? '' : ''
  }

  #count (stream: Stream): void {
    const { protocol } = stream
    this.#callers.set(protocol, this.callers(protocol) + 1)
    this.#onceClosed(stream, () => {
      const left = this.callers(protocol) - 1
      if (left === 0) this.#callers.delete(protocol)
      else this.#callers.set(protocol, left)
    })
  }

  async unhandle (protocol: string): Promise<void> {
    await this.#node.unhandle(protocol)
  }

  isReserved (protocol: string): boolean { return this.#reserved.has(protocol) }

  /** To the daemon only one that the supervisor made, as what is asked there depends on who asks. */
  #openConnection (peer: PeerId): Connection | undefined {
    const local = this.#localConnection(peer)
    if (local !== undefined || this.#init.neighbours.isDaemon(peer.toString())) return local
    return this.#node.getConnections(peer).find(({ status }) => status === 'open')
  }

  #localConnection (peer: PeerId): Connection | undefined {
    return this.#node.getConnections(peer).find(({ status, remoteAddr }) => status === 'open' && isLocalAddress(remoteAddr))
  }

  #onceClosed (stream: Stream, release: () => void): void {
    if (stream.status === 'open') stream.addEventListener('close', () => { this.#release(release) }, { once: true })
    else this.#release(release)
  }

  #release (release: () => void): void {
    release()
    if (this.streams === 0) this.#init.onQuiet()
  }
}

/** Whether it has closed, or does so now: its streams learn of it a moment earlier. */
async function closesSoon (connection: Connection): Promise<boolean> {
  if (connection.status !== 'open') return true
  const { promise, resolve } = Promise.withResolvers<void>()
  const onClose = (): void => { resolve() }
  const timer = setTimeout(onClose, CLOSES_SOON_MS)
  connection.addEventListener('close', onClose)
  await promise
  clearTimeout(timer)
  connection.removeEventListener('close', onClose)
  return connection.status !== 'open'
}

/** Paused at once: nobody reads it yet, and an unread stream that is not paused is reset when its buffer is full. */
function remoteStream (stream: Stream, connection: Connection, whose: string): RemoteStream {
  if (stream.readStatus === 'readable') stream.pause()
  return { stream, peer: connection.remotePeer, address: withoutPeerId(connection.remoteAddr), protocol: stream.protocol, whose }
}

/** libp2p reports a dial that failed at several addresses as one error with all of theirs inside. */
function reasonOf (error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return [...new Set(error.errors.map(messageOf))].join('; ')
  return messageOf(error)
}
