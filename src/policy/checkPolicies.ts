/**
 * Texts of policy files -> policies that may decide, or everything that is wrong with them.
 *
 * Runs in a process of its own (check.ts), because Cedar's parser can be made to run out of stack. Strict: what Cedar only
 * warns of is a fault here, since a policy that can never apply was meant to.
 */
import type { Cedar, DetailedError } from './cedar.ts'
import { withCedar } from './cedar.ts'
import type { PolicyText } from './document.ts'
import { MAX_DEPTH, depthOf, namedEntities, scopeOf, type ActionGroups } from './policyJson.ts'
import { schemaText } from './files.ts'
import type { EntityId, Scope } from './scope.ts'
import { newlines, splitPolicies, type Piece, type Split } from './split.ts'
import { show } from '../config/show.ts'

export type ScopedPolicy = PolicyText & { readonly scope: Scope }

export interface PolicyFile {
  readonly name: string
  readonly text: string
}

/** `file` is `chat.cedar:12`. */
export interface Finding {
  readonly file: string
  readonly what: string
}

export interface Checked {
  readonly policies: ScopedPolicy[]
  readonly faults: Finding[]
  /** Tenants and groups that policies name, with where. */
  readonly named: ReadonlyArray<EntityId & { readonly file: string }>
}

/** More would make every decision slow; a policy can name a group of tenants and a family of protocols. */
export const MAX_POLICIES = 1_000

/** What may be an @id: it stands in the audit log, in a list with commas. */
const ID = /^[^\p{C}\p{Zl}\p{Zp},]{1,100}$/u

interface Parsed extends Piece {
  readonly policy: ScopedPolicy
  readonly named: readonly EntityId[]
}

export function checkPolicies (files: readonly PolicyFile[]): Checked {
  const faults: Finding[] = []
  const actionGroups = readActionGroups()
  const split = files.map(({ name, text }) => ({ name, text, ...splitPolicies(text) }))
  const count = split.reduce((sum, { pieces }) => sum + pieces.length, 0)
  if (count > MAX_POLICIES) {
    faults.push({ file: '', what: `must be at most ${MAX_POLICIES} policies, found ${count}; one policy can name a group, a family of protocols, or several actions` })
    return { policies: [], faults, named: [] }
  }
  const parsed = split.flatMap(file => parseFile(file, actionGroups, faults))
  const first = new Map<string, ScopedPolicy>()
  for (const { policy } of parsed) {
    const same = first.get(policy.id)
    if (same !== undefined) faults.push({ file: placeOf(policy), what: `there is a policy ${show(policy.id)} already, in ${placeOf(same)}; an @id can be given once` })
    first.set(policy.id, same ?? policy)
  }
  faults.push(...validate(parsed))
  return {
    policies: parsed.map(({ policy }) => policy),
    faults,
    named: parsed.flatMap(({ policy, named }) => named.map(entity => ({ ...entity, file: placeOf(policy) })))
  }
}

export function placeOf ({ file, line }: Pick<PolicyText, 'file' | 'line'>): string {
  return `${file}:${line}`
}

function parseFile ({ name, text, pieces, faults: unsplit }: PolicyFile & Split, groups: ActionGroups, faults: Finding[]): Parsed[] {
  const before = faults.length
  faults.push(...unsplit.map(({ line, what }) => ({ file: `${name}:${line}`, what })))
  const parsed = pieces.flatMap(piece => parsePiece(name, piece, groups, faults))
  if (faults.length > before) return parsed
  const parts = withCedar(cedar => cedar.policySetTextToParts(text))
  // We would judge by something else than what stands in the file. Not known to happen.
  if (parts.type === 'failure' || parts.policies.length !== pieces.length) {
    const found = parts.type === 'failure' ? 'cannot read it as a whole' : `finds ${parts.policies.length}`
    faults.push({ file: name, what: `cannot be told apart into its policies: p2pd finds ${pieces.length}, Cedar ${found}` })
  }
  return parsed
}

function parsePiece (file: string, piece: Piece, groups: ActionGroups, faults: Finding[]): Parsed[] {
  const { text, line } = piece
  const answer = withCedar(cedar => cedar.policyToJson(text))
  if (answer.type === 'failure') {
    faults.push(...answer.errors.map(error => findingOf(file, piece, error)))
    return []
  }
  const { json } = answer
  const depth = depthOf(json)
  if (depth > MAX_DEPTH) {
    faults.push({ file: `${file}:${line}`, what: `is nested ${depth} deep, at most ${MAX_DEPTH} are evaluated; each && and || of a chain counts, so write it as several policies, or as a set: ["a", "b"].contains(...)` })
    return []
  }
  const given = json.annotations?.['id']
  if (given !== undefined && !ID.test(given ?? '')) {
    faults.push({ file: `${file}:${line}`, what: `the @id must be 1 to 100 printable characters without a comma, found ${show(given ?? '')}` })
    return []
  }
  return [{ ...piece, policy: { id: given ?? `${file}:${line}`, file, line, text, scope: scopeOf(json, groups) }, named: namedEntities(json, ['Tenant', 'Group']) }]
}

function validate (parsed: readonly Parsed[]): Finding[] {
  const staticPolicies = Object.fromEntries(parsed.map(({ text }, index) => [`p${index}`, text]))
  const answer = withCedar(cedar => cedar.validate({ validationSettings: { mode: 'strict' }, schema: schemaText, policies: { staticPolicies } }))
  if (answer.type === 'failure') return answer.errors.map(({ message }) => ({ file: '', what: message }))
  const { validationErrors, validationWarnings, otherWarnings } = answer
  const perPolicy = parsed.map((piece, index) => {
    const of = (list: typeof validationErrors): DetailedError[] => list.filter(({ policyId }) => policyId === `p${index}`).map(({ error }) => error)
    // Of a policy that is wrong in one place Cedar also says that it can never apply.
    const [errors, warnings] = [of(validationErrors), of(validationWarnings)]
    return once((errors.length > 0 ? errors : warnings).map(error => findingOf(piece.policy.file, piece, error)))
  })
  return [...perPolicy.flat(), ...otherWarnings.map(({ message }) => ({ file: '', what: message }))]
}

/** Cedar says the same for every action a policy can be about. One is enough, always the same one. */
function once (findings: readonly Finding[]): Finding[] {
  const kind = ({ file, what }: Finding): string => `${file} ${what.replaceAll(/Action::"\w+"/g, '').replace(/;[^;]*$/, '')}`
  const sorted = findings.toSorted((a, b) => a.what < b.what ? -1 : 1)
  const kept = sorted.filter((finding, index) => sorted.findIndex(other => kind(other) === kind(finding)) === index)
  return kept.some(({ what }) => what.startsWith('unable to find')) ? kept.filter(({ what }) => !what.startsWith('policy is impossible')) : kept
}

/** Cedar counts in bytes from the beginning of the policy. */
function findingOf (file: string, { text, line }: Piece, { message, help, sourceLocations = [] }: DetailedError): Finding {
  const { start = 0, label } = sourceLocations[0] ?? {}
  const before = Buffer.from(text).subarray(0, start).toString()
  const parts = [message, label, help].filter(part => typeof part === 'string')
  // Its names for policies are not the operator's.
  const what = parts.map(part => part.replace(/^for policy `[^`]*`, /, '').replace(/^failed to parse policy from string: /, ''))
  return { file: `${file}:${line + newlines(before, 0, before.length)}`, what: what.join('; ') }
}

function readActionGroups (): ActionGroups {
  const answer = withCedar((cedar: Cedar) => cedar.schemaToJson(schemaText))
  const actions = answer.type === 'success' ? answer.json['']?.actions ?? {} : {}
  return new Map(Object.entries(actions).map(([name, { memberOf = [], appliesTo }]) =>
    [name, { isGroup: (appliesTo?.principalTypes ?? []).length === 0, groups: memberOf.map(({ id }) => id) }]))
}
