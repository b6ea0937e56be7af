/**
 * What a reload changes: so that only those tenants are touched whose declaration says something else than before.
 *
 * Blessings are left out of it: no host has to start anew to get or to lose one. Who compares those is the supervisor's
 * store of them.
 */
import { isDeepStrictEqual } from 'node:util'
import type { TenantSpec } from './tenant.ts'

export interface TenantsDiff {
  added: TenantSpec[]
  removed: TenantSpec[]
  changed: Array<{ before: TenantSpec, after: TenantSpec }>
  same: TenantSpec[]
}

/** Each list in the order of its argument; a tenant is the same one when it has the same name. */
export function diffTenants (before: readonly TenantSpec[], after: readonly TenantSpec[]): TenantsDiff {
  const old = new Map(before.map(spec => [spec.name, spec]))
  const names = new Set(after.map(({ name }) => name))
  const diff: TenantsDiff = { added: [], removed: before.filter(({ name }) => !names.has(name)), changed: [], same: [] }
  for (const spec of after) {
    const was = old.get(spec.name)
    if (was === undefined) diff.added.push(spec)
    else if (isDeepStrictEqual(restOf(was), restOf(spec))) diff.same.push(spec)
    else diff.changed.push({ before: was, after: spec })
  }
  return diff
}

function restOf (spec: TenantSpec): Omit<TenantSpec, 'blessed'> {
  const { blessed: _, ...rest } = spec
  return rest
}
