/** A key-value and provider store in memory that answers as a DHT does. Of p2pd it knows what it is asked, and by whom. */
import { P2pdError, peerBytes, type DhtPlugin, type DhtQuestion, type Peer } from 'p2pd/client'
import { Peers } from './peers.ts'
import { MAX_CID_BYTES, Providers } from './providers.ts'
import { Shares } from './shares.ts'
import { Values } from './values.ts'

export interface StoreInit {
  /** Bytes of values and provider records, of all callers together. Default: 64 MiB. */
  readonly maxBytes?: number
  /** And of each caller. Default: 4 MiB. */
  readonly maxBytesPerCaller?: number
  /** How long a value or a provider record lasts after it was put the last time, milliseconds. Default: a day. */
  readonly ttlMs?: number
  readonly now?: () => number
}

type Asked<T> = DhtQuestion & Readonly<T>

export class DhtStore implements DhtPlugin {
  readonly #values: Values
  readonly #providers: Providers
  readonly #peers: Peers

  constructor ({ maxBytes = 64 * 1024 * 1024, maxBytesPerCaller = 4 * 1024 * 1024, ttlMs = 24 * 3_600_000, now = Date.now }: StoreInit = {}) {
    const shares = new Shares({ all: maxBytes, each: maxBytesPerCaller })
    this.#values = new Values(shares, ttlMs, now)
    this.#providers = new Providers(shares, ttlMs, now)
    this.#peers = new Peers(now)
  }

  putValue ({ key, value, ...question }: Asked<{ key: Uint8Array, value: Uint8Array }>): void {
    this.#hear(question)
    this.#values.put(key, value, question.caller)
  }

  getValue ({ key, ...question }: Asked<{ key: Uint8Array }>): Uint8Array | undefined {
    this.#hear(question)
    return this.#values.get(key)
  }

  /** There is one value at most, so none is better than the first. */
  searchValue (question: Asked<{ key: Uint8Array }>): Uint8Array[] {
    const value = this.getValue(question)
    return value === undefined ? [] : [value]
  }

  provide ({ cid, caller, ...question }: Asked<{ cid: Uint8Array }>): void {
    this.#hear({ caller, ...question })
    if (cid.length > MAX_CID_BYTES) throw new P2pdError('ERR_REQUEST', `a CID has at most ${MAX_CID_BYTES} bytes here, this one ${cid.length}`)
    this.#providers.add(cid, { peerId: caller, addresses: question.address === '' ? [] : [question.address] })
  }

  findProviders ({ cid, ...question }: Asked<{ cid: Uint8Array }>): Peer[] {
    this.#hear(question)
    return this.#providers.of(cid)
  }

  findPeer ({ peerId, ...question }: Asked<{ peerId: string }>): Peer | undefined {
    this.#hear(question)
    return this.#peers.find(peerId)
  }

  /** Without the caller itself, whom it does not need to be told of. */
  getClosestPeers ({ key, ...question }: Asked<{ key: Uint8Array }>): string[] {
    this.#hear(question)
    return this.#peers.closestTo(key).filter(peerId => peerId !== question.caller)
  }

  /** Nothing has to be stored: the IDs of Ed25519 and secp256k1 keys hold the key itself, behind two bytes. */
  getPublicKey ({ peerId }: Asked<{ peerId: string }>): Uint8Array | undefined {
    const bytes = peerBytes(peerId)
    return bytes[0] === 0 ? bytes.subarray(2) : undefined
  }

  /** Whoever asks is known from then on; and what has expired makes room for others. */
  #hear ({ caller, address }: Pick<DhtQuestion, 'caller' | 'address'>): void {
    this.#peers.see(caller, address)
    this.#values.sweep()
    this.#providers.sweep()
  }
}
