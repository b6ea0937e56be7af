/**
 * A token bucket: so many a second, and a burst of what was not used before. Pure but for its clock; runs no timer.
 */

/** How many seconds' worth may be used at once. */
const BURST_SECONDS = 2

export interface TokenBucketInit {
  readonly perSecond: number
  /** How many it holds when full, as it is at first; two seconds' worth unless given. */
  readonly burst?: number
  /** Milliseconds, of any clock that does not go back. */
  readonly now?: () => number
}

export class TokenBucket {
  readonly #perSecond: number
  readonly #burst: number
  readonly #now: () => number
  #tokens: number
  #at: number

  constructor ({ perSecond, burst = perSecond * BURST_SECONDS, now = () => performance.now() }: TokenBucketInit) {
    this.#perSecond = perSecond
    this.#burst = burst
    this.#now = now
    this.#tokens = burst
    this.#at = now()
  }

  /** Takes `count` if that many are there. */
  take (count = 1): boolean {
    this.#refill()
    if (this.#tokens < count) return false
    this.#tokens -= count
    return true
  }

  /** Takes `count` in any case; what was not there is owed. */
  owe (count: number): void {
    this.#refill()
    this.#tokens -= count
  }

  /** How long until nothing is owed any more, milliseconds; 0 when nothing is. */
  owedMs (): number {
    this.#refill()
    return this.#tokens >= 0 ? 0 : Math.ceil(-this.#tokens / this.#perSecond * 1000)
  }

  #refill (): void {
    const now = this.#now()
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) / 1000 * this.#perSecond)
    this.#at = now
  }
}
