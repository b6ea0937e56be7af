/**
 * How many bytes a second all pipes of a tenant together may pass. More is not refused but slowed down: whoever passes bytes
 * says so afterwards, and waits while more has passed than was due.
 */
import { TokenBucket } from '../tokenBucket.ts'

export class ByteMeter {
  readonly #bucket: TokenBucket | undefined
  readonly #waiting = new Set<() => void>()
  #timer: NodeJS.Timeout | undefined

  /** @param bytesPerSecond 0: no limit */
  constructor (bytesPerSecond: number) {
    if (bytesPerSecond > 0) this.#bucket = new TokenBucket({ perSecond: bytesPerSecond })
  }

  /** So many have passed. */
  count (bytes: number): void {
    this.#bucket?.owe(bytes)
  }

  /** Whether more may pass now. */
  get isOpen (): boolean { return this.#bucket === undefined || this.#bucket.owedMs() === 0 }

  /** Calls back when more may pass; each function once, however often it was given. */
  whenOpen (callback: () => void): void {
    this.#waiting.add(callback)
    this.#timer ??= setTimeout(this.#look, this.#bucket?.owedMs() ?? 0)
  }

  forget (callback: () => void): void {
    this.#waiting.delete(callback)
    if (this.#waiting.size > 0) return
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  readonly #look = (): void => {
    this.#timer = undefined
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    // One after the other: when the first ones have used it up again, the rest go on waiting, and are the first next time.
    for (const callback of waiting) {
      if (this.isOpen) callback()
      else this.whenOpen(callback)
    }
  }
}
