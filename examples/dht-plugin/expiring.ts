/** Entries that last equally long, each from when it was last set; so the oldest are always in front. */
export class Expiring<Value> {
  readonly #entries = new Map<string, { readonly value: Value, readonly expires: number }>()
  readonly #ttlMs: number
  readonly #now: () => number
  readonly #forget: (value: Value) => void

  /** @param forget told of each value that is no longer here: expired, deleted or replaced */
  constructor (ttlMs: number, now: () => number, forget: (value: Value) => void = () => {}) {
    this.#ttlMs = ttlMs
    this.#now = now
    this.#forget = forget
  }

  get (key: string): Value | undefined {
    this.sweep()
    return this.#entries.get(key)?.value
  }

  set (key: string, value: Value): void {
    this.#delete(key)
    this.#entries.set(key, { value, expires: this.#now() + this.#ttlMs })
  }

  /** Oldest first. */
  values (): Value[] {
    this.sweep()
    return Array.from(this.#entries.values(), ({ value }) => value)
  }

  /** Forgets the oldest until there are no more than so many. */
  keep (most: number): void {
    for (const key of this.#entries.keys()) {
      if (this.#entries.size <= most) return
      this.#delete(key)
    }
  }

  /** Forgets what has expired; costs only that. */
  sweep (): void {
    for (const [key, { expires }] of this.#entries) {
      if (expires > this.#now()) return
      this.#delete(key)
    }
  }

  #delete (key: string): void {
    const entry = this.#entries.get(key)
    if (this.#entries.delete(key) && entry !== undefined) this.#forget(entry.value)
  }
}
