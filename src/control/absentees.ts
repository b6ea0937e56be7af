/**
 * Handlers of services that nobody answers at: given up after a grace, so that their names are free.
 *
 * Only for services. A tenant's own handler stays: its program may be gone for a night, and nobody else wants its protocol.
 */
import { describe } from './targets.ts'
import type { AddressTarget } from './receivers.ts'

/** As long as a program that waits for streams is expected back; long enough to restart one. */
export const ABSENT_GRACE_MS = 10_000

export class Absentees implements Disposable {
  readonly #giveUp: (protocol: string, target: AddressTarget) => void
  readonly #timers = new Map<string, NodeJS.Timeout>()

  /** @param giveUp called when one has not been reached for the whole grace */
  constructor (giveUp: (protocol: string, target: AddressTarget) => void) {
    this.#giveUp = giveUp
  }

  /** It could not be reached. The grace begins with the first time. */
  missed (protocol: string, target: AddressTarget): void {
    const key = keyOf(protocol, target)
    if (this.#timers.has(key)) return
    this.#timers.set(key, setTimeout(() => {
      this.#timers.delete(key)
      this.#giveUp(protocol, target)
    }, ABSENT_GRACE_MS))
  }

  /** It was reached, or has registered again. */
  met (protocol: string, target: AddressTarget): void {
    clearTimeout(this.#timers.get(keyOf(protocol, target)))
    this.#timers.delete(keyOf(protocol, target))
  }

  [Symbol.dispose] (): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }
}

function keyOf (protocol: string, { address, tenant }: AddressTarget): string {
  return JSON.stringify([protocol, describe(address), tenant])
}
