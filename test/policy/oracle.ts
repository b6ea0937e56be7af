/**
 * A second opinion: what a set of policies decides, worked out from the definition of the language and of p2pd's requests.
 *
 * Shares no code with src/policy and none with Cedar. Policies come as data, from the generator, which also writes them as
 * text for the engine.
 */

export interface Ref { readonly type: string, readonly id: string }
export type Thing = 'principal' | 'resource' | 'context.peer'
export type Num = bigint | 'context.port' | 'context.caller.uid' | 'context.caller.gid' | { readonly op: '+' | '-' | '*', readonly left: Num, readonly right: Num }
export type Expr =
  | { readonly is: 'literal', readonly value: boolean }
  | { readonly is: 'flag' | 'has', readonly name: string }
  | { readonly is: 'not', readonly of: Expr }
  | { readonly is: 'and' | 'or', readonly left: Expr, readonly right: Expr }
  | { readonly is: 'if', readonly test: Expr, readonly yes: Expr, readonly no: Expr }
  | { readonly is: 'compare', readonly op: '<' | '<=' | '>' | '>=' | '==' | '!=', readonly left: Num, readonly right: Num }
  | { readonly is: 'among', readonly list: readonly Num[], readonly value: Num }
  | { readonly is: 'like', readonly pattern: string }
  | { readonly is: 'range', readonly range: Range }
  | { readonly is: 'kind', readonly method: 'isLoopback' | 'isMulticast' | 'isIpv4' | 'isIpv6' }
  | { readonly is: 'entity', readonly what: Thing, readonly op: 'in' | '==' | 'is', readonly refs: readonly Ref[] }
/** A network by its text, first address, and how many bits of 32 or 128 it has. */
export interface Range { readonly text: string, readonly bits: 32 | 128, readonly start: bigint, readonly prefix: number }
export interface Ip { readonly text: string, readonly bits: 32 | 128, readonly value: bigint, readonly isPublic: boolean, readonly isMachine: boolean, readonly isForbidden: boolean }
export interface ScopePart { readonly equals?: Ref, readonly in?: Ref, readonly is?: string }
export interface RandomPolicy {
  readonly id: string
  readonly effect: 'permit' | 'forbid'
  readonly principal: ScopePart
  readonly actions: readonly string[] | undefined
  readonly resource: ScopePart
  readonly clauses: ReadonlyArray<{ readonly kind: 'when' | 'unless', readonly expr: Expr }>
}
export interface Request {
  readonly principal: Ref & { readonly groups: readonly string[] }
  readonly action: string
  readonly resource: Ref
  readonly peer?: string
  readonly caller?: { readonly uid: number, readonly gid: number }
  readonly endpoint?: { readonly address: string, readonly ip: Ip, readonly port: number }
  readonly relayed?: boolean
  readonly neighbours: ReadonlyArray<{ readonly peerId: string, readonly tenant: string, readonly groups: readonly string[] }>
}
export interface Verdict { readonly allowed: boolean, readonly policy: string }

class Overflow extends Error {}
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  inspect: ['identify', 'listPeers', 'disconnect'], outbound: ['connect', 'dial', 'openStream'], inbound: ['acceptConnection', 'handleStream', 'acceptStream']
}
const CORE = /^\/(ipfs\/(id|ping|kad|lan\/kad)|libp2p|p2p\/id|meshsub|floodsub|multistream|noise|tls|yamux|mplex|p2pd)(\/|$)/

export function judge (policies: readonly RandomPolicy[], request: Request): Verdict {
  if (request.action === 'dial' && request.endpoint?.ip.isForbidden === true) return { allowed: false, policy: 'code' }
  if (request.action === 'handleStream' && CORE.test(request.resource.id)) return { allowed: false, policy: 'code' }
  const results = policies.map(policy => ({ ...policy, result: resultOf(policy, request) }))
  const named = (of: Array<{ id: string }>, otherwise: string): string => of.map(({ id }) => id).join(', ') || otherwise
  const failed = results.filter(({ result }) => result === 'overflow')
  if (failed.length > 0) return { allowed: false, policy: `error in ${named(failed, '')}` }
  const applying = (effect: string): Array<{ id: string }> => results.filter(policy => policy.effect === effect && policy.result === true)
  const [forbids, permits] = [applying('forbid'), applying('permit')]
  return forbids.length > 0 ? { allowed: false, policy: named(forbids, '') } : { allowed: permits.length > 0, policy: named(permits, 'default deny') }
}

function resultOf ({ principal, actions, resource, clauses }: RandomPolicy, request: Request): boolean | 'overflow' {
  const isIt = actions === undefined || actions.some(name => name === request.action || GROUPS[name]?.includes(request.action) === true)
  if (!fits(principal, 'principal', request) || !isIt || !fits(resource, 'resource', request)) return false
  try {
    return clauses.every(({ kind, expr }) => truth(expr, request) === (kind === 'when'))
  } catch (error) {
    if (error instanceof Overflow) return 'overflow'
    throw error
  }
}

function fits ({ equals, in: group, is }: ScopePart, what: Thing, request: Request): boolean {
  const entity = (op: 'in' | '==' | 'is', ref: Ref): boolean => truth({ is: 'entity', what, op, refs: [ref] }, request)
  return (equals === undefined || entity('==', equals)) && (group === undefined || entity('in', group)) && (is === undefined || entity('is', { type: is, id: '' }))
}

function truth (expr: Expr, request: Request): boolean {
  switch (expr.is) {
    case 'literal': return expr.value
    case 'not': return !truth(expr.of, request)
    case 'and': return truth(expr.left, request) && truth(expr.right, request)
    case 'or': return truth(expr.left, request) || truth(expr.right, request)
    case 'if': return truth(expr.test, request) ? truth(expr.yes, request) : truth(expr.no, request)
    case 'has': return expr.name === 'caller' ? request.caller !== undefined : expr.name === 'peer' ? request.peer !== undefined : request.endpoint !== undefined
    case 'flag': return flag(expr.name, request)
    case 'compare': return compare(expr.op, number(expr.left, request), number(expr.right, request))
    case 'among': {
      const [value, ...list] = [expr.value, ...expr.list].map(each => number(each, request))
      return list.some(each => each === value)
    }
    case 'like': return new RegExp(`^${expr.pattern.split('*').map(part => part.replaceAll(/[^\w]/g, '\\$&')).join('.*')}$`, 's').test(request.endpoint?.address ?? '')
    case 'range': return inRange(ipOf(request), expr.range)
    case 'kind': return isKind(expr.method, ipOf(request))
    case 'entity': return expr.refs.some(ref => relation(expr.what, expr.op, ref, request))
  }
}

function flag (name: string, request: Request): boolean {
  if (name === 'relayed') return request.relayed ?? false
  if (name === 'public') return ipOf(request).isPublic
  const other = request.peer ?? request.resource.id
  return request.neighbours.some(({ peerId }) => peerId === other) && (request.endpoint?.ip.isMachine ?? true)
}

function number (value: Num, request: Request): bigint {
  if (typeof value === 'bigint') return value
  if (value === 'context.port') return BigInt(request.endpoint?.port ?? 0)
  if (typeof value === 'string') return BigInt(request.caller?.[value === 'context.caller.uid' ? 'uid' : 'gid'] ?? 0)
  const [left, right] = [number(value.left, request), number(value.right, request)]
  const result = value.op === '+' ? left + right : value.op === '-' ? left - right : left * right
  if (BigInt.asIntN(64, result) !== result) throw new Overflow()
  return result
}

function compare (op: string, left: bigint, right: bigint): boolean {
  return op === '<' ? left < right : op === '<=' ? left <= right : op === '>' ? left > right : op === '>=' ? left >= right : (left === right) === (op === '==')
}

function ipOf ({ endpoint }: Request): Ip {
  if (endpoint === undefined) throw new TypeError('the generator asks for an address where there is none')
  return endpoint.ip
}

function inRange (ip: Ip, { bits, start, prefix }: Omit<Range, 'text'>): boolean {
  const shift = BigInt(bits - prefix)
  return ip.bits === bits && ip.value >> shift === start >> shift
}

function isKind (method: string, ip: Ip): boolean {
  if (method === 'isIpv4' || method === 'isIpv6') return (ip.bits === 32) === (method === 'isIpv4')
  if (method === 'isLoopback') return ip.bits === 32 ? ip.value >> 24n === 127n : ip.value === 1n
  return ip.bits === 32 ? ip.value >> 28n === 14n : ip.value >> 120n === 255n
}

function relation (what: Thing, op: 'in' | '==' | 'is', ref: Ref, request: Request): boolean {
  const { principal, resource, peer = '' } = request
  const self: Ref = what === 'principal' ? principal : what === 'resource' ? resource : { type: 'Peer', id: peer }
  if (op === 'is') return self.type === ref.type
  if (self.type === ref.type && self.id === ref.id) return true
  if (op === '==') return false
  if (self.type === 'Protocol') return ref.type === 'ProtocolFamily' && ref.id.endsWith('/') && self.id.startsWith(ref.id)
  if (self.type === 'Tenant') return ref.type === 'Group' && principal.groups.includes(ref.id)
  const neighbour = request.neighbours.find(({ peerId }) => self.type === 'Peer' && peerId === self.id)
  return ref.type === 'Tenant' ? neighbour?.tenant === ref.id : ref.type === 'Group' && neighbour?.groups.includes(ref.id) === true
}
