/**
 * How long to wait before a host that crashed is started again, and when to give up.
 *
 * 1 s, doubling with each crash to 60 s; the fifth within five minutes parks it, until an operator has looked.
 */
const FIRST_DELAY_MS = 1_000
const LONGEST_DELAY_MS = 60_000
const WINDOW_MS = 5 * 60_000
const CRASHES_TO_PARK = 5

export class BackOff {
  readonly #now: () => number
  #crashes: number[] = []

  /** @param now milliseconds, of any clock that does not go back */
  constructor (now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Counts a crash: the delay before the next start in milliseconds, or `park`. */
  crashed (): number | 'park' {
    const now = this.#now()
    this.#crashes = [...this.#crashes.filter(then => now - then < WINDOW_MS), now]
    if (this.#crashes.length >= CRASHES_TO_PARK) return 'park'
    return Math.min(FIRST_DELAY_MS * 2 ** (this.#crashes.length - 1), LONGEST_DELAY_MS)
  }

  /** An operator starts it anew. */
  forget (): void {
    this.#crashes = []
  }
}
