/** `p2pctl services`: what is served under the daemon's identity, by whom, to how many. */
import type { Command } from 'commander'
import type { ServiceList } from '../../supervisor/admin.ts'
import { contextOf } from '../context.ts'
import { askDaemon } from '../daemon.ts'
import { examples } from '../help.ts'
import { sentence, table } from '../output.ts'

export function services (parent: Command): void {
  parent.command('services')
    .summary('what is served under the daemon\'s identity')
    .description('Lists the services that blessed tenants provide in the daemon\'s name, with the number of streams that callers have open ' +
      'to each. Tenants reach them by the daemon\'s peer ID.')
    .addHelpText('after', examples({
      'p2pctl services': 'a table',
      "p2pctl services --json | jq -r .daemon": 'the peer ID that tenants open streams to'
    }))
    .action(async (_, command: Command) => {
      const context = contextOf(command)
      const { admin } = await askDaemon(context)
      const found = await admin.services()
      context.answer(found, text(found))
    })
}

function text ({ daemon, services: found }: ServiceList): string {
  const head = `daemon  ${daemon === undefined ? '(damaged: see p2pctl status)' : sentence(daemon)}\n`
  if (found.length === 0) return `${head}\nnobody serves anything in its name: \`p2pctl bless TENANT --action provideService --resource /PROTOCOL/\` and policies of both (docs/BLESSED.md) let a tenant do so\n`
  return `${head}\n${table(['SERVICE', 'PROTOCOL', 'BY', 'CALLERS'], found.map(({ name, proto, owner, callers }) => [sentence(name), sentence(proto), sentence(owner), String(callers)]))}`
}
