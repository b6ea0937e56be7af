/** Something that goes on beside a test: again and again until it is stopped. */
export class Repeated implements AsyncDisposable {
  #isOver = false
  /** How often it was done. */
  times = 0
  readonly #done: Promise<void>

  constructor (act: () => Promise<void>) {
    this.#done = this.#repeat(act)
    this.#done.catch(() => {}) // stop() tells
  }

  /** Resolves when the last one is done. Rejects with what ended it earlier. */
  async stop (): Promise<void> {
    this.#isOver = true
    await this.#done
  }

  /** For a test that has failed elsewhere: whatever ended this is of no interest then. */
  async [Symbol.asyncDispose] (): Promise<void> {
    await this.stop().catch(() => {})
  }

  async #repeat (act: () => Promise<void>): Promise<void> {
    for (; !this.#isOver; this.times++) await act()
  }
}
