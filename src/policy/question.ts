/**
 * A question in an operator's words -> what a host would ask: `chat openStream /chat/1.0.0`, and what is known beside it.
 *
 * Owns the names of actions and of what each one's context holds, what is assumed where nothing is said, and the sentences for
 * what makes no question. Used by the examples of a policy directory and by `p2pctl policy explain`, so both mean the same.
 */
import { DAEMON_ACTIONS } from '../blessing/scope.ts'
import { nearest } from '../config/nearest.ts'
import { show } from '../config/show.ts'
import { canonicalIp } from './addresses.ts'
import type { Action, Ask, Caller, Endpoint } from './ask.ts'
import type { Neighbour } from './document.ts'

/** A tenant, and its peer ID where that is known. */
export interface KnownTenant {
  readonly name: string
  readonly groups: readonly string[]
  readonly peerId?: string
  /** The user its requests come from, where that is known. */
  readonly uid?: number
}

export interface Words {
  readonly tenant: string
  readonly action: string
  readonly resource: string
  readonly context: Readonly<Record<string, string | number | boolean>>
}

export interface Asked {
  readonly caller: Caller
  readonly ask: Ask
  /** What was said and what was assumed, in the words of the context. */
  readonly facts: ReadonlyArray<{ readonly name: string, readonly value: string, readonly assumed: boolean }>
}

/** A peer that is no tenant of this machine and that no policy names. */
export const STRANGER = 'stranger'

/** The tenant's own host, as a resource. */
const OWN = 'own'

const CALLER = ['uid', 'gid'] as const
const ENDPOINT = ['ip', 'port', 'address', 'relayed'] as const
type Name = typeof CALLER[number] | typeof ENDPOINT[number] | 'peer' | 'action'

interface Kind {
  /** The group it is in. */
  readonly group?: 'inspect' | 'outbound' | 'inbound'
  /** Of actForDaemon it depends on what is to be done: see typeOf(). */
  readonly type: Ask['resource']['type']
  /** What may be said beside the resource. What follows from it (`local`, `public`) is worked out and cannot be said. */
  readonly names: readonly Name[]
}

/** As in the schema. */
export const ACTIONS: Readonly<Record<Action, Kind>> = {
  identify: { group: 'inspect', type: 'Host', names: CALLER },
  listPeers: { group: 'inspect', type: 'Host', names: CALLER },
  listServices: { group: 'inspect', type: 'Host', names: CALLER },
  listBlessings: { group: 'inspect', type: 'Host', names: CALLER },
  disconnect: { group: 'inspect', type: 'Peer', names: CALLER },
  connect: { group: 'outbound', type: 'Peer', names: CALLER },
  dial: { group: 'outbound', type: 'Peer', names: ENDPOINT },
  openStream: { group: 'outbound', type: 'Protocol', names: ['peer', 'relayed', ...CALLER] },
  acceptConnection: { group: 'inbound', type: 'Peer', names: ENDPOINT },
  handleStream: { group: 'inbound', type: 'Protocol', names: CALLER },
  acceptStream: { group: 'inbound', type: 'Protocol', names: ['peer', ...ENDPOINT] },
  useService: { group: 'outbound', type: 'Service', names: CALLER },
  provideService: { group: 'inbound', type: 'Service', names: CALLER },
  actForDaemon: { type: 'Service', names: ['action', ...CALLER] },
  dhtRead: { type: 'DhtKey', names: CALLER },
  dhtWrite: { type: 'DhtKey', names: CALLER }
}

/** What is done in the daemon's name unless something else is said. */
const USUAL_DAEMON_ACTION = 'provideService'

/** An address on the internet, of a root name server: well known, and never contacted by this. */
const PUBLIC_IP = '198.41.0.4'
const LOOPBACK_IP = '127.0.0.1'
const USUAL_PORT = '4001'
/** The first user of most machines. */
const USUAL_UID = 1000
const NO_CALLER = 'none'

const PEER_ID = /^(?:12D3KooW|16Uiu2HA|Qm)[1-9A-HJ-NP-Za-km-z]{38,52}$/

/** Every tenant as a peer of the others; one whose peer ID is not known has its name for one. */
export function neighboursOf (tenants: readonly KnownTenant[]): Neighbour[] {
  return tenants.map(({ name, groups, peerId }) => ({ peerId: peerId ?? symbolic(name), tenant: name, groups }))
}

export function symbolic (tenant: string): string {
  return `(the peer ID of ${tenant})`
}

export function isAction (text: string): text is Action {
  return Object.hasOwn(ACTIONS, text)
}

/** What is asked, or everything that is wrong with the words. */
export function asked (words: Words, tenants: readonly KnownTenant[]): Asked | { readonly faults: string[] } {
  const { action, tenant, context } = words
  if (!isAction(action)) return { faults: [`there is no action ${show(action)}; ${suggestion(action, Object.keys(ACTIONS))}`] }
  const { names } = ACTIONS[action]
  const type = typeOf(action, context)
  const faults: string[] = []
  for (const name of Object.keys(context).filter(said => !names.some(known => known === said))) faults.push(unknownName(name, action, names))
  const reader = new Reader(context, tenants, faults)
  const resource = { type, id: type === 'Peer' ? reader.peer(words.resource) : words.resource }
  if (type === 'Host' && words.resource !== OWN) faults.push(`${action} is about the tenant's own host, which is called ${show(OWN)}, found ${show(words.resource)}`)
  if ((type === 'Protocol' || type === 'Service') && !words.resource.startsWith('/')) faults.push(`${action} is about a protocol, which begins with \`/\`, found ${show(words.resource)}`)
  const caller = { tenant, ...reader.process(names, tenants.find(({ name }) => name === tenant)?.uid ?? USUAL_UID) }
  const facts = contextOf(reader, names, resource)
  if (faults.length > 0) return { faults }
  return { caller, ask: { action, resource, ...Object.keys(facts).length > 0 && { context: facts } } as Ask, facts: reader.facts }
}

/** What an action is about. Acting for the daemon is about whatever the act itself is about. */
function typeOf (action: Action, context: Words['context']): Ask['resource']['type'] {
  const act = action === 'actForDaemon' ? String(context['action'] ?? USUAL_DAEMON_ACTION) : action
  return ACTIONS[isAction(act) ? act : action].type
}

function contextOf (reader: Reader, names: readonly Name[], { type, id }: Ask['resource']): Partial<Endpoint> & { peer?: string, action?: string } {
  const peer = names.includes('peer') ? reader.peer(reader.text('peer', STRANGER)) : undefined
  const endpoint = names.includes('ip') ? reader.endpoint(type === 'Peer' ? id : peer ?? '') : {}
  const relayed = names.includes('relayed') ? { relayed: reader.flag('relayed') } : {}
  const action = names.includes('action') ? { action: reader.daemonAction() } : {}
  return { ...peer !== undefined && { peer }, ...endpoint, ...relayed, ...action }
}

/** Takes words one by one, with what is assumed in their place, and remembers which. */
class Reader {
  readonly facts: Array<{ name: string, value: string, assumed: boolean }> = []
  readonly #context: Words['context']
  readonly #neighbours: readonly Neighbour[]
  readonly #faults: string[]

  constructor (context: Words['context'], tenants: readonly KnownTenant[], faults: string[]) {
    this.#context = context
    this.#neighbours = neighboursOf(tenants)
    this.#faults = faults
  }

  text (name: Name, otherwise: string): string {
    const said = Object.hasOwn(this.#context, name) ? this.#context[name] : undefined
    const value = String(said ?? otherwise)
    this.facts.push({ name, value, assumed: said === undefined })
    return value
  }

  daemonAction (): string {
    const text = this.text('action', USUAL_DAEMON_ACTION)
    const known: readonly string[] = ['identify', ...DAEMON_ACTIONS]
    if (!known.includes(text)) this.#faults.push(`action is what is done in the daemon's name, found ${show(text)}; ${suggestion(text, known)}`)
    return text
  }

  flag (name: Name): boolean {
    const text = this.text(name, 'false')
    if (text !== 'true' && text !== 'false') this.#faults.push(`${name} is true or false, found ${show(text)}`)
    return text === 'true'
  }

  number (name: Name, otherwise: string, most: number): number {
    const text = this.text(name, otherwise)
    if (!/^\d{1,10}$/.test(text) || Number(text) > most) this.#faults.push(`${name} is a number from 0 to ${most}, found ${show(text)}`)
    return Number(text)
  }

  /** A peer ID, the name of a tenant, or the stranger. */
  peer (text: string): string {
    const neighbour = this.#neighbours.find(({ tenant }) => tenant === text)
    if (neighbour !== undefined) return neighbour.peerId
    if (text !== STRANGER && !PEER_ID.test(text)) {
      const meant = nearest(text, this.#neighbours.map(({ tenant }) => tenant))
      this.#faults.push(`there is no tenant ${show(text)}, and a peer ID it is not; ${meant === undefined ? `a peer that nobody knows is called ${STRANGER}` : `did you mean ${meant}?`}`)
    }
    return text
  }

  process (names: readonly Name[], usualUid: number): Pick<Caller, 'process'> {
    if (!names.includes('uid')) return {}
    if (this.#context['uid'] === NO_CALLER) {
      this.facts.push({ name: 'uid', value: NO_CALLER, assumed: false })
      return {}
    }
    const uid = this.number('uid', String(usualUid), 2 ** 32 - 2)
    return { process: { uid, gid: this.number('gid', String(uid), 2 ** 32 - 2), pid: 0 } }
  }

  endpoint (peerId: string): Omit<Endpoint, 'relayed'> {
    const isLocal = this.#neighbours.some(neighbour => neighbour.peerId === peerId)
    const ip = this.text('ip', isLocal ? LOOPBACK_IP : PUBLIC_IP)
    const port = this.number('port', USUAL_PORT, 65535)
    try {
      return { ip: canonicalIp(ip), port, address: this.text('address', `/${ip.includes(':') ? 'ip6' : 'ip4'}/${ip}/tcp/${port}`) }
    } catch {
      this.#faults.push(`ip is a literal IP address, found ${show(ip)}`)
      return { ip, port, address: '' }
    }
  }
}

function unknownName (name: string, action: Action, names: readonly Name[]): string {
  if (name === 'local' || name === 'public') return `${name} follows from the peer and the address, and cannot be said`
  return `${action} has no ${show(name)} in its context; ${suggestion(name, names)}`
}

function suggestion (word: string, words: readonly string[]): string {
  const meant = nearest(word, words)
  return meant === undefined ? `there are: ${words.join(', ')}` : `did you mean ${meant}?`
}
