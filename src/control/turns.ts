/** Whoever wants the same thing, one after the other, in the order in which they came. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>()

  /** Whether somebody has a turn at it, or waits for one. */
  has (key: string): boolean { return this.#last.has(key) }

  /** Runs when all who came before are done or have given up. Rejects with the signal's reason when that is first. */
  async take<T> (key: string, signal: AbortSignal, run: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key)
    const { promise: done, resolve } = Promise.withResolvers<void>()
    const mine = before === undefined ? done : before.then(async () => { await done })
    this.#last.set(key, mine)
    try {
      if (before !== undefined) await until(before, signal)
      return await run()
    } finally {
      resolve()
      if (this.#last.get(key) === mine) this.#last.delete(key)
    }
  }
}

async function until (what: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const onAbort = (): void => { reject(signal.reason) }
  signal.addEventListener('abort', onAbort, { once: true })
  void what.then(resolve)
  try {
    await promise
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
