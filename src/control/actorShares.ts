/**
 * What one tenant may use of the daemon's host, where it acts in the daemon's name: half of it, so that no blessed app can
 * keep the others, or those who use their services, out.
 *
 * Counted for as long as a connection lasts, also as a stream: what a tenant has open there is bounded by it. What all have
 * open together is bounded by the daemon's own limits.
 */
import { Ledger, type TenantLimits } from '../policy/ledger.ts'

const SHARE = 0.5

export function shareOf (limit: number): number {
  return Math.max(1, Math.floor(limit * SHARE))
}

export class ActorShares {
  readonly #limits: TenantLimits
  readonly #ledgers = new Map<string, Ledger>()

  constructor ({ limits }: Pick<Ledger, 'limits'>) {
    this.#limits = { ...limits, controlConnections: shareOf(limits.controlConnections), requestsPerSecond: shareOf(limits.requestsPerSecond) }
  }

  /** One more connection of this tenant, or ERR_LIMIT; `end` when it is closed. `ledger` counts what is asked on it. */
  begin (tenant: string): { ledger: Ledger, end: () => void } {
    const ledger = this.#ledgers.get(tenant) ?? new Ledger({ limits: this.#limits })
    ledger.controlConnections.take()
    this.#ledgers.set(tenant, ledger)
    const end = (): void => {
      ledger.controlConnections.release()
      if (ledger.controlConnections.used === 0) this.#ledgers.delete(tenant)
    }
    return { ledger, end }
  }
}
