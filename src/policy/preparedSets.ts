/**
 * Policy sets that Cedar has parsed and keeps.
 *
 * Cedar keeps what it is given under a name, and can replace it but never forget it. So there is a fixed number of names for
 * the whole process, and the sets that were asked for longest ago give theirs up, or are replaced by nothing: memory does not
 * grow with epochs, nor with how many different sets are needed.
 */
import { P2pdError } from '../errors.ts'
import { withCedar } from './cedar.ts'
import { schemaText } from './files.ts'

/** Far more than there are kinds of requests in most policy directories. */
const MAX_SETS = 256

/** In all sets together: about 2.5 KB each. One set may be larger, since nothing could be decided without it. */
const MAX_PREPARED_POLICIES = 1_000

export const PREPARED_SCHEMA = 'p2pd'

interface Prepared {
  /** Cedar's name for it. */
  readonly name: string
  readonly policies: number
}

/** By key, the one used longest ago first. */
const sets = new Map<string, Prepared>()
/** Names that stand for nothing. */
const free = Array.from({ length: MAX_SETS }, (_, number) => `set ${number}`)
let policiesInAll = 0
let isSchemaPrepared = false

/**
 * Cedar's name for this set, good until another one is asked for. The same key has to mean the same policies for as long as
 * the process lives. Throws ERR_CONFIG for policies that Cedar cannot parse.
 */
export function preparedSet (key: string, policies: () => Record<string, string>): string {
  prepareSchema()
  const set = sets.get(key) ?? prepareNew(policies())
  sets.delete(key)
  sets.set(key, set)
  return set.name
}

function prepareNew (staticPolicies: Record<string, string>): Prepared {
  const policies = Object.keys(staticPolicies).length
  while (sets.size === MAX_SETS || (sets.size > 0 && policiesInAll + policies > MAX_PREPARED_POLICIES)) forgetOldest()
  const name = free.at(-1) ?? ''
  prepare(name, staticPolicies)
  free.pop()
  policiesInAll += policies
  return { name, policies }
}

function forgetOldest (): void {
  for (const [key, { name, policies }] of sets) {
    sets.delete(key)
    free.push(name)
    policiesInAll -= policies
    prepare(name, {})
    return
  }
}

function prepare (name: string, staticPolicies: Record<string, string>): void {
  const answer = withCedar(cedar => cedar.preparsePolicySet(name, { staticPolicies }))
  if (answer.type === 'failure') throw new P2pdError('ERR_CONFIG', answer.errors.map(({ message }) => message).join('; '))
}

function prepareSchema (): void {
  if (isSchemaPrepared) return
  const answer = withCedar(cedar => cedar.preparseSchema(PREPARED_SCHEMA, schemaText))
  if (answer.type === 'failure') throw new P2pdError('ERR_CONFIG', `${PREPARED_SCHEMA}: ${answer.errors.map(({ message }) => message).join('; ')}`)
  isSchemaPrepared = true
}
