/**
 * The least that has to be permitted for one question to be allowed, as a policy to paste: this tenant, this action, this
 * resource, and of the context what the operator said themselves.
 */
import { canonicalIp } from './addresses.ts'
import type { Asked, KnownTenant } from './question.ts'
import { STRANGER, symbolic } from './question.ts'
import type { Question } from './request.ts'
import type { Entity } from './scope.ts'

export function smallestPermit ({ principal, action, resource, peer, context }: Question, tenants: readonly KnownTenant[], facts: Asked['facts']): string {
  const said = new Set(facts.filter(({ assumed }) => !assumed).map(({ name }) => name))
  const conditions = [
    ...peer !== undefined && said.has('peer') ? [peerClause('context.peer', peer, tenants)] : [],
    ...action === 'actForDaemon' ? [`context.action == ${quote(facts.find(({ name }) => name === 'action')?.value ?? '')}`] : [],
    ...context['ip'] === undefined ? [] : [addressClause(context, said, facts.find(({ name }) => name === 'ip')?.value ?? '')]
  ].filter(clause => clause !== '')
  const scope = [
    `principal == Tenant::${quote(principal.id)}`,
    `action == Action::${quote(action)}`,
    resourceClause(resource, tenants)
  ]
  return `permit (\n  ${scope.join(',\n  ')}\n)${conditions.length === 0 ? '' : `\nwhen { ${conditions.join(' && ')} }`};\n`
}

function resourceClause (resource: Entity, tenants: readonly KnownTenant[]): string {
  if (resource.type === 'Host') return 'resource'
  if (resource.type === 'Peer') return peerClause('resource', resource, tenants) || 'resource'
  return `resource == ${resource.type}::${quote(resource.id)}`
}

/** A tenant of this machine by its name: its peer ID may be renewed. */
function peerClause (what: string, { id }: Entity, tenants: readonly KnownTenant[]): string {
  if (id === STRANGER) return ''
  const tenant = tenants.find(({ name, peerId }) => id === peerId || id === symbolic(name))
  return tenant === undefined ? `${what} == Peer::${quote(id)}` : `${what} in Tenant::${quote(tenant.name)}`
}

/** Never any address at all: an address that was only assumed stands for its kind. */
function addressClause ({ port, local, public: isPublic }: Question['context'], said: ReadonlySet<string>, ip: string): string {
  const exact = [said.has('ip') ? `context.ip == ip(${quote(canonicalIp(ip))})` : '', said.has('port') ? `context.port == ${Number(port)}` : ''].filter(clause => clause !== '')
  if (local === true && !said.has('ip')) return ['context.local', ...exact].join(' && ')
  if (isPublic === true && !said.has('ip')) return ['context.public', ...exact].join(' && ')
  return exact.join(' && ')
}

/** As Cedar reads a string; what cannot be seen is written as a number. */
export function quote (text: string): string {
  const escaped = text.replaceAll(/[\\"]/g, '\\$&').replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, character => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
  return `"${escaped}"`
}
