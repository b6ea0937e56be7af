/** `p2pctl reload`: the tenants directory as it is now, or every fault in it. */
import type { Command } from 'commander'
import type { Changes } from '../../supervisor/roster.ts'
import { contextOf } from '../context.ts'
import { askDaemon } from '../daemon.ts'
import { examples } from '../help.ts'

export function reload (parent: Command): void {
  parent.command('reload')
    .summary('apply the manifests as they are now')
    .description('Applies the tenants directory as it is now: all of it, or nothing and every fault. Only tenants whose manifest ' +
      'says something else than before are restarted, and those that had been given up are tried again.')
    .addHelpText('after', examples({
      'p2pctl reload': 'what was added, removed, changed',
      'p2pctl reload --json': '{"added":[...],"removed":[...],"changed":[...],"same":[...]}'
    }))
    .action(async (_, command: Command) => {
      const context = contextOf(command)
      const { admin } = await askDaemon(context)
      const changes = await admin.reload()
      context.answer(changes, text(changes))
    })
}

function text ({ added, removed, changed, same }: Changes): string {
  const lines = Object.entries({ added, removed, changed }).filter(([, names]) => names.length > 0).map(([how, names]) => `${how}: ${names.join(', ')}\n`)
  return lines.length === 0 ? `nothing has changed for ${same.length === 1 ? 'the tenant' : `any of the ${same.length} tenants`}\n` : lines.join('')
}
