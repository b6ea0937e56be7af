/** `p2pctl reload`: the tenants and policies as they are now, or every fault in them. */
import type { Command } from 'commander'
import type { Changes } from '../../supervisor/rows.ts'
import { contextOf } from '../context.ts'
import { askDaemon } from '../daemon.ts'
import { examples } from '../help.ts'

export function reload (parent: Command): void {
  parent.command('reload')
    .summary('apply the manifests and policies as they are now')
    .description('Applies the tenants and policy directories as they are now: all of it, or nothing and every fault. Only tenants whose ' +
      'manifest says something else than before are restarted, and those that had been given up are tried again. What the new policies ' +
      'deny of what is open is closed.')
    .addHelpText('after', examples({
      'p2pctl reload': 'what was added, removed, changed, and which policy epoch decides',
      'p2pctl reload --json': '{"added":[...],"removed":[...],"changed":[...],"same":[...],"epoch":2,"policies":7}'
    }))
    .action(async (_, command: Command) => {
      const context = contextOf(command)
      const { admin } = await askDaemon(context)
      const changes = await admin.reload()
      context.answer(changes, text(changes))
    })
}

function text ({ added, removed, changed, same, epoch, policies }: Changes): string {
  const lines = Object.entries({ added, removed, changed }).filter(([, names]) => names.length > 0).map(([how, names]) => `${how}: ${names.join(', ')}\n`)
  const tenants = lines.length === 0 ? `nothing has changed for ${same.length === 1 ? 'the tenant' : `any of the ${same.length} tenants`}\n` : lines.join('')
  return `${tenants}policy epoch ${epoch}: ${policies} ${policies === 1 ? 'policy' : 'policies'}\n`
}
