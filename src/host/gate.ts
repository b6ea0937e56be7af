/**
 * Where connections pass: every dial before its first packet, every inbound connection when it has proved whose it is.
 *
 * Dials come here from the transport itself (guardedTcp.ts), so no service of libp2p can dial past it. Owns what is asked of
 * policy and counted by the ledger for a connection, and that it is closed when policy no longer allows it.
 */
import { networkInterfaces } from 'node:os'
import type { ConnectionGater, MultiaddrConnection, PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { P2pdError } from '../errors.ts'
import { listenersAt } from '../os/tcpOwners.ts'
import type { Ask, Caller, Endpoint } from '../policy/ask.ts'
import { InboundLedger, type Arrival } from '../policy/inboundLedger.ts'
import type { Judge } from '../policy/judge.ts'
import type { Ledger } from '../policy/ledger.ts'
import { withoutPeerId, type Multiaddr } from '../wire/addresses.ts'
import { endpointOf } from './endpoints.ts'
import type { Neighbours } from './neighbours.ts'

export interface GateInit {
  readonly tenant: string
  readonly judge: Judge
  readonly ledger: Ledger
  readonly neighbours: Neighbours
  /** TCP ports of the daemon itself on this machine: nothing is dialled there. */
  readonly ownPorts: readonly number[]
  /** Whether hosts of this daemon run under this uid. */
  readonly isHostUid: (uid: number) => boolean
}

export class Gate {
  readonly #judge: Judge
  readonly #ledger: Ledger
  readonly #inbound: InboundLedger
  readonly #neighbours: Neighbours
  readonly #ownPorts: readonly number[]
  readonly #isHostUid: (uid: number) => boolean
  /** Nobody's request: the host itself. */
  readonly #host: Caller
  readonly #arrivals = new WeakMap<MultiaddrConnection, Arrival>()

  constructor ({ tenant, judge, ledger, neighbours, ownPorts, isHostUid }: GateInit) {
    this.#judge = judge
    this.#neighbours = neighbours
    this.#ledger = ledger
    this.#inbound = new InboundLedger(ledger)
    this.#ownPorts = ownPorts
    this.#isHostUid = isHostUid
    this.#host = { tenant }
  }

  /** What libp2p asks by itself. */
  readonly gater: ConnectionGater = {
    // What is not said here is allowed by the library only on Node; said, it does not depend on where it runs.
    denyDialMultiaddr: () => false,
    denyDialPeer: peer => this.#isRefused(() => { this.connect(peer) }),
    denyInboundEncryptedConnection: (peer, connection) => this.#isRefused(() => { this.#proved(peer, connection) }),
    // Noise compares the key it meets with the peer ID that was dialled only where that ID holds the key. One that is a hash,
    // as of every RSA key, would be anybody.
    denyOutboundEncryptedConnection: (peer, { remoteAddr }) => !isDialled(peer, remoteAddr)
  }

  /**
   * Whether this peer may be looked for at all; ERR_DENIED. Before any name is looked up. The daemon is there for every tenant:
   * what is asked of it is judged, not the way to it.
   */
  connect (peer: PeerId): void {
    if (this.#neighbours.isDaemon(peer.toString())) return
    this.#judge.require(this.#host, { action: 'connect', resource: { type: 'Peer', id: peer.toString() } })
  }

  /**
   * Whether this address may be dialled now; ERR_DENIED or ERR_LIMIT. It counts as a connection until `failed` is called, or
   * until the connection that `connected` was told of has closed.
   */
  dial (peer: PeerId, endpoint: Endpoint): { connected: (connection: MultiaddrConnection) => void, failed: () => void } {
    const isHere = endpoint.vouched !== true && isThisMachine(endpoint.ip)
    // Whoever names a neighbour's peer ID could name any port of this machine with it, a database's say.
    const isForeign = isHere && !listenersAt(endpoint.ip, endpoint.port).every(this.#isHostUid)
    const ask: Ask = { action: 'dial', resource: { type: 'Peer', id: peer.toString() }, context: { ...endpoint, isForeign } }
    if (isHere && this.#ownPorts.includes(endpoint.port)) {
      throw new P2pdError('ERR_DENIED', `dial denied on Peer ${peer.toString()} at ${endpoint.address}: it is one of the daemon's own ports`)
    }
    if (!this.#isWayToDaemon(peer, endpoint)) this.#judge.require(this.#host, ask)
    this.#ledger.dials.spend()
    this.#ledger.connections.take()
    let isConnected = false
    const release = (): void => {
      this.#ledger.connections.release()
      this.#ledger.descriptors.release()
    }
    try {
      this.#ledger.descriptors.take()
    } catch (error) {
      this.#ledger.connections.release()
      throw error
    }
    return {
      connected: connection => {
        isConnected = true
        this.#inbound.know(peer.toString())
        this.#holdUntilClosed(connection, this.#isWayToDaemon(peer, endpoint) ? undefined : ask, release)
      },
      failed: () => { if (!isConnected) release() }
    }
  }

  /** What a dial that failed says: a host that has no descriptor left has met a limit, and not a peer's fault. */
  whyFailed (error: unknown): unknown {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    return code === 'EMFILE' ? this.#ledger.over('descriptors', this.#ledger.limits.descriptors) : error
  }

  /** Accepted, from nobody knows whom. It may be dropped for another until it has proved who it is. */
  arrived (connection: MultiaddrConnection): void {
    const { ip, vouched = false } = endpointOf(connection.remoteAddr)
    this.#ledger.descriptors.take()
    const arrival = this.#inbound.arrived(vouched ? undefined : ip, () => { connection.abort(new P2pdError('ERR_LIMIT', 'too many handshakes at once')) })
    this.#arrivals.set(connection, arrival)
    onceClosed(connection, () => { this.#inbound.left(arrival); this.#ledger.descriptors.release() })
  }

  #proved (peer: PeerId, connection: MultiaddrConnection): void {
    const endpoint = endpointOf(connection.remoteAddr)
    const isWayFromTenant = endpoint.vouched === true && this.#neighbours.isDaemonHere
    const ask: Ask | undefined = isWayFromTenant ? undefined : { action: 'acceptConnection', resource: { type: 'Peer', id: peer.toString() }, context: endpoint }
    if (ask !== undefined) this.#judge.require(this.#host, ask)
    const arrival = this.#arrivals.get(connection)
    if (arrival === undefined) throw new P2pdError('ERR_CLOSED', 'a connection nobody accepted')
    this.#inbound.proved(arrival, peer.toString())
    this.#holdUntilClosed(connection, ask, () => {})
  }

  /**
   * From a tenant's host to the daemon's, made by the supervisor: each stream on it is judged, and nothing else passes there.
   * The other way the daemon is a neighbour as any other.
   */
  #isWayToDaemon (peer: PeerId, { vouched = false }: Endpoint): boolean {
    return vouched && this.#neighbours.isDaemon(peer.toString())
  }

  #holdUntilClosed (connection: MultiaddrConnection, ask: Ask | undefined, onClosed: () => void): void {
    const release = ask === undefined ? () => {} : this.#judge.hold(this.#host, ask, reason => { connection.abort(reason) })
    onceClosed(connection, () => { release(); onClosed() })
  }

  #isRefused (ask: () => void): boolean {
    try {
      ask()
      return false
    } catch {
      return true // audited and counted where it was refused
    }
  }
}

function onceClosed (connection: MultiaddrConnection, callback: () => void): void {
  if (connection.status !== 'open' && connection.status !== 'closing') return callback()
  connection.addEventListener('close', callback, { once: true })
}

/** Whether this is the peer that the address names; true for an address that names none. */
function isDialled (peer: PeerId, address: Multiaddr): boolean {
  const named = address.getComponents().findLast(({ name }) => name === 'p2p')?.value
  return named === undefined || peerIdFromString(named).equals(peer)
}

function isThisMachine (ip: string): boolean {
  return ip.startsWith('127.') || ip === '::1' || Object.values(networkInterfaces()).some(list => list?.some(({ address }) => address === ip))
}

/** The peer at the end of a dialled address. */
export function peerOf (address: Multiaddr): PeerId {
  const named = address.getComponents().at(-1)
  if (named?.name !== 'p2p' || named.value === undefined) throw new P2pdError('ERR_DENIED', `dial denied: ${withoutPeerId(address).toString()} does not say which peer is meant`)
  return peerIdFromString(named.value)
}
