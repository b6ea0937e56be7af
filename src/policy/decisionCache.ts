/**
 * Answers of one epoch. Sound because nothing they depend on changes within it but what is in the key.
 */
import type { Decision } from './ask.ts'

const MAX_DECISIONS = 4_096

/** Of all keys together, in characters: they hold names of protocols and addresses that a peer may have chosen. */
const MAX_CHARACTERS = 1024 * 1024

/** When it is full, what was kept first goes first. */
export class DecisionCache {
  readonly #decisions = new Map<string, Decision>()
  #characters = 0

  get (key: string): Decision | undefined {
    return this.#decisions.get(key)
  }

  set (key: string, decision: Decision): void {
    if (this.#decisions.has(key)) return
    this.#decisions.set(key, decision)
    this.#characters += key.length
    for (const [oldest] of this.#decisions) {
      if (this.#decisions.size <= MAX_DECISIONS && this.#characters <= MAX_CHARACTERS) return
      this.#decisions.delete(oldest)
      this.#characters -= oldest.length
    }
  }
}
