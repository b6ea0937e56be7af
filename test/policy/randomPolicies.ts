/**
 * Random policies, as data for the oracle and as text for the engine, and random requests that they are about.
 *
 * Names come from small sets, so that policies and requests meet. Most conditions are ones that validation takes; what it
 * refuses is left out by the test, as p2pd would refuse it.
 */
import type { Ask, Caller } from '../../src/policy/ask.ts'
import type { Random } from '../fuzz/random.ts'
import type { Expr, Ip, Num, RandomPolicy, Range, Ref, Request, ScopePart, Thing } from './oracle.ts'

export const TENANTS: ReadonlyArray<{ name: string, groups: string[], peerId: string }> = [
  { name: 'chat', groups: ['messaging'], peerId: 'peer of chat' },
  { name: 'indexer', groups: ['messaging', 'storage'], peerId: 'peer of indexer' },
  { name: 'sensor', groups: ['telemetry'], peerId: 'peer of sensor' },
  { name: 'alone', groups: [], peerId: 'peer of alone' }
]
const GROUP_NAMES = ['messaging', 'storage', 'telemetry', 'nobody']
const PEERS = [...TENANTS.map(({ peerId }) => peerId), '12D3KooWStranger', '__proto__']
const PROTOCOLS = ['/chat/1.0.0', '/chat/2.0.0', '/chat', '/chatter/1', '/index/a/b', '/', 'odd "\\ \u{1f600}', '/ipfs/id/1.0.0', '/p2pd', '/noisy', `/long/${'x'.repeat(200)}`]
const FAMILIES = ['/', '/chat/', '/chat', '/index/', '/index/a/', '/long/', '']
const ADDRESSES = ['/ip4/1.2.3.4/tcp/4001', '/dns4/example.org/tcp/80', '/ip4/10.0.0.1*/tcp/1', '']
const PATTERNS = ['*', '/ip4/*', '*example*', '/dns4/*/tcp/80', '*tcp*1', '/ip4/1.2.3.4/tcp/4001', '']
const PORTS = [0, 1, 80, 4001, 65535]
const NUMBERS: readonly bigint[] = [0n, 1n, 80n, 1000n, 4001n, 65535n, -1n, 9223372036854775807n, -9223372036854775807n]
/** What runs over 64 bits with almost any other. */
const LARGE: readonly bigint[] = [9223372036854775807n, -9223372036854775807n, 4611686018427387904n, 9223372036854771806n]
const IDS = [0, 1000, 4294967294]
const RANGES: readonly Range[] = [
  { text: '10.0.0.0/8', bits: 32, start: 0x0a000000n, prefix: 8 }, { text: '0.0.0.0/0', bits: 32, start: 0n, prefix: 0 },
  { text: '93.184.215.14', bits: 32, start: 0x5db8d70en, prefix: 32 }, { text: '127.0.0.0/8', bits: 32, start: 0x7f000000n, prefix: 8 },
  { text: '2600::/16', bits: 128, start: 0x2600n << 112n, prefix: 16 }, { text: 'fc00::/7', bits: 128, start: 0xfc00n << 112n, prefix: 7 }, { text: '::/0', bits: 128, start: 0n, prefix: 0 }
]
const ip = (text: string, bits: 32 | 128, value: bigint, is: Partial<Ip> = {}): Ip => ({ text, bits, value, isPublic: false, isMachine: false, isForbidden: false, ...is })
/** As somebody may write them, with what they mean. */
const IPS: readonly Ip[] = [
  ip('93.184.215.14', 32, 0x5db8d70en, { isPublic: true }), ip('::ffff:93.184.215.14', 32, 0x5db8d70en, { isPublic: true }),
  ip('10.211.3.7', 32, 0x0ad30307n), ip('64:ff9b::ad3:307', 32, 0x0ad30307n), ip('2002:ad3:307::1', 32, 0x0ad30307n),
  ip('127.0.0.1', 32, 0x7f000001n, { isMachine: true }), ip('0:0:0:0:0:ffff:7f00:1', 32, 0x7f000001n, { isMachine: true }), ip('::1', 128, 1n, { isMachine: true }),
  ip('2600:1406::1', 128, (0x26001406n << 96n) + 1n, { isPublic: true }), ip('fd12::9', 128, (0xfd12n << 112n) + 9n),
  ip('169.254.169.254', 32, 0xa9fea9fen, { isForbidden: true }), ip('::ffff:169.254.0.1', 32, 0xa9fe0001n, { isForbidden: true }),
  ip('ff02::1', 128, (0xff02n << 112n) + 1n, { isForbidden: true }), ip('224.0.0.1', 32, 0xe0000001n, { isForbidden: true }), ip('0.0.0.0', 32, 0n, { isForbidden: true })
]
const ACTIONS: Readonly<Record<string, { type: string, has: readonly string[] }>> = {
  identify: { type: 'Host', has: ['caller'] }, listPeers: { type: 'Host', has: ['caller'] },
  connect: { type: 'Peer', has: ['caller', 'local'] }, disconnect: { type: 'Peer', has: ['caller', 'local'] },
  dial: { type: 'Peer', has: ['ip', 'local', 'relayed'] }, acceptConnection: { type: 'Peer', has: ['ip', 'local', 'relayed'] },
  openStream: { type: 'Protocol', has: ['caller', 'peer', 'local', 'relayed'] }, handleStream: { type: 'Protocol', has: ['caller', 'relayed'] },
  acceptStream: { type: 'Protocol', has: ['peer', 'ip', 'local', 'relayed'] }
}
const NAMES = Object.keys(ACTIONS)
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  inspect: ['identify', 'listPeers', 'disconnect'], outbound: ['connect', 'dial', 'openStream'], inbound: ['acceptConnection', 'handleStream', 'acceptStream']
}

const ref = (type: string, id: string): Ref => ({ type, id })
const tenantOrGroup = (random: Random): Ref => random.chance(0.5) ? ref('Tenant', random.pick(TENANTS).name) : ref('Group', random.pick(GROUP_NAMES))

export function randomPolicy (random: Random, id: string): RandomPolicy {
  const actions = random.weighted<readonly string[] | undefined>([
    [1, undefined], [6, [random.pick(NAMES)]], [3, [random.pick(NAMES), random.pick(NAMES)]], [2, [random.pick(Object.keys(MEMBERS))]], [1, [random.pick(Object.keys(MEMBERS)), random.pick(NAMES)]]
  ])
  const concrete = (actions ?? NAMES).flatMap(name => MEMBERS[name] ?? [name])
  const clauses = random.several(2, () => ({ kind: random.pick(['when', 'unless'] as const), expr: randomExpr(random, concrete, 3) }))
  return { id, effect: random.chance(0.6) ? 'permit' : 'forbid', principal: principalScope(random), actions, resource: resourceScope(random, concrete), clauses }
}

function principalScope (random: Random): ScopePart {
  return random.weighted<ScopePart>([
    [3, {}], [2, { equals: ref('Tenant', random.pick(TENANTS).name) }], [3, { in: ref('Group', random.pick(GROUP_NAMES)) }], [1, { in: ref('Tenant', random.pick(TENANTS).name) }],
    [1, { is: 'Tenant' }], [1, { is: 'Tenant', in: ref('Group', random.pick(GROUP_NAMES)) }]
  ])
}

function resourceScope (random: Random, actions: readonly string[]): ScopePart {
  const type = ACTIONS[random.pick(actions)]?.type ?? ''
  if (type === 'Host' || random.chance(0.3)) return {}
  const [whole, part] = type === 'Peer' ? [ref('Peer', random.pick(PEERS)), tenantOrGroup(random)] : [ref('Protocol', random.pick(PROTOCOLS)), ref('ProtocolFamily', random.pick(FAMILIES))]
  return random.weighted<ScopePart>([[2, { equals: whole }], [4, { in: part }], [1, { is: type }], [1, { is: type, in: part }]])
}

/** Only about what every one of these actions has, or after asking whether there is such a thing. */
function randomExpr (random: Random, actions: readonly string[], depth: number): Expr {
  const having = (name: string): string[] => actions.filter(action => ACTIONS[action]?.has.includes(name))
  const can = (name: string): boolean => having(name).length === actions.length
  const deeper = (): Expr => randomExpr(random, actions, depth - 1)
  if (depth > 0 && random.chance(0.6)) {
    return random.weighted<() => Expr>([
      [3, () => ({ is: 'and', left: deeper(), right: deeper() })], [3, () => ({ is: 'or', left: deeper(), right: deeper() })],
      [2, () => ({ is: 'not', of: deeper() })], [1, () => ({ is: 'if', test: deeper(), yes: deeper(), no: deeper() })]
    ])()
  }
  const guarded = (name: string, make: () => Expr): Expr => {
    const has: Expr = { is: 'has', name }
    return random.chance(0.8) ? { is: 'and', left: has, right: make() } : { is: 'or', left: { is: 'not', of: has }, right: make() }
  }
  const number = (...of: readonly Num[]): Num => random.chance(0.3)
    ? { op: random.pick(['+', '-', '*'] as const), left: random.pick(of), right: random.pick(random.chance(0.6) ? LARGE : NUMBERS) }
    : random.pick([...of, ...of, random.pick(NUMBERS)])
  const numeric = (...of: readonly Num[]): Expr => random.chance(0.3)
    ? { is: 'among', list: [random.pick(NUMBERS), random.pick(NUMBERS)], value: number(...of) }
    : { is: 'compare', op: random.pick(['<', '<=', '>', '>=', '==', '!='] as const), left: number(...of), right: number(...of) }
  const aboutAddress = (): Expr => random.pick<() => Expr>([
    () => ({ is: 'range', range: random.pick(RANGES) }), () => ({ is: 'kind', method: random.pick(['isLoopback', 'isMulticast', 'isIpv4', 'isIpv6'] as const) }),
    () => ({ is: 'like', pattern: random.pick(PATTERNS) }), () => numeric('context.port'), () => ({ is: 'flag', name: 'public' })
  ])()
  const entity = (what: Thing, type: string): Expr => {
    const [whole, part] = type === 'Protocol' ? [ref(type, random.pick(PROTOCOLS)), ref('ProtocolFamily', random.pick(FAMILIES))]
      : type === 'Peer' ? [ref(type, random.pick(PEERS)), tenantOrGroup(random)] : [ref(type, random.pick(TENANTS).name), ref('Group', random.pick(GROUP_NAMES))]
    return random.weighted<Expr>([
      [3, { is: 'entity', what, op: 'in', refs: [part] }], [1, { is: 'entity', what, op: 'in', refs: [part, whole] }], [2, { is: 'entity', what, op: '==', refs: [whole] }], [1, { is: 'entity', what, op: 'is', refs: [ref(type, '')] }]
    ])
  }
  const types = new Set(actions.map(action => ACTIONS[action]?.type))
  return random.weighted<() => Expr>([
    [1, () => entity('principal', 'Tenant')],
    [types.size === 1 && !types.has('Host') ? 3 : 0, () => entity('resource', [...types][0] ?? '')],
    [can('local') ? 3 : 0, () => ({ is: 'flag', name: 'local' })], [can('relayed') ? 3 : 0, () => ({ is: 'flag', name: 'relayed' })],
    [can('peer') ? 4 : 0, () => entity('context.peer', 'Peer')], [can('ip') ? 6 : 0, aboutAddress],
    [!can('ip') && having('ip').length > 0 ? 3 : 0, () => guarded('ip', aboutAddress)],
    [!can('peer') && having('peer').length > 0 ? 3 : 0, () => guarded('peer', () => entity('context.peer', 'Peer'))],
    [having('caller').length > 0 ? 3 : 0, () => guarded('caller', () => numeric('context.caller.uid', 'context.caller.gid'))],
    [0.2, () => ({ is: 'literal', value: random.chance(0.5) })]
  ])()
}

export function randomRequest (random: Random): Request {
  const { name, groups } = random.pick(TENANTS)
  const action = random.pick(NAMES)
  const { type, has } = ACTIONS[action] ?? { type: '', has: [] }
  const id = type === 'Host' ? 'own' : random.pick(type === 'Peer' ? PEERS : PROTOCOLS)
  return {
    principal: { type: 'Tenant', id: name, groups },
    action,
    resource: { type, id },
    neighbours: TENANTS.map(tenant => ({ peerId: tenant.peerId, tenant: tenant.name, groups: tenant.groups })),
    ...has.includes('peer') && { peer: random.pick(PEERS) },
    ...has.includes('caller') && random.chance(0.8) && { caller: { uid: random.pick(IDS), gid: random.pick(IDS) } },
    ...has.includes('ip') && { endpoint: { address: random.pick(ADDRESSES), ip: random.pick(IPS), port: random.pick(PORTS) } },
    ...has.includes('relayed') && { relayed: action !== 'handleStream' && random.chance(0.3) }
  }
}

/** The same request as the host would put it. */
export function askOf ({ principal, action, resource, peer, caller, endpoint, relayed }: Request): [Caller, Ask] {
  const context = { ...peer !== undefined && { peer }, ...endpoint !== undefined && { address: endpoint.address, ip: endpoint.ip.text, port: endpoint.port }, relayed }
  return [{ tenant: principal.id, ...caller !== undefined && { process: { ...caller, pid: 1 } } }, { action, resource, context } as Ask]
}

export function textOf ({ id, effect, principal, actions, resource, clauses }: RandomPolicy): string {
  const scope = (what: string, { equals, is, in: group }: ScopePart): string =>
    [what, ...equals === undefined ? [] : ['==', refText(equals)], ...is === undefined ? [] : ['is', is], ...group === undefined ? [] : ['in', refText(group)]].join(' ')
  const [only, ...more] = (actions ?? []).map(name => refText(ref('Action', name)))
  const action = only === undefined ? 'action' : more.length > 0 ? `action in [${[only, ...more].join(', ')}]` : MEMBERS[actions?.[0] ?? ''] === undefined ? `action == ${only}` : `action in ${only}`
  return `@id("${id}") ${effect} (${scope('principal', principal)}, ${action}, ${scope('resource', resource)})${clauses.map(({ kind, expr }) => ` ${kind} { ${exprText(expr)} }`).join('')};`
}

function exprText (expr: Expr): string {
  switch (expr.is) {
    case 'literal': return String(expr.value)
    case 'flag': return `context.${expr.name}`
    case 'has': return `context has ${expr.name}`
    case 'not': return `!(${exprText(expr.of)})`
    case 'and': return `(${exprText(expr.left)} && ${exprText(expr.right)})`
    case 'or': return `(${exprText(expr.left)} || ${exprText(expr.right)})`
    case 'if': return `(if ${exprText(expr.test)} then ${exprText(expr.yes)} else ${exprText(expr.no)})`
    case 'compare': return `${numberText(expr.left)} ${expr.op} ${numberText(expr.right)}`
    case 'among': return `[${expr.list.map(numberText).join(', ')}].contains(${numberText(expr.value)})`
    case 'like': return `context.address like "${expr.pattern}"`
    case 'range': return `context.ip.isInRange(ip("${expr.range.text}"))`
    case 'kind': return `context.ip.${expr.method}()`
    case 'entity': return `${expr.what} ${expr.op} ${expr.op === 'is' ? expr.refs[0]?.type ?? '' : expr.refs.length === 1 ? expr.refs.map(refText).join() : `[${expr.refs.map(refText).join(', ')}]`}`
  }
}

function numberText (value: Num): string {
  return typeof value === 'object' ? `(${numberText(value.left)} ${value.op} ${numberText(value.right)})` : String(value)
}

function refText ({ type, id }: Ref): string {
  return `${type}::"${id.replaceAll(/[\\"]/g, '\\$&')}"`
}
