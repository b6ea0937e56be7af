/** `p2pctl tenant restart`: its host anew, and one that had been given up tried again. */
import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { askDaemon } from '../daemon.ts'
import { examples, tenantName } from '../help.ts'

export function tenantRestart (parent: Command): void {
  parent.command('restart')
    .summary('start a tenant\'s host anew')
    .description('Stops a tenant\'s host and starts it anew if it was running or is to; one that was given up is tried again. ' +
      'Its streams end; its app\'s handlers stay registered, and connects meanwhile wait.')
    .argument('<name>', 'the tenant', tenantName)
    .addHelpText('after', examples({ 'p2pctl tenant restart chat': 'for instance after what made it fail was mended' }))
    .action(async (name: string, _, command: Command) => {
      const context = contextOf(command)
      const { admin } = await askDaemon(context)
      await admin.restart(name)
      const state = (await admin.status()).tenants.find(tenant => tenant.name === name)?.state
      context.answer({ name, state }, `${name} is ${state ?? 'gone'}\n`)
    })
}
