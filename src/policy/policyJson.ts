/**
 * What can be read off Cedar's own parse of a policy, as JSON: its scope, how deep it is nested, whom it names.
 */
import type { PolicyJson } from './cedar.ts'
import type { EntityId, EntityScope, Scope } from './scope.ts'

/**
 * Operators within operators. What Cedar's parser and validator still take, its evaluator may not: it runs out of stack
 * between 300 and 400.
 */
export const MAX_DEPTH = 100

/** Of each action: whether it only stands for others, and the groups it is in. */
export type ActionGroups = ReadonlyMap<string, { readonly isGroup: boolean, readonly groups: readonly string[] }>

export function scopeOf ({ effect, principal, action, resource, conditions }: PolicyJson, groups: ActionGroups): Scope {
  const scope = { effect, principal: entityScope(principal), resource: entityScope(resource), ...conditions.length === 0 && { unconditional: true } }
  if (action.op === 'All' || (action.op === '==' && 'slot' in action)) return scope
  const named = 'entities' in action ? action.entities : 'entity' in action ? [action.entity] : []
  return { ...scope, actions: [...new Set(named.flatMap(entity => actionsIn(entityId(entity).id, groups)))] }
}

/** The action itself, or all that are in it; none for one that the schema does not know, which is a fault already. */
function actionsIn (name: string, groups: ActionGroups): string[] {
  const isIn = (action: string): boolean => action === name || (groups.get(action)?.groups ?? []).some(isIn)
  return [...groups].flatMap(([action, { isGroup }]) => !isGroup && isIn(action) ? [action] : [])
}

function entityScope (constraint: PolicyJson['principal']): EntityScope {
  const entityIn = (of: object): EntityScope => 'entity' in of ? { in: entityId(of.entity as Parameters<typeof entityId>[0]) } : {}
  switch (constraint.op) {
    case 'All': return {}
    case '==': return 'entity' in constraint ? { equals: entityId(constraint.entity) } : {}
    case 'in': return entityIn(constraint)
    case 'is': return { is: constraint.entity_type, ...constraint.in !== undefined && entityIn(constraint.in) }
  }
}

function entityId (entity: EntityId | { readonly __entity: EntityId }): EntityId {
  const { type, id } = '__entity' in entity ? entity.__entity : entity
  return { type, id }
}

/** An operator is an object in an object, as JSON; the clauses are joined to one chain. */
export function depthOf ({ conditions }: PolicyJson): number {
  return conditions.length + Math.max(0, ...conditions.map(({ body }) => Math.ceil(nesting(body) / 2)))
}

function nesting (value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Object.values(value).reduce<number>((deepest, part) => Math.max(deepest, nesting(part)), 0)
}

/** Entities of these types that stand anywhere in it. */
export function namedEntities (policy: PolicyJson, types: readonly string[]): EntityId[] {
  const found = new Map<string, EntityId>()
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    const { type, id } = value as { type?: unknown, id?: unknown }
    if (typeof type === 'string' && typeof id === 'string' && types.includes(type)) found.set(`${type} ${id}`, { type, id })
    for (const part of Object.values(value)) walk(part)
  }
  walk(policy)
  return [...found.values()]
}
