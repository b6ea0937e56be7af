/**
 * Values by their keys, and who may write which.
 *
 * A key that begins with `/mine/PEER ID/` can be written by that peer alone: the daemon has proved who the caller is, so
 * nothing has to be signed. Any other key is its first writer's, until the value expires.
 */
import { P2pdError } from 'p2pd/client'
import { Expiring } from './expiring.ts'
import type { Shares } from './shares.ts'

const MAX_KEY_BYTES = 1024
const MAX_VALUE_BYTES = 64 * 1024

/** What an entry takes, roughly, beside key and value. */
const ENTRY_BYTES = 256

interface Entry {
  readonly owner: string
  readonly value: Uint8Array
  readonly bytes: number
}

export class Values {
  readonly #shares: Shares
  readonly #entries: Expiring<Entry>

  constructor (shares: Shares, ttlMs: number, now: () => number) {
    this.#shares = shares
    this.#entries = new Expiring(ttlMs, now, ({ owner, bytes }) => { this.#shares.giveBack(owner, bytes) })
  }

  get (key: Uint8Array): Uint8Array | undefined {
    return this.#entries.get(nameOf(key))?.value
  }

  /** Throws ERR_DENIED when the key is another peer's, ERR_REQUEST or ERR_LIMIT when something is too much. */
  put (key: Uint8Array, value: Uint8Array, caller: string): void {
    if (key.length > MAX_KEY_BYTES) throw new P2pdError('ERR_REQUEST', `a key has at most ${MAX_KEY_BYTES} bytes here, this one ${key.length}`)
    if (value.length > MAX_VALUE_BYTES) throw new P2pdError('ERR_REQUEST', `a value has at most ${MAX_VALUE_BYTES} bytes here, this one ${value.length}`)
    const before = this.#entries.get(nameOf(key))
    const owner = namedOwner(key) ?? before?.owner
    if (owner !== undefined && owner !== caller) throw new P2pdError('ERR_DENIED', `this key is ${owner}'s: use one under /mine/${caller}/`)
    const entry = { owner: caller, value, bytes: ENTRY_BYTES + key.length + value.length }
    this.#shares.assertRoom(caller, entry.bytes - (before?.bytes ?? 0))
    this.#entries.set(nameOf(key), entry)
    this.#shares.take(caller, entry.bytes)
  }

  sweep (): void {
    this.#entries.sweep()
  }
}

function nameOf (key: Uint8Array): string {
  return Buffer.from(key).toString('hex')
}

/** Whatever stands between `/mine/` and the next slash: if it is no peer ID, nobody can be it. */
function namedOwner (key: Uint8Array): string | undefined {
  return /^\/mine\/([^/]*)/.exec(Buffer.from(key).toString('latin1'))?.[1]
}
