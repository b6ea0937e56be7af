/**
 * Connections that peers make, before and after they have proved who they are.
 *
 * Owns who gives way when there are too many. A handshake that has not finished is worth nothing: when there are too many of
 * them the oldest of the network that has most is dropped for the newcomer, so whoever floods drops their own, and a peer
 * whose handshake takes milliseconds gets in. One that has finished is never dropped for another: there a limit is a refusal.
 */
import type { P2pdError } from '../errors.ts'
import type { Ledger } from './ledger.ts'

/** Handshakes at once, and of one network: enough for every peer to come back at the same time after a restart. */
const MAX_HANDSHAKES = 128
const MAX_HANDSHAKES_OF_SUBNET = 64
/** Peers remembered as known, the longest unused forgotten first. */
const MAX_KNOWN = 1_024

/** In place of a network: over a connection that the supervisor made, from a host of this machine, which no stranger keeps out. */
const OURS = 'this machine'

export interface Arrival {
  /** Closes the connection. */
  readonly drop: () => void
  readonly subnet: string
  peer: string | undefined
}

export class InboundLedger {
  readonly #ledger: Ledger
  /** In the order in which they came. */
  readonly #handshakes = new Set<Arrival>()
  readonly #perSubnet = new Map<string, number>()
  readonly #perPeer = new Map<string, number>()
  readonly #known = new Set<string>()

  constructor (ledger: Ledger) {
    this.#ledger = ledger
  }

  get handshakes (): number { return this.#handshakes.size }

  /** The tenant has dialled this peer itself: the reserve is there for it. */
  know (peer: string): void {
    this.#known.delete(peer)
    this.#known.add(peer)
    if (this.#known.size > MAX_KNOWN) for (const oldest of this.#known) { this.#known.delete(oldest); break }
  }

  /**
   * A connection from this address, nobody knows whose; undefined for one that the supervisor made. May drop another. Give it
   * to left() when it has closed.
   */
  arrived (ip: string | undefined, drop: () => void): Arrival {
    const arrival: Arrival = { drop, subnet: ip === undefined ? OURS : subnetOf(ip), peer: undefined }
    const same = [...this.#handshakes].filter(({ subnet }) => subnet === arrival.subnet)
    if (same.length >= MAX_HANDSHAKES_OF_SUBNET) this.#drop(same[0])
    else if (this.#handshakes.size >= MAX_HANDSHAKES) this.#drop(this.#oldestOfLargest())
    this.#handshakes.add(arrival)
    return arrival
  }

  /** It has proved to be this peer: it counts from now on, or ERR_LIMIT. */
  proved (arrival: Arrival, peer: string): void {
    const { limits, connections } = this.#ledger
    this.#handshakes.delete(arrival)
    const isKnown = arrival.subnet === OURS || this.#known.has(peer)
    const ofPeer = this.#perPeer.get(peer) ?? 0
    const ofSubnet = this.#perSubnet.get(arrival.subnet) ?? 0
    if (ofPeer >= limits.inbound.connectionsPerPeer) throw this.#over('inbound.connectionsPerPeer', limits.inbound.connectionsPerPeer)
    if (!isKnown && ofSubnet >= limits.inbound.connectionsPerSubnet) throw this.#over('inbound.connectionsPerSubnet', limits.inbound.connectionsPerSubnet)
    if (!isKnown && connections.used >= limits.connections - limits.inbound.reserved) throw this.#over('inbound.reserved', limits.inbound.reserved)
    connections.take()
    arrival.peer = peer
    this.#perPeer.set(peer, ofPeer + 1)
    this.#perSubnet.set(arrival.subnet, ofSubnet + 1)
  }

  /** Closed, whether it had proved anything or not. */
  left (arrival: Arrival): void {
    this.#handshakes.delete(arrival)
    if (arrival.peer === undefined) return
    countDown(this.#perPeer, arrival.peer)
    countDown(this.#perSubnet, arrival.subnet)
    this.#ledger.connections.release()
    arrival.peer = undefined
  }

  #over (name: 'inbound.connectionsPerPeer' | 'inbound.connectionsPerSubnet' | 'inbound.reserved', limit: number): P2pdError {
    return this.#ledger.over(name, limit)
  }

  #oldestOfLargest (): Arrival | undefined {
    const counts = new Map<string, number>()
    for (const { subnet } of this.#handshakes) counts.set(subnet, (counts.get(subnet) ?? 0) + 1)
    const largest = Math.max(...counts.values())
    return [...this.#handshakes].find(({ subnet }) => counts.get(subnet) === largest)
  }

  #drop (arrival: Arrival | undefined): void {
    if (arrival === undefined) return
    this.#handshakes.delete(arrival)
    arrival.drop()
  }
}

function countDown (counts: Map<string, number>, key: string): void {
  const left = (counts.get(key) ?? 1) - 1
  if (left === 0) counts.delete(key)
  else counts.set(key, left)
}

/**
 * The network an address is in, as far as one owner commonly has it: /24 of IPv4, /56 of IPv6.
 *
 * @param ip in its canonical spelling
 */
export function subnetOf (ip: string): string {
  if (!ip.includes(':')) return ip.split('.').slice(0, 3).join('.')
  const [head = '', tail] = ip.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length
  const groups = [...left, ...Array<string>(Math.max(0, zeros)).fill('0'), ...right].map(group => Number.parseInt(group, 16))
  return `${groups.slice(0, 3).map(group => group.toString(16)).join(':')}:${((groups[3] ?? 0) & 0xff00).toString(16)}`
}
