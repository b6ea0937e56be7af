/** Numbers that look random and are the same again for the same seed. */

export class Random {
  #state: number

  /** A stream of its own for each pair, so that one case can be made again without the ones before it. */
  constructor (seed: number, stream = 0) {
    this.#state = Math.imul(seed ^ Math.imul(stream + 1, 0x9e3779b1), 0x85ebca6b) >>> 0
  }

  /** 32 bits, by mulberry32. */
  next (): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ this.#state >>> 15, this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61)
    return (mixed ^ mixed >>> 14) >>> 0
  }

  /** 0 to limit - 1. */
  below (limit: number): number {
    return Math.floor(this.next() / 2 ** 32 * limit)
  }

  /** Mostly small, now and then as large as the limit. */
  size (limit: number): number {
    return this.below(this.below(limit) + 1)
  }

  chance (probability: number): boolean {
    return this.next() / 2 ** 32 < probability
  }

  pick<T> (list: readonly T[]): T {
    const found = list[this.below(list.length)]
    if (found === undefined) throw new RangeError('nothing to pick from')
    return found
  }

  /** By weight. */
  weighted<T> (list: ReadonlyArray<readonly [weight: number, value: T]>): T {
    let left = this.next() / 2 ** 32 * list.reduce((sum, [weight]) => sum + weight, 0)
    for (const [weight, value] of list) if ((left -= weight) < 0) return value
    return this.pick(list)[1]
  }

  bytes (length: number): Buffer {
    const bytes = Buffer.alloc(length + 4)
    for (let at = 0; at < length; at += 4) bytes.writeUInt32LE(this.next(), at)
    return bytes.subarray(0, length)
  }

  several<T> (most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make)
  }
}
