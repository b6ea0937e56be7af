/**
 * What a node remembers of its peers, in memory and not without end.
 *
 * libp2p keeps an entry for every peer it ever met or failed to dial, and only ages them by hours: a program that dials random
 * peer IDs, or peers that come under ever new ones, would fill a host's memory. Here the entry that was used longest ago goes.
 * The node's own is never it: identify answers from it.
 */
import { MemoryDatastore } from 'datastore-core'

type Key = Parameters<MemoryDatastore['put']>[0]

export class BoundedDatastore extends MemoryDatastore {
  readonly #limit: number
  readonly #isKept: (key: string) => boolean
  /** Keys in the order of their last use. */
  readonly #used = new Map<string, Key>()

  constructor (limit: number, isKept: (key: string) => boolean) {
    super()
    this.#limit = limit
    this.#isKept = isKept
  }

  override put (...[key, value, options]: Parameters<MemoryDatastore['put']>): ReturnType<MemoryDatastore['put']> {
    const result = super.put(key, value, options)
    this.#use(key)
    if (this.#used.size > this.#limit) {
      const [oldest] = this.#used.values()
      if (oldest !== undefined) void this.delete(oldest)
    }
    return result
  }

  override get (...[key, options]: Parameters<MemoryDatastore['get']>): ReturnType<MemoryDatastore['get']> {
    const value = super.get(key, options)
    this.#use(key)
    return value
  }

  override delete (...[key, options]: Parameters<MemoryDatastore['delete']>): ReturnType<MemoryDatastore['delete']> {
    this.#used.delete(key.toString())
    return super.delete(key, options)
  }

  #use (key: Key): void {
    const name = key.toString()
    if (this.#isKept(name)) return
    this.#used.delete(name)
    this.#used.set(name, key)
  }
}
