/**
 * What one tenant may use of the daemon's host, where it acts in the daemon's name: half of it, so that no blessed app can
 * keep the others, or those who use their services, out. Whoever has no blessing may still ask what there is: with a little of
 * its own, and half of the connections together with all others who have none.
 *
 * Counted for as long as a connection lasts, also as a stream: what a tenant has open there is bounded by it. What all have
 * open together is bounded by the daemon's own limits.
 */
import { Cap, Ledger, partOf, type LimitName, type LimitWords, type TenantLimits } from '../policy/ledger.ts'

const SHARE = 0.5
const UNBLESSED_SHARE = 1 / 16

export function shareOf (limit: number): number {
  return partOf(limit, SHARE)
}

/** For the sentence of a share that is used up. */
export function wordsOf (tenant: string): LimitWords {
  return { who: `in the daemon's name ${tenant}`, raise: 'have the operator raise the limit in daemon.yaml, of which this is a part' }
}

export class ActorShares {
  readonly #limits: TenantLimits
  readonly #onReached: (tenant: string, name: LimitName, sentence: string) => void
  /** Kept when their last connection ends: who comes anew each time is to be counted, too. As many as there are tenants. */
  readonly #blessed = new Map<string, Ledger>()
  readonly #unblessed = new Map<string, Ledger>()
  /** Connections of all who have no blessing. */
  readonly #ofUnblessed: Cap

  constructor ({ limits, over }: Pick<Ledger, 'limits' | 'over'>, onReached: (tenant: string, name: LimitName, sentence: string) => void = () => {}) {
    this.#limits = limits
    this.#onReached = onReached
    const together = shareOf(limits.controlConnections)
    this.#ofUnblessed = new Cap(together, () => over('controlConnections', together))
  }

  /** One more connection of this tenant, or ERR_LIMIT; `end`, once, when it is closed. `ledger` counts what is asked on it. */
  begin (tenant: string, { isBlessed }: { isBlessed: boolean }): { ledger: Ledger, end: () => void } {
    const ledger = isBlessed ? this.#ledgerOf(this.#blessed, tenant, SHARE) : this.#ledgerOf(this.#unblessed, tenant, UNBLESSED_SHARE)
    using taken = new DisposableStack()
    for (const cap of isBlessed ? [ledger.controlConnections] : [ledger.controlConnections, this.#ofUnblessed]) {
      cap.take()
      taken.defer(() => { cap.release() })
    }
    const held = taken.move()
    return { ledger, end: () => { held.dispose() } }
  }

  #ledgerOf (ledgers: Map<string, Ledger>, tenant: string, share: number): Ledger {
    const found = ledgers.get(tenant)
    if (found !== undefined) return found
    const { controlConnections, requestsPerSecond } = this.#limits
    const ledger = new Ledger({
      limits: { ...this.#limits, controlConnections: partOf(controlConnections, share), requestsPerSecond: partOf(requestsPerSecond, share) },
      words: wordsOf(tenant),
      onReached: (name, sentence) => { this.#onReached(tenant, name, sentence) }
    })
    ledgers.set(tenant, ledger)
    return ledger
  }
}
