/**
 * Why something is allowed or denied, and what would have to be different.
 *
 * Every policy is looked at by itself: which parts of its scope fit the question, and whether its conditions hold. Owns what
 * of that is worth telling; how it is worded for people is the command's (cli/commands/policyExplain.ts).
 */
import type { Decision } from './ask.ts'
import { forbiddenByCode } from './codeRules.ts'
import { conditionsOf, type Conditions } from './conditions.ts'
import { DEFAULT_DENY, createPolicy } from './engine.ts'
import type { ScopedPolicy } from './load.ts'
import { ACTIONS, asked, neighboursOf, type Asked, type KnownTenant, type Words } from './question.ts'
import { questionOf, worldOf, type Question } from './request.ts'
import { covers, coversAction, describe, type Scope } from './scope.ts'
import { sliceFor } from './slice.ts'
import { smallestPermit } from './smallestPermit.ts'

export type Part = 'principal' | 'action' | 'resource' | 'condition'

export interface Place {
  readonly id: string
  readonly file: string
  readonly line: number
}

export interface Explanation {
  readonly allowed: boolean
  /** As the audit log would have it. */
  readonly policy: string
  readonly question: Pick<Words, 'tenant' | 'action' | 'resource'>
  readonly facts: Asked['facts']
  /** Set when code forbids it, whatever policy says. */
  readonly rule?: string
  /** The policies that decided. */
  readonly deciding: ReadonlyArray<Place & { readonly effect: 'permit' | 'forbid', readonly text: string }>
  /** Permits that would apply if one thing about them were different, and what that part of them says. */
  readonly almost: ReadonlyArray<Place & { readonly part: Part, readonly wants: string }>
  /** The least that would have to be permitted; absent when that would not be enough. */
  readonly smallest?: string
}

/** What is decided and why; or what makes the words no question. */
export function explain (policies: readonly ScopedPolicy[], tenants: readonly KnownTenant[], words: Words): Explanation | { readonly faults: string[] } {
  const known = tenants.find(({ name }) => name === words.tenant)
  const tenant = { name: words.tenant, groups: known?.groups ?? [] }
  const spoken = asked(words, tenants)
  if ('faults' in spoken) return spoken
  const neighbours = neighboursOf(tenants)
  const decision = createPolicy({ epoch: 0, tenant, policies: sliceFor(policies, tenant), neighbours }).decide(spoken.caller, spoken.ask)
  const rule = forbiddenByCode(spoken.ask)
  const question = questionOf(worldOf({ tenant, neighbours }), spoken.caller, spoken.ask)
  const deciding = decidingOf(policies, decision)
  return {
    allowed: decision.allowed,
    policy: decision.policy,
    question: { tenant: words.tenant, action: words.action, resource: words.resource },
    facts: [...spoken.facts, ...derived(question)],
    ...rule !== undefined && { rule },
    deciding,
    almost: decision.allowed || rule !== undefined ? [] : policies.flatMap(policy => almostOf(policy, question)),
    ...decision.policy === DEFAULT_DENY && { smallest: smallestPermit(question, tenants, spoken.facts) }
  }
}

/** Those named in the decision, also where evaluating them failed. */
function decidingOf (policies: readonly ScopedPolicy[], { policy }: Decision): Explanation['deciding'] {
  const ids = policy.replace(/^error in /, '').split(', ')
  return policies.filter(({ id }) => ids.includes(id)).map(({ id, file, line, scope, text }) => ({ id, file, line, effect: scope.effect, text }))
}

function derived ({ context }: Question): Explanation['facts'] {
  return ['local', 'public'].flatMap(name => typeof context[name] === 'boolean' ? [{ name, value: String(context[name]), assumed: false }] : [])
}

function almostOf ({ id, file, line, scope, text }: ScopedPolicy, question: Question): Explanation['almost'] {
  if (scope.effect !== 'permit') return []
  const unfit = unfitParts(scope, question)
  if (unfit.length > 1) return []
  const conditions = conditionsOf(text, question)
  const [part] = unfit
  if (part === 'action' && !isAlike(scope, question.action)) return []
  if (part !== undefined) return conditions.hold ? [{ id, file, line, part, wants: wantOf(scope, part) }] : []
  return conditions.hold ? [] : [{ id, file, line, part: 'condition', wants: conditionWant(conditions) }]
}

function unfitParts (scope: Scope, { principal, action, resource }: Question): Array<Exclude<Part, 'condition'>> {
  return [
    ...covers(scope.principal, principal) ? [] : ['principal' as const],
    ...coversAction(scope, action) ? [] : ['action' as const],
    ...covers(scope.resource, resource) ? [] : ['resource' as const]
  ]
}

/** Whether one of the policy's actions goes the same way, to the same kind of thing. What permits anything else is no near miss. */
function isAlike ({ actions = [] }: Scope, wanted: string): boolean {
  const kinds = new Map(Object.entries(ACTIONS))
  const kind = kinds.get(wanted)
  return actions.some(action => action === wanted || (kind?.group !== undefined && kinds.get(action)?.type === kind.type && kinds.get(action)?.group === kind.group))
}

function wantOf (scope: Scope, part: Exclude<Part, 'condition'>): string {
  return part === 'action' ? (scope.actions ?? []).join(', ') : describe(part, scope[part])
}

function conditionWant ({ failing, error }: Conditions): string {
  return error === undefined ? failing : `${failing}, which cannot be evaluated: ${error}`
}
