/**
 * The policies that can be about one tenant at all. A host is given no others: they could change nothing there, and who may
 * do what beside it is none of its business.
 */
import type { PolicyText } from './document.ts'
import { covers } from './scope.ts'

export function sliceFor<T extends PolicyText> (policies: readonly T[], { name, groups }: { readonly name: string, readonly groups: readonly string[] }): T[] {
  const tenant = { type: 'Tenant', id: name, parents: groups.map(id => ({ type: 'Group', id })) }
  return policies.filter(({ scope }) => scope === undefined || covers(scope.principal, tenant))
}
