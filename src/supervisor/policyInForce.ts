/**
 * What decides on this machine now: the policies, which tenants there are for them to speak of, and the epoch, which counts
 * up whenever either changes.
 */
import { isDeepStrictEqual } from 'node:util'
import type { TenantSpec } from '../config/tenant.ts'
import type { PolicyDocument } from '../policy/document.ts'
import { documentFor, type PolicySet } from '../policy/load.ts'

/** A tenant as policies know it; without a peer ID while its identity is damaged. */
export interface Known {
  readonly tenant: string
  readonly groups: readonly string[]
  readonly peerId: string | undefined
}

export class PolicyInForce {
  #set: PolicySet = { policies: [], warnings: [], examples: 0 }
  #known: readonly Known[] = []
  #epoch = 0

  get epoch (): number { return this.#epoch }

  /** How many policies there are. */
  get policies (): number { return this.#set.policies.length }

  /** A new epoch begins, unless nothing is different. */
  replace (set: PolicySet, known: readonly Known[]): void {
    if (this.#epoch > 0 && isDeepStrictEqual([set.policies, known], [this.#set.policies, this.#known])) return
    this.#set = set
    this.#known = known
    this.#epoch++
  }

  /** A tenant has got another peer ID. */
  rename (tenant: string, peerId: string | undefined): void {
    this.replace(this.#set, this.#known.map(known => known.tenant === tenant ? { ...known, peerId } : known))
  }

  documentFor ({ name, groups }: TenantSpec): PolicyDocument {
    const neighbours = this.#known.flatMap(({ peerId, ...known }) => peerId === undefined ? [] : [{ peerId, ...known }])
    return documentFor(this.#set, { epoch: this.#epoch, tenant: { name, groups }, neighbours })
  }
}
