/**
 * Whether a host still answers: it is asked every second, and ten questions without a word from it are enough.
 *
 * Questions are counted, not time: a supervisor that was itself stopped or suspended for an hour has asked once.
 */
export interface HeartbeatInit {
  /** Asks. */
  readonly ask: () => void
  /** Once: it has said nothing to all of them. */
  readonly onSilence: () => void
  readonly everyMs?: number
  readonly most?: number
}

const EVERY_MS = 1_000
const MOST_UNANSWERED = 10

export class Heartbeat implements Disposable {
  readonly #timer: NodeJS.Timeout
  #unanswered = 0

  constructor ({ ask, onSilence, everyMs = EVERY_MS, most = MOST_UNANSWERED }: HeartbeatInit) {
    this.#timer = setInterval(() => {
      if (this.#unanswered >= most) {
        clearInterval(this.#timer)
        return onSilence()
      }
      this.#unanswered++
      ask()
    }, everyMs)
  }

  /** Anything it says shows that it lives, also when its answer waits behind other messages. */
  heard (): void {
    this.#unanswered = 0
  }

  [Symbol.dispose] (): void {
    clearInterval(this.#timer)
  }
}
