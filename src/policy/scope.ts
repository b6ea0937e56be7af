/**
 * Which requests a policy can be about at all, by its scope: the part of it before `when` and `unless`.
 *
 * Read off Cedar's own parse of the policy. It is used to leave out what cannot matter; what is kept is judged by Cedar, scope and
 * all. Only where nothing is left to judge, because every policy that is kept permits without a condition, its answer is known.
 */

export interface EntityId {
  readonly type: string
  readonly id: string
}

/** `principal` and `resource`. All that is there has to hold; nothing there: any. */
export interface EntityScope {
  /** `==` */
  readonly equals?: EntityId
  /** `is` */
  readonly is?: string
  /** `in` */
  readonly in?: EntityId
}

export interface Scope {
  readonly effect: 'permit' | 'forbid'
  readonly principal: EntityScope
  /** Groups of actions written out. Absent: any. */
  readonly actions?: readonly string[]
  readonly resource: EntityScope
  /** There is no `when` and no `unless`: it holds wherever its scope does. */
  readonly unconditional?: boolean
}

/** Something that is asked about, with everything it is in. */
export interface Entity extends EntityId {
  readonly parents: readonly EntityId[]
}

export function covers ({ equals, is, in: group }: EntityScope, entity: Entity): boolean {
  if (equals !== undefined && !isSame(equals, entity)) return false
  if (is !== undefined && is !== entity.type) return false
  return group === undefined || isSame(group, entity) || entity.parents.some(parent => isSame(group, parent))
}

export function coversAction ({ actions }: Pick<Scope, 'actions'>, action: string): boolean {
  return actions === undefined || actions.includes(action)
}

function isSame (a: EntityId, b: EntityId): boolean {
  return a.type === b.type && a.id === b.id
}

/** `principal is Tenant in Group::"messaging"`, as the policy has it. */
export function describe (what: 'principal' | 'resource', { equals, is, in: group }: EntityScope): string {
  const name = ({ type, id }: EntityId): string => `${type}::${JSON.stringify(id)}`
  return [what, ...equals === undefined ? [] : ['==', name(equals)], ...is === undefined ? [] : ['is', is], ...group === undefined ? [] : ['in', name(group)]].join(' ')
}
