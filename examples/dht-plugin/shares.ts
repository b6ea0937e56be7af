/**
 * How many bytes each caller has here.
 *
 * Callers are other people's programs: without a share of its own, one could fill the store and leave the others nothing. What
 * is full is refused; nothing of anybody's is dropped to make room for somebody else.
 */
import { P2pdError } from 'p2pd/client'

export interface ShareLimits {
  /** Bytes of all callers together, and of each. */
  readonly all: number
  readonly each: number
}

export class Shares {
  readonly #limits: ShareLimits
  readonly #taken = new Map<string, number>()
  #sum = 0

  constructor (limits: ShareLimits) {
    this.#limits = limits
  }

  /** Throws ERR_LIMIT, in words for the caller, when so many bytes more are too many. Takes nothing. */
  assertRoom (caller: string, bytes: number): void {
    const { all, each } = this.#limits
    if (bytes > 0 && (this.#taken.get(caller) ?? 0) + bytes > each) {
      throw new P2pdError('ERR_LIMIT', `this would be more than your share of ${each} bytes: wait until something of yours expires`)
    }
    if (bytes > 0 && this.#sum + bytes > all) throw new P2pdError('ERR_LIMIT', 'the store is full: wait until something expires')
  }

  take (caller: string, bytes: number): void {
    const taken = (this.#taken.get(caller) ?? 0) + bytes
    if (taken > 0) this.#taken.set(caller, taken)
    else this.#taken.delete(caller)
    this.#sum += bytes
  }

  giveBack (caller: string, bytes: number): void {
    this.take(caller, -bytes)
  }
}
