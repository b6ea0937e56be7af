/** `p2pctl blessings`: who may act in the daemon's name, how, and until when. */
import type { Command } from 'commander'
import type { BlessingRow } from '../../supervisor/blessings.ts'
import { contextOf } from '../context.ts'
import { askDaemon } from '../daemon.ts'
import { examples } from '../help.ts'
import { until } from '../moments.ts'
import { sentence, some, table } from '../output.ts'

export function blessings (parent: Command): void {
  parent.command('blessings')
    .summary('who may act in the daemon\'s name, and until when')
    .description('Lists the blessings that stand. One that comes from a manifest is renewed before it ends; one that a manifest says and ' +
      'that was taken back is listed as revoked.')
    .addHelpText('after', examples({
      'p2pctl blessings': 'a table',
      "p2pctl blessings --json | jq -r '.[] | select(.state == \"standing\").tenant' | sort -u": 'who is blessed'
    }))
    .action(async (_, command: Command) => {
      const context = contextOf(command)
      const { admin } = await askDaemon(context)
      const rows = await admin.blessings()
      context.answer(rows, text(rows, Date.now()))
    })
}

function text (rows: readonly BlessingRow[], nowMs: number): string {
  if (rows.length === 0) return 'nobody is blessed: `p2pctl bless TENANT --action ACTION --resource RESOURCE` lets a tenant act in the daemon\'s name, where policies of both do (docs/BLESSED.md)\n'
  return table(['TENANT', 'MAY', 'ON', 'UNTIL', 'BY', 'STATE', 'ID'], rows.map(({ tenant, actions, resources, expires, source, state, id }) => [
    sentence(tenant),
    some(actions),
    some(resources),
    state === 'revoked' ? '' : until(expires, nowMs),
    source,
    state,
    sentence(id)
  ]))
}
