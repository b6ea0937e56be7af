/** `p2pctl status`: the daemon, and how each of its tenants is. */
import type { Command } from 'commander'
import type { Status } from '../adminClient.ts'
import type { IsolationLevel } from '../../supervisor/isolation.ts'
import type { Row } from '../../supervisor/rows.ts'
import type { TenantStatus } from '../../supervisor/tenant.ts'
import { contextOf } from '../context.ts'
import { askDaemon } from '../daemon.ts'
import { examples } from '../help.ts'
import { list, sentence, size, table } from '../output.ts'

/** A tenant, or the daemon's own host, which is nobody's and so at no level. */
type Line = Row & TenantStatus & { readonly isolation?: IsolationLevel }

const HEAD = ['TENANT', 'PEER ID', 'STATE', 'LEVEL', 'PID', 'CONNECTIONS', 'STREAMS', 'HANDLERS', 'CONTROL', 'MEMORY']

export function status (parent: Command): void {
  parent.command('status')
    .summary('how the daemon and its tenants are')
    .description('Shows the daemon, how far tenants are kept apart, and for each tenant and the daemon\'s own host its state and what it uses. ' +
      'CONTROL is the number of connections of the app to its control socket.')
    .addHelpText('after', examples({
      'p2pctl status': 'the daemon and a table of its tenants',
      'p2pctl status --run /tmp/p2pd': 'of a daemon that has its sockets there',
      "p2pctl status --json | jq '.tenants[] | select(.state != \"running\")'": ''
    }))
    .action(async (_, command: Command) => {
      const context = contextOf(command)
      const { admin } = await askDaemon(context)
      const found = await admin.status()
      context.answer(found, text(found))
    })
}

function text ({ version, pid, uid, isolation, cgroups, policy, tenantsDir, stateDir, runDir, daemon, tenants }: Status): string {
  const lines: Line[] = [...daemon === undefined ? [] : [daemon], ...tenants]
  const about = list({
    p2pd: `${version}, pid ${pid}, uid ${uid}`,
    isolation: isolation === undefined ? 'no tenants' : sentence(`${isolation.level} ${isolation.why}`),
    cgroups: sentence(cgroups),
    policy: sentence(`epoch ${policy.epoch}, ${policy.policies} ${policy.policies === 1 ? 'policy' : 'policies'} in ${policy.directory}`),
    tenants: sentence(tenantsDir),
    state: sentence(stateDir),
    sockets: sentence(runDir)
  })
  const unwell = lines.filter(({ reason }) => reason !== undefined).map(({ name, state, reason }) => `${name} is ${state}: ${sentence(reason ?? '')}\n`)
  const limited = lines.flatMap(({ name, figures }) => Object.entries(figures?.limitsReached ?? {}).map(([limit, times]) =>
    `${name} has met limits.${sentence(limit)} ${times === 1 ? 'once' : `${times} times`}\n`))
  const levels = tenants.map(({ name, isolation: { level, why } }) => `${name} is at ${level}: ${sentence(why)}\n`)
  const notes = [...levels, ...unwell, ...limited]
  return `${about}\n${table(HEAD, lines.map(row))}${notes.length === 0 ? '' : `\n${notes.join('')}`}`
}

function row ({ name, peerId, state, isolation, pid, figures }: Line): string[] {
  const numbers = figures === undefined
    ? ['', '', '', '', '']
    : [...[figures.connections, figures.streams, figures.handlers, figures.controlConnections].map(String), size(figures.memoryBytes)]
  return [name, peerId ?? '(damaged)', state, isolation?.level ?? '', pid === undefined ? '' : String(pid), ...numbers]
}
