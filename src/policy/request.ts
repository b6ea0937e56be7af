/**
 * One question to Cedar: who, what, on what, and everything a policy may know about it.
 *
 * Owns what is not in the ask and follows from it: the groups things are in, whether a peer is a tenant of this machine,
 * whether an address is public, who calls. An asker cannot forget or forge it.
 */
import { networkInterfaces } from 'node:os'
import { canonicalIp, isPublic } from './addresses.ts'
import type { Ask, Caller, Endpoint } from './ask.ts'
import type { EntityJson } from './cedar.ts'
import type { Neighbour, PolicyDocument } from './document.ts'
import type { Entity, EntityId } from './scope.ts'

type Value = EntityJson['attrs'][string]

export interface Question {
  readonly principal: Entity
  readonly action: string
  readonly resource: Entity
  /** The other peer, where it is not the resource. */
  readonly peer?: Entity
  readonly context: Readonly<Record<string, Value>>
  /** Equal for questions that have the same answer, and only for those. */
  readonly key: string
}

/** What questions of one tenant have in common. */
export interface World {
  readonly principal: Entity
  readonly neighbours: ReadonlyMap<string, Neighbour>
}

export function worldOf ({ tenant, neighbours }: Pick<PolicyDocument, 'tenant' | 'neighbours'>): World {
  return {
    principal: { type: 'Tenant', id: tenant.name, parents: groups(tenant.groups) },
    neighbours: new Map(neighbours.map(neighbour => [neighbour.peerId, neighbour]))
  }
}

/** Throws ERR_REQUEST where an address is none. */
export function questionOf (world: World, caller: Caller, ask: Ask): Question {
  const { principal } = world
  const { action } = ask
  const resource: Entity = { ...ask.resource, parents: parentsOf(world, ask.resource) }
  const peerId = 'context' in ask && 'peer' in ask.context ? ask.context.peer : undefined
  const peer: Entity | undefined = peerId === undefined ? undefined : { type: 'Peer', id: peerId, parents: parentsOf(world, { type: 'Peer', id: peerId }) }
  const facts = factsOf(world, caller, ask)
  return {
    principal,
    action,
    resource,
    ...peer !== undefined && { peer },
    context: Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, valueOf(name, value)])),
    // A list of texts and numbers, so no two different ones are written the same.
    key: JSON.stringify([action, resource.type, resource.id, ...Object.entries(facts).flat(2)])
  }
}

/** A key of the DHT may be all slashes. Nobody means more of them than this. */
const MAX_FAMILIES = 32

type Fact = string | number | boolean | readonly [uid: number, gid: number]

/** What the schema has in this action's context, plainly. */
function factsOf (world: World, { process }: Caller, ask: Ask): Record<string, Fact> {
  const caller: Record<string, Fact> = process === undefined ? {} : { caller: [process.uid, process.gid] }
  switch (ask.action) {
    case 'act':
    case 'identify':
    case 'listPeers':
    case 'listServices':
    case 'listBlessings':
    case 'dhtRead':
    case 'dhtWrite': return caller
    case 'connect':
    case 'disconnect': return { ...caller, local: world.neighbours.has(ask.resource.id) }
    case 'dial':
    case 'acceptConnection': return endpointFacts(world, ask.resource.id, ask.context)
    case 'openStream': return { ...caller, peer: ask.context.peer, local: world.neighbours.has(ask.context.peer), relayed: ask.context.relayed }
    // Registering is for direct streams: the schema has it so that one policy can speak of all three.
    case 'handleStream': return { ...caller, relayed: false }
    case 'useService': return { ...caller, local: true }
    case 'provideService': return { ...caller, relayed: false }
    case 'actForDaemon': return { ...caller, action: ask.context.action }
    case 'acceptStream': return { peer: ask.context.peer, ...endpointFacts(world, ask.context.peer, ask.context) }
  }
}

function endpointFacts ({ neighbours }: World, peer: string, { address, ip: given, port, relayed, isForeign = false }: Endpoint): Record<string, Fact> {
  const ip = canonicalIp(given)
  return { address, ip, port, public: isPublic(ip), local: neighbours.has(peer) && isThisMachine(ip) && !isForeign, relayed }
}

/**
 * Whoever names a neighbour's peer ID could name any address with it: it is a way to that neighbour only if it is this
 * machine's own. Addresses of interfaces come and go, so they are looked up each time.
 */
function isThisMachine (ip: string): boolean {
  return ip.startsWith('127.') || ip === '::1' || Object.values(networkInterfaces()).some(list => list?.some(({ address }) => address === ip))
}

function valueOf (name: string, fact: Fact): Value {
  if (name === 'ip') return { __extn: { fn: 'ip', arg: fact as string } }
  if (name === 'peer') return { __entity: { type: 'Peer', id: fact as string } }
  if (typeof fact !== 'object') return fact
  const [uid, gid] = fact
  return { uid, gid }
}

function parentsOf ({ neighbours }: World, { type, id }: EntityId): EntityId[] {
  if (type === 'Protocol' || type === 'Service') return families(id).map(family => ({ type: 'ProtocolFamily', id: family }))
  if (type === 'DhtKey') return families(id).map(namespace => ({ type: 'DhtNamespace', id: namespace }))
  const neighbour = type === 'Peer' ? neighbours.get(id) : undefined
  return neighbour === undefined ? [] : [{ type: 'Tenant', id: neighbour.tenant }, ...groups(neighbour.groups)]
}

/** `/chat/1.0.0` begins with `/` and with `/chat/`. */
function families (name: string): string[] {
  const slashes = [...name.matchAll(/\//g)].map(({ index }) => index)
  return slashes.slice(0, MAX_FAMILIES).map(index => name.slice(0, index + 1))
}

function groups (names: readonly string[]): EntityId[] {
  return names.map(id => ({ type: 'Group', id }))
}
