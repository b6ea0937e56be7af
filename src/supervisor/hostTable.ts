/**
 * The handlers a host has reported, so that the next host of the tenant gets them: by protocol, changes only, and never more
 * than the tenant may have.
 */
import type { Registration } from '../link.ts'

export class HostTable {
  readonly #limit: number
  readonly #entries: Map<string, Registration>

  constructor (registrations: readonly Registration[], limit: number) {
    this.#limit = limit
    this.#entries = new Map(registrations.map(registration => [registration.protocol, registration]))
  }

  get registrations (): Registration[] { return [...this.#entries.values()] }

  /** One without targets is removed. False when there are more than there may be; the rest is not taken then. */
  apply (changes: readonly Registration[]): boolean {
    for (const change of changes) {
      if (change.targets.length === 0) {
        this.#entries.delete(change.protocol)
        continue
      }
      if (this.#entries.size >= this.#limit && !this.#entries.has(change.protocol)) return false
      this.#entries.set(change.protocol, change)
    }
    return true
  }
}
