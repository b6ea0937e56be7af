/**
 * What becomes of blessings by themselves: by what manifests say, and by the time. Changes a draft; knows no clock and no disk.
 */
import type { Grant } from '../blessing/grant.ts'
import type { BlessedSpec } from '../config/blessed.ts'
import { isOf, type BlessingsTable } from './blessingsTable.ts'

/** A tenant, and what its manifest says. */
export interface DeclaredBlessings {
  readonly name: string
  /** Undefined while its identity is damaged: who it is is not known, so what it has is neither added to nor ended for that. */
  readonly tenantId: string | undefined
  readonly blessed: readonly BlessedSpec[]
}

/** What these say is given, kept or dropped; nothing else of these tenants' changes, and nobody else has anything. */
export function applyManifests (draft: BlessingsTable, tenants: readonly DeclaredBlessings[], nowSeconds: number): void {
  endUndeclared(draft, tenants)
  for (const { name, tenantId, blessed } of tenants) {
    if (tenantId === undefined) continue
    const its = (grants: Grant[], spec: BlessedSpec): Grant | undefined => grants.find(grant => grant.source === 'manifest' && grant.tenant === name && isOf(grant, spec))
    for (const spec of blessed) {
      if (its(draft.revoked, spec) !== undefined) continue
      const kept = its(draft.grants, spec)
      if (kept === undefined) draft.give({ tenant: name, tenantId, source: 'manifest' }, spec, nowSeconds)
      else if (isDue(kept, nowSeconds)) draft.renew(kept, nowSeconds)
    }
  }
}

/** The part of it that can wait for nothing: only what these say no longer ends. */
export function endUndeclared (draft: BlessingsTable, tenants: readonly DeclaredBlessings[]): void {
  const byName = new Map(tenants.map(tenant => [tenant.name, tenant]))
  for (const grant of draft.grants) {
    const why = whyNoLonger(grant, byName.get(grant.tenant))
    if (why !== undefined) draft.revoke(grant, `${grant.id}: ${why}`, { isRemembered: false })
  }
  for (const grant of draft.revoked) {
    const tenant = byName.get(grant.tenant)
    // A tenant that is not there now may come back, with the same entry.
    if (tenant !== undefined && whyNoLonger(grant, tenant) !== undefined) draft.forget(grant)
  }
}

/** What manifests say is renewed, what operators gave expires. */
export function applyTime (draft: BlessingsTable, nowSeconds: number, { isDeclared }: { isDeclared: boolean }): void {
  for (const grant of draft.grants) {
    if (grant.source === 'operator' && grant.expires <= nowSeconds) draft.expire(grant)
    if (grant.source === 'manifest' && isDeclared && isDue(grant, nowSeconds)) draft.renew(grant, nowSeconds)
  }
}

/** When time next changes something about it, seconds since 1970; undefined where that is not known before the manifests are. */
export function dueOf (grant: Grant, { isDeclared }: { isDeclared: boolean }): number | undefined {
  if (grant.source === 'operator') return grant.expires
  return isDeclared ? renewalOf(grant) : undefined
}

/** Half of its lifetime after it was given or last renewed. */
function renewalOf ({ notBefore, expires }: Grant): number {
  return notBefore + Math.floor((expires - notBefore) / 2)
}

/** Also when the clock has been set back: one that is not to stand yet would not for as long as that was. */
function isDue (grant: Grant, nowSeconds: number): boolean {
  return nowSeconds >= renewalOf(grant) || nowSeconds < grant.notBefore
}

/** Why a grant ends with this declaration of its tenant; undefined where it does not. */
function whyNoLonger (grant: Grant, tenant: DeclaredBlessings | undefined): string | undefined {
  if (tenant === undefined) return `there is no tenant ${grant.tenant} any more`
  if (tenant.tenantId !== undefined && tenant.tenantId !== grant.tenantId) return `${grant.tenant} is another tenant now`
  if (grant.source === 'manifest' && !tenant.blessed.some(spec => isOf(grant, spec))) return 'the manifest says so no longer'
  return undefined
}
