/** `p2pctl tenant restart`: its host anew, and one that had been given up tried again. */
import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { askDaemon } from '../daemon.ts'
import { examples, tenantOrDaemon } from '../help.ts'

export function tenantRestart (parent: Command): void {
  parent.command('restart')
    .summary('start a tenant\'s host anew')
    .description('Stops a tenant\'s host and starts it anew if it was running or is to; one that was given up is tried again. ' +
      'Its streams end; its app\'s handlers stay registered, and connects meanwhile wait.')
    .argument('<name>', 'the tenant, or daemon for the daemon\'s own host', tenantOrDaemon)
    .addHelpText('after', examples({ 'p2pctl tenant restart chat': 'for instance after what made it fail was mended' }))
    .action(async (name: string, _, command: Command) => {
      const context = contextOf(command)
      const { admin } = await askDaemon(context)
      await admin.restart(name)
      const { daemon, tenants } = await admin.status()
      const state = [daemon, ...tenants].find(row => row?.name === name)?.state
      context.answer({ name, state }, `${name} is ${state ?? 'gone'}\n`)
    })
}
