/** Notices when a host has had nothing to do for long enough that it can stop. */
export class IdleClock {
  readonly #afterMs: number
  readonly #isIdle: () => boolean
  readonly #onIdle: () => void
  #timer: NodeJS.Timeout | undefined

  /** @param afterMs 0 = never */
  constructor (afterMs: number, isIdle: () => boolean, onIdle: () => void) {
    this.#afterMs = afterMs
    this.#isIdle = isIdle
    this.#onIdle = onIdle
  }

  /** Call whenever something has ended: if nothing is left the time begins anew. It is looked at again before it counts. */
  readonly touch = (): void => {
    clearTimeout(this.#timer)
    if (this.#afterMs === 0 || !this.#isIdle()) return
    this.#timer = setTimeout(() => { if (this.#isIdle()) this.#onIdle() }, this.#afterMs)
  }

  stop (): void {
    clearTimeout(this.#timer)
  }
}
