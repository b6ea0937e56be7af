/** The peers that have asked something, which are all the peers that this store can know. */
import { createHash } from 'node:crypto'
import { peerBytes, type Peer } from 'p2pd/client'
import { Expiring } from './expiring.ts'

const TTL_MS = 30 * 60_000

/** Whoever was heard of longest ago is forgotten first. */
const MAX_PEERS = 1024

export class Peers {
  readonly #seen: Expiring<{ readonly peer: Peer, readonly position: Buffer }>

  constructor (now: () => number) {
    this.#seen = new Expiring(TTL_MS, now)
  }

  /** @param address where it was seen; empty when that is not known */
  see (peerId: string, address: string): void {
    this.#seen.set(peerId, { peer: { peerId, addresses: address === '' ? [] : [address] }, position: sha256(peerBytes(peerId)) })
    this.#seen.keep(MAX_PEERS)
  }

  find (peerId: string): Peer | undefined {
    return this.#seen.get(peerId)?.peer
  }

  /** Closest first, as Kademlia of libp2p has it: by the XOR of the SHA-256 of the key and of the peer ID. */
  closestTo (key: Uint8Array): string[] {
    const target = sha256(key)
    const distances = this.#seen.values().map(({ peer, position }) => ({ peerId: peer.peerId, distance: position.map((byte, index) => byte ^ (target[index] ?? 0)) }))
    return distances.toSorted((one, other) => Buffer.compare(one.distance, other.distance)).map(({ peerId }) => peerId)
  }
}

function sha256 (bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}
