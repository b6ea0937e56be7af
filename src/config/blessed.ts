/**
 * What may be written down as a blessing, part by part: in a manifest, on the command line, in a request to the admin socket.
 *
 * One meaning of a good one for all three. What a blessing then covers is blessing/scope.ts; who has which, and until when,
 * is the supervisor's.
 */
import * as z from 'zod'
import { DEFAULT_GRANT_SECONDS, MAX_GRANT_SECONDS } from '../blessing/grant.ts'
import { ANY_RESOURCE, DAEMON_ACTIONS, MAX_ACTIONS, MAX_RESOURCES, MAX_RESOURCE_BYTES, OWN_HOST, type DaemonAction, type Scope } from '../blessing/scope.ts'
import { messageOf } from '../errors.ts'
import { parsePeerId } from '../wire/peers.ts'
import { term } from './quantities.ts'

/** A blessing as it was asked for: what, and for how long at a time. */
export interface BlessedSpec extends Scope {
  readonly seconds: number
}

export const DEFAULT_LIFETIME = `${DEFAULT_GRANT_SECONDS / 3_600}h`
const MAX_LIFETIME = `${MAX_GRANT_SECONDS / 3_600}h`
/** A shorter one would be over before somebody has read that it was given, and would be renewed more often than looked at. */
const MIN_LIFETIME = '1m'
const MIN_GRANT_SECONDS = 60

/** Of one tenant. Each is judged at every use, and shown to whoever lists them. */
export const MAX_GRANTS = 16

/** Peer IDs are looked at more closely. Protocols with other characters than these are blessed by what they begin with. */
const RESOURCE_PATTERN = new RegExp(`^(\\*|${OWN_HOST}|/[!-~]{0,${MAX_RESOURCE_BYTES - 1}}|[1-9A-Za-z]{46,80})$`)

const RESOURCE_RULE = `must be a protocol such as \`/search/1.0.0\`, \`/search/\` for all that begin so, a peer ID (12D3KooW..., Qm...), \`${OWN_HOST}\` or \`${ANY_RESOURCE}\``

type Kind = 'peer' | 'protocol' | 'host'

/** What each action is done on, as in policy/schema.cedarschema. */
const DONE_ON: Readonly<Record<DaemonAction, Kind>> = { connect: 'peer', disconnect: 'peer', listPeers: 'host', openStream: 'protocol', provideService: 'protocol' }

const WORDS: Readonly<Record<Kind, string>> = { peer: 'a peer ID', protocol: 'a protocol', host: `\`${OWN_HOST}\`` }

const actionList = z.array(z.enum(DAEMON_ACTIONS)).min(1).max(MAX_ACTIONS).transform(unique)
  .describe(`What it may do in the daemon's name: ${DAEMON_ACTIONS.join(', ')}.`)

const resource = z.string().regex(RESOURCE_PATTERN, { error: RESOURCE_RULE, abort: true }).superRefine((word, context) => {
  const why = word.startsWith('/') && word.endsWith('*')
    ? `the star would stand for itself; all that begin so are \`${word.slice(0, -1)}\``
    : kindOf(word) === 'peer' && word !== ANY_RESOURCE ? whyNoPeer(word) : undefined
  if (why !== undefined) context.addIssue({ code: 'custom', message: why, input: word })
})

const resourceList = z.array(resource).min(1).max(MAX_RESOURCES).transform(unique)
  .describe('On what, each of the actions: a protocol (/search/1.0.0), all that begin with a prefix (/search/), a peer ID, own (the daemon\'s own host), * (anything).')

/** @param why said to whoever wants a longer one: what to do instead */
function lifetimeShape (why: string) {
  return term({ min: MIN_LIFETIME, max: MAX_LIFETIME, why })
}

const manifestEntry = z.strictObject({
  actions: actionList,
  resources: resourceList,
  lifetime: lifetimeShape('it is renewed for as long as it stands here').prefault(DEFAULT_LIFETIME)
    .describe(`How long each one lasts, from ${MIN_LIFETIME} to ${MAX_LIFETIME}; it is renewed at half of it, for as long as it stands here.`)
}).superRefine(sayUseless)

/** As on the command line. */
export const flagsShape = z.strictObject({
  actions: actionList,
  resources: resourceList,
  lifetime: lifetimeShape('one that is to last longer belongs in the manifest, under `blessed`, and is renewed then')
}).superRefine(sayUseless)

/** As in a request. */
export const requestShape = z.strictObject({
  actions: actionList,
  resources: resourceList,
  seconds: z.int().min(MIN_GRANT_SECONDS).max(MAX_GRANT_SECONDS)
}).superRefine(sayUseless)

/** The key of a manifest. */
export const blessed = z.array(manifestEntry).max(MAX_GRANTS)
  .superRefine((entries, context) => {
    const keys = entries.map(entry => blessingKey(blessedSpecOf(entry)))
    for (const [index, key] of keys.entries()) {
      const first = keys.indexOf(key)
      if (first < index) context.addIssue({ code: 'custom', path: [index], message: `says the same as blessed[${first}]; leave one of them out`, input: entries[index] })
    }
  })
  .prefault([])
  .describe('What the tenant\'s app may do in the daemon\'s name. Its own policies and the daemon\'s have to allow it too.')

export function blessedSpecOf ({ actions, resources, lifetime }: Scope & { readonly lifetime: number }): BlessedSpec {
  return { actions, resources, seconds: Math.floor(lifetime / 1_000) }
}

/** The same for two that say the same, in whatever order. */
export function blessingKey ({ actions, resources, seconds }: BlessedSpec): string {
  return JSON.stringify([[...actions].sort(), [...resources].sort(), seconds])
}

/** What can never be of use is a mistake: an action without anything it is done on, a resource that no action is done on. */
function sayUseless ({ actions, resources }: { readonly actions: readonly DaemonAction[], readonly resources: readonly string[] }, context: z.core.$RefinementCtx): void {
  if (resources.includes(ANY_RESOURCE)) return
  const [wanted, there] = [new Set(actions.map(action => DONE_ON[action])), new Set(resources.map(kindOf))]
  for (const [index, action] of actions.entries()) {
    const kind = DONE_ON[action]
    if (!there.has(kind)) context.addIssue({ code: 'custom', path: ['actions', index], message: `is done on ${WORDS[kind]}, and there is none among the resources; add it there, or leave the action out`, input: action })
  }
  for (const [index, word] of resources.entries()) {
    const kind = kindOf(word)
    const meant = DAEMON_ACTIONS.filter(action => DONE_ON[action] === kind).join(' or ')
    if (!wanted.has(kind)) context.addIssue({ code: 'custom', path: ['resources', index], message: `is of use for ${meant}, and that is not among the actions; add it there, or leave the resource out`, input: word })
  }
}

function kindOf (word: string): Kind {
  return word === OWN_HOST ? 'host' : word.startsWith('/') ? 'protocol' : 'peer'
}

/** Another spelling of a peer ID than the one p2pd prints would cover nothing. */
function whyNoPeer (word: string): string | undefined {
  try {
    const printed = parsePeerId(word).toString()
    return printed === word ? undefined : `must be written as p2pd prints it: ${printed}`
  } catch (error) {
    return `must be a resource, and as a peer ID it cannot be read (${messageOf(error)})`
  }
}

function unique<T> (words: readonly T[]): T[] {
  return [...new Set(words)]
}
