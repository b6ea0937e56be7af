/**
 * All blessings of this machine at one moment, and what can happen to them: given, renewed, taken back, expired.
 *
 * A draft of the next moment is a copy that is changed and then kept or forgotten whole: who keeps it on disk, and when, is
 * blessings.ts. Every change has a number of its own, the epoch, which only counts up. Knows no clock and no disk.
 */
import { randomBytes } from 'node:crypto'
import type { AuditEvent } from '../audit.ts'
import type { Grant } from '../blessing/grant.ts'
import type { Scope } from '../blessing/scope.ts'
import { blessingKey, type BlessedSpec } from '../config/blessed.ts'
import { GRANT_ID_BYTES } from '../blessing/grantId.ts'

/** Plain JSON: what is kept. */
export interface BlessingsState {
  /** Of the last change there was. */
  readonly epoch: number
  readonly grants: readonly Grant[]
  /** What manifests say and an operator has taken back; as they were then. */
  readonly revoked: readonly Grant[]
}

export interface Happened { readonly tenant: string, readonly event: AuditEvent }

export type Whose = Pick<Grant, 'tenant' | 'tenantId' | 'source'>

export class BlessingsTable {
  #epoch: number
  readonly #grants: Map<string, Grant>
  readonly #revoked: Map<string, Grant>
  /** What was changed since it was copied, in its order. */
  readonly happened: Happened[] = []
  #isChanged = false

  constructor ({ epoch, grants, revoked }: BlessingsState) {
    this.#epoch = epoch
    this.#grants = byId(grants)
    this.#revoked = byId(revoked)
  }

  get epoch (): number { return this.#epoch }
  get grants (): Grant[] { return [...this.#grants.values()] }
  get revoked (): Grant[] { return [...this.#revoked.values()] }
  get isChanged (): boolean { return this.#isChanged }

  get state (): BlessingsState {
    const { epoch, grants, revoked } = this
    return { epoch, grants, revoked }
  }

  /** As it will be. No number of a change is given twice, not even when a draft came to nothing: `atLeast` is the last one that was. */
  draft (atLeast: number): BlessingsTable {
    return new BlessingsTable({ ...this.state, epoch: Math.max(this.#epoch, atLeast) })
  }

  give (whose: Whose, { actions, resources, seconds }: BlessedSpec, nowSeconds: number): Grant {
    const id = randomBytes(GRANT_ID_BYTES).toString('hex')
    const { tenant, tenantId, source } = whose
    const grant = { id, tenant, tenantId, actions, resources, epoch: this.#next(), notBefore: nowSeconds, expires: nowSeconds + seconds, source }
    this.#keep(grant, 'give', `${shownGrant(grant)}, by ${source === 'manifest' ? 'the manifest' : 'an operator'}`)
    return grant
  }

  /** For as long again, from now on: what is signed of it never says more than one lifetime. */
  renew (grant: Grant, nowSeconds: number): void {
    const renewed = { ...grant, epoch: this.#next(), notBefore: nowSeconds, expires: nowSeconds + secondsOf(grant) }
    this.#keep(renewed, 'renew', shownGrant(renewed))
  }

  /** One that a manifest says is remembered as taken back if `isRemembered`: or it would be there again with the next start. */
  revoke (grant: Grant, why: string, { isRemembered }: { isRemembered: boolean }): Grant {
    const ended = this.#end(grant, 'revoke', why)
    if (isRemembered && grant.source === 'manifest') this.#revoked.set(grant.id, ended)
    return ended
  }

  /** One was taken back of the table that this is a draft of; it says nothing of that again. */
  follow (ended: Grant): void {
    this.#epoch = Math.max(this.#epoch, ended.epoch)
    if (this.#grants.delete(ended.id) && ended.source === 'manifest') this.#revoked.set(ended.id, ended)
  }

  expire (grant: Grant): void {
    this.#end(grant, 'expire', `${grant.id} was until ${timeOf(grant.expires)}`)
  }

  /** What was taken back may be given again. */
  forget (revoked: Grant): void {
    this.#revoked.delete(revoked.id)
    this.#isChanged = true
  }

  #end (grant: Grant, action: 'revoke' | 'expire', why: string): Grant {
    this.#grants.delete(grant.id)
    const ended = { ...grant, epoch: this.#next() }
    this.#happen(ended, action, why)
    return ended
  }

  #keep (grant: Grant, action: 'give' | 'renew', why: string): void {
    this.#grants.set(grant.id, grant)
    this.#happen(grant, action, why)
  }

  #happen (grant: Grant, action: string, reason: string): void {
    this.happened.push({ tenant: grant.tenant, event: { event: 'blessing', action, resource: shownScope(grant), reason } })
  }

  #next (): number {
    this.#isChanged = true
    return ++this.#epoch
  }
}

/** Whether a manifest's entry is what this grant was given for. */
export function isOf (grant: Grant, spec: BlessedSpec): boolean {
  return blessingKey({ ...grant, seconds: secondsOf(grant) }) === blessingKey(spec)
}

/** A lifetime of the grant. */
export function secondsOf ({ notBefore, expires }: Grant): number {
  return expires - notBefore
}

/** `provideService openStream on /search/` */
export function shownScope ({ actions, resources }: Scope): string {
  return `${actions.join(' ')} on ${resources.join(' ')}`
}

function shownGrant ({ id, expires }: Grant): string {
  return `${id} until ${timeOf(expires)}`
}

/** `2026-11-28T12:00:00Z` */
function timeOf (seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}

function byId (grants: readonly Grant[]): Map<string, Grant> {
  return new Map(grants.map(grant => [grant.id, grant]))
}
