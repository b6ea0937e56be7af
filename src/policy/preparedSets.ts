/**
 * Policy sets that Cedar has parsed and keeps.
 *
 * Cedar keeps what it is given under a name, and can replace it but never forget it. So there is a fixed number of names for
 * the whole process, and the set that was asked for longest ago gives its name up: memory does not grow with epochs, nor with
 * how many different sets are needed.
 */
import { P2pdError } from '../errors.ts'
import { withCedar } from './cedar.ts'
import { schemaText } from './files.ts'

/** More than there are kinds of requests in most policy directories; a set of ten policies takes about 100 KB. */
const MAX_SETS = 48

export const PREPARED_SCHEMA = 'p2pd'

/** Key of a set -> Cedar's name for it, the one used longest ago first. */
const names = new Map<string, string>()
let isSchemaPrepared = false

/**
 * Cedar's name for this set, good until another one is asked for. The same key has to mean the same policies for as long as
 * the process lives. Throws ERR_CONFIG for policies that Cedar cannot parse.
 */
export function preparedSet (key: string, policies: () => Record<string, string>): string {
  prepareSchema()
  const known = names.get(key)
  const name = known ?? freeName()
  names.delete(key)
  if (known === undefined) prepare(name, policies())
  names.set(key, name)
  return name
}

/** A name whose preparation failed is not in the map, and so the next one to be given out. */
function freeName (): string {
  const [oldest] = names
  if (oldest === undefined || names.size < MAX_SETS) return `set ${unusedNumber()}`
  names.delete(oldest[0])
  return oldest[1]
}

function unusedNumber (): number {
  const used = new Set(names.values())
  let number = 0
  while (used.has(`set ${number}`)) number++
  return number
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
