/**
 * What one tenant's host decides by: rules in code, then Cedar, with what it answered kept for the next time.
 *
 * Owns that everything which is not clearly allowed is denied: an answer that is none, a policy whose evaluation failed (Cedar
 * would skip it, and skipping a forbid allows), a trap in the WebAssembly. Cedar sees only the policies whose scope can be
 * about the question; the others could change nothing and would cost time.
 */
import { P2pdError, messageOf } from '../errors.ts'
import type { Ask, Caller, Decision, Policy } from './ask.ts'
import { withCedar, type AuthorizationAnswer, type EntityJson } from './cedar.ts'
import { forbiddenByCode } from './codeRules.ts'
import { DecisionCache } from './decisionCache.ts'
import type { PolicyDocument, PolicyText } from './document.ts'
import { PREPARED_SCHEMA, preparedSet } from './preparedSets.ts'
import { questionOf, worldOf, type Question, type World } from './request.ts'
import { covers, coversAction, type Entity } from './scope.ts'

export { preloadCedar } from './cedar.ts'

export const DEFAULT_DENY = 'default deny'

/** Tells the sets of one engine from those of all others in this process. */
let serial = 0

/**
 * The policy of one epoch. Reads no file once preloadCedar() has been called; costs nothing until it is asked something that a
 * policy could allow. Its decisions never throw.
 */
export function createPolicy (document: PolicyDocument): Policy {
  const engine = new Engine(document)
  return { decide: (caller, ask) => engine.decide(caller, ask) }
}

class Engine {
  readonly #epoch: number
  readonly #policies: readonly PolicyText[]
  readonly #world: World
  readonly #cache = new DecisionCache()
  readonly #serial = serial++

  constructor (document: PolicyDocument) {
    this.#epoch = document.epoch
    this.#policies = document.policies
    this.#world = worldOf(document)
  }

  decide (caller: Caller, ask: Ask): Decision {
    if (caller.tenant !== this.#world.principal.id) return this.#denied(`code: this is the host of ${this.#world.principal.id}`)
    const rule = forbiddenByCode(ask)
    if (rule !== undefined) return this.#denied(rule)
    try {
      const question = questionOf(this.#world, caller, ask)
      const known = this.#cache.get(question.key)
      if (known !== undefined) return known
      const decision = this.#judge(question)
      this.#cache.set(question.key, decision)
      return decision
    } catch (error) {
      return this.#denied(`error: ${messageOf(error)}`)
    }
  }

  #judge (question: Question): Decision {
    const { action, principal, resource } = question
    const indices = [...this.#policies.keys()].filter(index => canBeAbout(this.#policies[index], principal, action, resource))
    if (indices.length === 0) return this.#denied(DEFAULT_DENY)
    assertWellFormed(question)
    // Nothing is left to judge: a third of a host's start is the first question that Cedar has to answer.
    if (indices.every(index => isPlainPermit(this.#policies[index]))) {
      return { allowed: true, policy: this.#idsOf(indices.map(index => `p${index}`)), epoch: this.#epoch }
    }
    const set = preparedSet(`${this.#serial} ${indices.join()}`, () => Object.fromEntries(indices.map(index => [`p${index}`, this.#policies[index]?.text ?? ''])))
    return this.#read(askCedar(set, question))
  }

  #read (answer: AuthorizationAnswer): Decision {
    // Not kept: it may be a fault of the moment.
    if (answer.type === 'failure') throw new P2pdError('ERR_CONFIG', answer.errors.map(({ message }) => message).join('; '))
    const { decision, diagnostics: { reason, errors } } = answer.response
    if (errors.length > 0) return this.#denied(`error in ${this.#idsOf(errors.map(({ policyId }) => policyId))}`)
    return { allowed: decision === 'allow', policy: this.#idsOf(reason) || DEFAULT_DENY, epoch: this.#epoch }
  }

  /** In the order in which they stand in the files. */
  #idsOf (names: readonly string[]): string {
    const indices = names.map(name => Number(name.slice(1))).sort((a, b) => a - b)
    return indices.map(index => this.#policies[index]?.id ?? 'a policy that was not asked').join(', ')
  }

  #denied (policy: string): Decision {
    return { allowed: false, policy, epoch: this.#epoch }
  }
}

function canBeAbout (policy: PolicyText | undefined, principal: Entity, action: string, resource: Entity): boolean {
  if (policy?.scope === undefined) return true
  return covers(policy.scope.principal, principal) && coversAction(policy.scope, action) && covers(policy.scope.resource, resource)
}

function isPlainPermit (policy: PolicyText | undefined): boolean {
  return policy?.scope?.effect === 'permit' && policy.scope.unconditional === true
}

/** Half a character would reach Cedar as another one, and could be somebody else's name. */
function assertWellFormed ({ resource, peer, context }: Question): void {
  if ([resource.id, peer?.id, context['address']].some(text => typeof text === 'string' && !text.isWellFormed())) {
    throw new P2pdError('ERR_REQUEST', 'a name in the request is no well-formed text')
  }
}

/** Throws when the WebAssembly has trapped, now or before. */
export function askCedar (preparedPolicySetId: string, question: Question): AuthorizationAnswer {
  assertWellFormed(question)
  const { principal, action, resource, peer, context } = question
  const entities = [principal, resource, ...peer === undefined ? [] : [peer]].map(entityOf)
  return withCedar(cedar => cedar.statefulIsAuthorized({
    principal: idOf(principal),
    action: { type: 'Action', id: action },
    resource: idOf(resource),
    context,
    entities,
    preparsedPolicySetId: preparedPolicySetId,
    preparsedSchemaName: PREPARED_SCHEMA,
    validateRequest: true
  }))
}

function idOf ({ type, id }: Entity): { type: string, id: string } {
  return { type, id }
}

function entityOf (entity: Entity): EntityJson {
  return { uid: idOf(entity), attrs: {}, parents: [...entity.parents] }
}
