/** Who has what: peers by the CID that they said they provide. */
import type { Peer } from 'p2pd/client'
import { Expiring } from './expiring.ts'
import type { Shares } from './shares.ts'

/** Longest CID: one with the longest hash in use, SHA-512, has 69 bytes. */
export const MAX_CID_BYTES = 128

/** What a record takes, roughly, beside its CID. */
const RECORD_BYTES = 512

interface Provider extends Peer {
  readonly cid: string
  readonly bytes: number
}

export class Providers {
  readonly #shares: Shares
  readonly #records: Expiring<Provider>
  /** By CID, then by peer ID. */
  readonly #index = new Map<string, Map<string, Provider>>()

  constructor (shares: Shares, ttlMs: number, now: () => number) {
    this.#shares = shares
    this.#records = new Expiring(ttlMs, now, record => { this.#forget(record) })
  }

  /** Lasts from now on, also when it was there. Throws ERR_LIMIT when the peer has no room. */
  add (cidBytes: Uint8Array, { peerId, addresses }: Peer): void {
    const cid = Buffer.from(cidBytes).toString('hex')
    const record = { cid, peerId, addresses, bytes: RECORD_BYTES + cidBytes.length }
    this.#records.sweep()
    this.#shares.assertRoom(peerId, record.bytes - (this.#index.get(cid)?.get(peerId)?.bytes ?? 0))
    this.#records.set(`${cid}/${peerId}`, record)
    this.#shares.take(peerId, record.bytes)
    const providers = this.#index.get(cid) ?? new Map<string, Provider>()
    this.#index.set(cid, providers.set(peerId, record))
  }

  /** Whoever said so last comes last. */
  of (cid: Uint8Array): Peer[] {
    this.#records.sweep()
    const records = this.#index.get(Buffer.from(cid).toString('hex'))?.values() ?? []
    return Array.from(records, ({ peerId, addresses }) => ({ peerId, addresses }))
  }

  sweep (): void {
    this.#records.sweep()
  }

  #forget ({ cid, peerId, bytes }: Provider): void {
    this.#shares.giveBack(peerId, bytes)
    const providers = this.#index.get(cid)
    providers?.delete(peerId)
    if (providers?.size === 0) this.#index.delete(cid)
  }
}
