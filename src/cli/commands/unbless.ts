/** `p2pctl unbless`: what a tenant was blessed with ends at once, and everything done by it. */
import type { Command } from 'commander'
import type { Grant } from '../../blessing/grant.ts'
import { contextOf } from '../context.ts'
import { askDaemon } from '../daemon.ts'
import { examples, tenantTo } from '../help.ts'
import { sentence, some } from '../output.ts'

export function unbless (parent: Command): void {
  parent.command('unbless')
    .summary('end a tenant\'s blessings at once')
    .description('Ends all blessings of a tenant, or one. What it had open by them is closed within a second. It is kept on disk, so that no ' +
      'crash and no restart brings one back; one that the manifest says stays without effect until its entry there says something else.')
    .argument('<tenant>', 'whose', tenantTo('bless'))
    .option('--id <id>', 'only this one; `p2pctl blessings` shows the ids')
    .addHelpText('after', examples({
      'p2pctl unbless indexer': 'all of them',
      'p2pctl unbless indexer --id 4be1f2a09c7d4e3b8a5f6071c2d3e4f5': 'one'
    }))
    .action(async (tenant: string, { id }: { id?: string }, command: Command) => {
      const context = contextOf(command)
      const { admin, status: { tenantsDir } } = await askDaemon(context)
      const ended = await admin.unbless(tenant, id)
      const lines = ended.map(grant => `${tenant} may no longer ${some(grant.actions)} on ${some(grant.resources)} (${sentence(grant.id)})`)
      context.answer(ended, [...lines, ...sayManifest(tenant, ended, tenantsDir)].map(line => `${line}\n`).join(''))
    })
}

function sayManifest (tenant: string, ended: readonly Grant[], tenantsDir: string): string[] {
  const count = ended.filter(({ source }) => source === 'manifest').length
  if (count === 0) return []
  const what = ended.length === 1 ? 'it is' : count === 1 ? 'one of them is' : `${count} of them are`
  return [sentence(`${what} in ${tenantsDir}/${tenant}.yaml, under \`blessed\`, and has no effect there from now on, over reloads and restarts too, until that entry says something else`)]
}
