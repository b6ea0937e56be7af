/**
 * The examples of a policy directory, tried: what an operator says must be allowed or denied, and what is decided.
 */
import type { Action } from './ask.ts'
import type { PolicyExample } from '../config/policyExamples.ts'
import { placeOf, type Finding, type ScopedPolicy } from './checkPolicies.ts'
import { createPolicy } from './engine.ts'
import { EXAMPLES_NAME } from './files.ts'
import { NAME_PATTERN } from '../config/names.ts'
import { nearest } from '../config/nearest.ts'
import { STRANGER, asked, neighboursOf, type KnownTenant } from './question.ts'
import { sliceFor } from './slice.ts'

export interface Tried {
  /** How many were tried. */
  readonly examples: number
  readonly faults: Finding[]
  /** Examples of or about tenants that there are not, by tenant. */
  readonly untried: ReadonlyMap<string, number[]>
}

const ON_PEERS: ReadonlySet<string> = new Set<Action>(['connect', 'disconnect', 'dial', 'acceptConnection'])

/** Without policies, because those are wrong, it only says what is wrong with the examples themselves. */
export function tryExamples (examples: readonly PolicyExample[], tenants: readonly KnownTenant[], policies: readonly ScopedPolicy[] | undefined): Tried {
  const faults: Finding[] = []
  const untried = new Map<string, number[]>()
  let tried = 0
  for (const example of examples) {
    const [name = '', action = '', ...resource] = example.sentence.split(/ +/)
    const known = tenants.find(tenant => tenant.name === name)
    if (known === undefined && example.groups === undefined) {
      untried.set(name, [...untried.get(name) ?? [], example.line])
      continue
    }
    const missing = peersOf(action, resource.join(' '), example.context).find(peer => NAME_PATTERN.test(peer) && peer !== STRANGER && peer !== name && isMissing(peer, tenants))
    if (missing !== undefined) {
      untried.set(missing, [...untried.get(missing) ?? [], example.line])
      continue
    }
    tried++
    const tenant = { name, groups: example.groups ?? known?.groups ?? [] }
    const world = [...tenants.filter(other => other !== known), tenant]
    const question = asked({ tenant: name, action, resource: resource.join(' '), context: example.context }, world)
    const file = `${EXAMPLES_NAME}:${example.line}`
    if ('faults' in question) {
      faults.push(...question.faults.map(what => ({ file, what })))
    } else if (policies !== undefined) {
      const own = sliceFor(policies, tenant)
      const { allowed, policy } = createPolicy({ epoch: 0, tenant, policies: own, neighbours: neighboursOf(world) }).decide(question.caller, question.ask)
      const wanted = example.effect === 'allow'
      if (allowed !== wanted) faults.push({ file, what: `${example.sentence} must be ${wanted ? 'allowed' : 'denied'}, and is ${allowed ? 'allowed' : 'denied'} by ${withPlaces(policy, own)}` })
    }
  }
  return { examples: tried, faults, untried }
}

/** Not there, and not the name of one that is, misspelt. */
function isMissing (peer: string, tenants: readonly KnownTenant[]): boolean {
  const names = tenants.map(tenant => tenant.name)
  return !names.includes(peer) && nearest(peer, [...names, STRANGER]) === undefined
}

/** What could be the name of a tenant in an example: its resource, or the peer it is about. A peer ID is none: it has capitals. */
function peersOf (action: string, resource: string, { peer }: PolicyExample['context']): string[] {
  return [...ON_PEERS.has(action) ? [resource] : [], ...typeof peer === 'string' ? [peer] : []]
}

/** `chat-open (chat.cedar:12)` */
function withPlaces (ids: string, policies: readonly ScopedPolicy[]): string {
  return ids.split(', ').map(id => {
    const policy = policies.find(candidate => candidate.id === id)
    return policy === undefined || placeOf(policy) === id ? id : `${id} (${placeOf(policy)})`
  }).join(', ')
}
