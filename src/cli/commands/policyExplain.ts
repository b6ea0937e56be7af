/** `p2pctl policy explain`: one question, the decision, and what would have to be different. */
import { InvalidArgumentError, type Command } from 'commander'
import { ConfigError } from '../../errors.ts'
import type { Explanation, Part } from '../../policy/explain.ts'
import { contextOf } from '../context.ts'
import { examples, tenantOrDaemon } from '../help.ts'
import { safeLines, sentence } from '../output.ts'
import { tenantsForPolicy } from '../policies.ts'

export function policyExplain (parent: Command): void {
  parent.command('explain')
    .summary('why a tenant may do something, or what it would take')
    .description('Asks the policies one question and shows who decided it. RESOURCE is a protocol (of a stream, or that a service is), a peer ' +
      '(a peer ID, the name of a tenant, or `stranger`), a key of the DHT, or `own` for the tenant\'s own host; the examples of policy/examples.yaml are the same questions. ' +
      'What is not said about the context is assumed, and marked so. Exit code 0 whatever is decided.')
    .argument('<tenant>', 'who asks: a tenant, or daemon for the daemon\'s own host', tenantOrDaemon)
    .argument('<action>', 'identify, listPeers, listServices, listBlessings, connect, disconnect, dial, acceptConnection, openStream, handleStream, ' +
      'acceptStream, useService, provideService, actForDaemon, dhtRead or dhtWrite')
    .argument('<resource>', 'on what')
    .option('--context <name=value...>', 'what is known beside it: peer, ip, port, address, relayed, uid, gid; of actForDaemon the action', collect, {})
    .addHelpText('after', examples({
      'p2pctl policy explain chat openStream /chat/1.0.0': '',
      'p2pctl policy explain chat openStream /hello/1.0.0 --context peer=indexer': 'to another tenant of this machine',
      'p2pctl policy explain indexer dial stranger --context ip=10.0.0.7 port=80': 'an address, before the first packet',
      'p2pctl policy explain indexer actForDaemon /search/1.0.0 --context action=provideService': 'in the daemon\'s name, if it is blessed',
      'p2pctl policy explain sensor identify own --json': ''
    }))
    .action(async (tenant: string, action: string, resource: string, { context: said }: { context: Record<string, string> }, command: Command) => {
      const context = contextOf(command)
      const [{ loadPolicies }, { explain }] = await Promise.all([import('../../policy/load.ts'), import('../../policy/explain.ts')])
      const { policyDir, tenants } = await tenantsForPolicy(context, { peerIds: true })
      if (tenants.every(({ name }) => name !== tenant)) throw usage([`there is no tenant ${tenant}; there are: ${tenants.map(({ name }) => name).join(', ') || 'none'}`])
      const { policies } = await loadPolicies(policyDir, tenants)
      const explanation = explain(policies, tenants, { tenant, action, resource, context: said })
      if ('faults' in explanation) throw usage(explanation.faults)
      context.answer({ policyDir, ...explanation }, text(explanation))
    })
}

/** What a permit says in the one place where it does not fit. */
const NEARLY: Readonly<Record<Part, (wants: string) => string>> = {
  principal: wants => `permits it only where ${wants}`,
  action: wants => `permits ${wants} and not this`,
  resource: wants => `permits it only where ${wants}`,
  condition: wants => `permits it only ${wants}`
}

function collect (pair: string, before: Record<string, string>): Record<string, string> {
  const [, name, value] = /^(\w+)=(.*)$/s.exec(pair) ?? []
  if (name === undefined || value === undefined) throw new InvalidArgumentError('It must be NAME=VALUE.')
  return { ...before, [name]: value }
}

function usage (faults: readonly string[]): ConfigError {
  return new ConfigError(faults.map(what => ({ file: 'argv', path: '', what })))
}

function text (explanation: Explanation): string {
  const { allowed, question: { tenant, action, resource }, facts } = explanation
  const known = facts.map(({ name, value, assumed }) => `${name} ${value}${assumed ? ' (assumed)' : ''}`)
  return [
    sentence(`${allowed ? 'allowed' : 'denied'}: ${tenant} ${action} ${resource}`),
    ...known.length === 0 ? [] : [sentence(`where: ${known.join(', ')}`)],
    sentence(`by: ${by(explanation)}`),
    ...explanation.deciding.flatMap(policy => ['', `${sentence(named(policy.id, policy.file, policy.line))}:`, indent(policy.text)]),
    ...allowed ? [] : ['', ...whatItTakes(explanation)]
  ].map(line => `${line}\n`).join('')
}

function by ({ allowed, policy, rule, deciding }: Explanation): string {
  if (rule !== undefined) return rule
  if (deciding.length === 0 && !allowed) return `${policy}: no policy permits it`
  return policy
}

function whatItTakes ({ rule, policy, deciding, almost, smallest }: Explanation): string[] {
  if (rule !== undefined) return ['Nothing in a policy can change that.']
  const near = almost.map(({ id, file, line, part, wants }) => sentence(`${named(id, file, line)} ${NEARLY[part](wants)}`))
  if (policy.startsWith('error ')) return ['A policy that cannot be evaluated denies. It has to be mended first.', ...near]
  if (deciding.length > 0) return ['A forbid comes before every permit: it would have to leave this out.', ...near]
  return [
    ...near,
    ...smallest === undefined ? [] : [...near.length === 0 ? [] : [''], 'The least that would permit it:', indent(smallest.trimEnd())]
  ]
}

function named (id: string, file: string, line: number): string {
  return id === `${file}:${line}` ? id : `${id} (${file}:${line})`
}

/** A policy keeps its lines. */
function indent (policy: string): string {
  return safeLines(policy).map(line => `  ${line}`).join('\n')
}
