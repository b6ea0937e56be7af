/** Questions to a host for its figures: each is answered, or given up after a second. */
import type { HostFigures } from '../link.ts'

/** A host that is asked for its figures and says nothing is shown without. */
const REPORT_MS = 1_000

export class HostReports {
  readonly #asked = new Map<number, (figures: HostFigures | undefined) => void>()
  #next = 0

  /** @param send asks, under that id */
  async ask (send: (id: number) => void): Promise<HostFigures | undefined> {
    const id = this.#next++
    const { promise, resolve } = Promise.withResolvers<HostFigures | undefined>()
    const timer = setTimeout(() => { resolve(undefined) }, REPORT_MS)
    this.#asked.set(id, resolve)
    send(id)
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      this.#asked.delete(id)
    }
  }

  /** The host has gone. */
  giveUp (): void {
    for (const resolve of this.#asked.values()) resolve(undefined)
  }

  /** What was not asked is nothing to anybody. */
  answer (id: number, figures: HostFigures): void {
    this.#asked.get(id)?.(figures)
  }
}
