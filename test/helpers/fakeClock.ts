/** Time that goes on when the test says so, and never by itself. */
export class FakeClock {
  #nowMs = 0
  readonly #due = new Set<{ atMs: number, callback: () => void }>()

  /** Timers that run. */
  get timers (): number { return this.#due.size }

  readonly now = (): number => this.#nowMs

  readonly after = (ms: number, callback: () => void): Disposable => {
    const timer = { atMs: this.#nowMs + ms, callback }
    this.#due.add(timer)
    return { [Symbol.dispose]: () => { this.#due.delete(timer) } }
  }

  /** Calls back what is due on the way, in its order. */
  advance (ms: number): void {
    const endMs = this.#nowMs + ms
    for (;;) {
      const [next] = [...this.#due].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)
      if (next === undefined) break
      this.#due.delete(next)
      this.#nowMs = next.atMs
      next.callback()
    }
    this.#nowMs = endMs
  }
}
