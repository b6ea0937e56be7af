/** `p2pctl key list`: every identity, those of names that are no tenants any more too. */
import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { examples } from '../help.ts'
import { withIdentities } from '../identities.ts'
import { sentence, table } from '../output.ts'

export function keyList (parent: Command): void {
  parent.command('list')
    .summary('every identity in the keystore')
    .description('Lists every identity with its peer ID, that of a removed tenant too, and of a damaged one what is the matter with it.')
    .addHelpText('after', examples({
      'p2pctl key list': 'a table',
      "p2pctl key list --json | jq -r '.[].peerId'": ''
    }))
    .action(async (_, command: Command) => {
      const context = contextOf(command)
      const identities = await withIdentities(context, async access => await access.identities.list())
      const rows = identities.map(({ name, peerId, keyType, created, fault }) =>
        [name, peerId ?? '', keyType ?? '', created ?? '', fault === undefined ? 'whole' : 'damaged'])
      const faults = identities.flatMap(({ fault }) => fault === undefined ? [] : [`${sentence(fault)}\n`])
      const text = rows.length === 0
        ? 'there are no identities yet: a tenant gets one when p2pd first serves it\n'
        : `${table(['NAME', 'PEER ID', 'TYPE', 'CREATED', 'STATE'], rows)}${faults.length === 0 ? '' : `\n${faults.join('')}`}`
      context.answer(identities, text)
    })
}
