/**
 * What decides on this machine now: the policies, which tenants there are for them to speak of, and the epoch, which counts
 * up whenever either changes.
 */
import { isDeepStrictEqual } from 'node:util'
import type { TenantSpec } from '../config/tenant.ts'
import type { Grant } from '../blessing/grant.ts'
import { primaryGroupOf } from '../os/accounts.ts'
import { DAEMON_NAME, type BlessedApp, type PolicyDocument, type PolicyText } from '../policy/document.ts'
import { documentFor, type PolicySet } from '../policy/load.ts'
import { sliceFor } from '../policy/slice.ts'

/** A tenant as policies know it; without a peer ID while its identity is damaged. */
export interface Known {
  readonly tenant: string
  readonly groups: readonly string[]
  readonly peerId: string | undefined
}

/** A tenant that may act in the daemon's name. */
export interface Blessed {
  readonly spec: Pick<TenantSpec, 'name' | 'groups' | 'app'>
  readonly grants: readonly Grant[]
}

export class PolicyInForce {
  #set: PolicySet = { policies: [], warnings: [], examples: 0 }
  #known: readonly Known[] = []
  #blessed: readonly Blessed[] = []
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

  /** From now on these may act in the daemon's name, and no others. */
  bless (blessed: readonly Blessed[]): void {
    if (isDeepStrictEqual(blessed, this.#blessed)) return
    this.#blessed = blessed
    this.#epoch++
  }

  /** A tenant has got another peer ID. */
  rename (tenant: string, peerId: string | undefined): void {
    this.replace(this.#set, this.#known.map(known => known.tenant === tenant ? { ...known, peerId } : known))
  }

  documentFor ({ name, groups }: TenantSpec): PolicyDocument {
    const neighbours = this.#known.flatMap(({ peerId, ...known }) => peerId === undefined ? [] : [{ peerId, ...known }])
    const daemon = neighbours.find(({ tenant }) => tenant === DAEMON_NAME)?.peerId
    const document = documentFor(this.#set, { epoch: this.#epoch, tenant: { name, groups }, neighbours })
    return { ...document, ...daemon !== undefined && { daemon }, ...name === DAEMON_NAME && this.#apps(document) }
  }

  /** With the policies that have to allow them what they do in the daemon's name, beside the daemon's. */
  #apps ({ policies }: PolicyDocument): Pick<PolicyDocument, 'blessed' | 'appPolicies'> {
    const own = new Set(policies.map(({ id }) => id))
    const others = new Map<string, PolicyText>()
    const blessed = this.#blessed.map(({ spec: { name, groups, app }, grants }): BlessedApp => {
      const slice = sliceFor(this.#set.policies, { name, groups })
      for (const policy of slice) if (!own.has(policy.id)) others.set(policy.id, policy)
      return { tenant: { name, groups }, uid: app.uid, gid: primaryGroupOf(app.uid), policies: slice.map(({ id }) => id), grants }
    })
    return { blessed, appPolicies: [...others.values()] }
  }
}
