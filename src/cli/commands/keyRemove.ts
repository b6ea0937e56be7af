/** `p2pctl key remove`: forgets the identity of what is no tenant any more. */
import type { Command } from 'commander'
import { P2pdError } from '../../errors.ts'
import { contextOf } from '../context.ts'
import { declaredTenants } from '../declared.ts'
import { examples, tenantTo } from '../help.ts'
import { peerIdOf, withIdentities } from '../identities.ts'

export function keyRemove (parent: Command): void {
  parent.command('remove')
    .summary('forget the identity of a removed tenant')
    .description('Removes the identity of a name that is no tenant any more, for good: the name gets another one if it comes back.')
    .argument('<name>', 'the name', tenantTo('remove'))
    .addHelpText('after', examples({ 'p2pctl key remove chat': 'after `p2pctl tenant remove chat`' }))
    .action(async (name: string, _, command: Command) => {
      const context = contextOf(command)
      await withIdentities(context, async ({ identities, daemon }) => {
        // A running daemon knows better than the files who its tenants are, and says so itself.
        if (daemon === undefined && declaredTenants(context, daemon).names().includes(name)) {
          throw new P2pdError('ERR_REQUEST', `${name} is a tenant still: remove it first, or give it a new identity with \`p2pctl key renew ${name}\``)
        }
        const peerId = await peerIdOf(identities, name)
        await identities.remove(name)
        context.answer({ name, peerId, removed: peerId !== undefined },
          peerId === undefined ? `${name} has no identity, so there was nothing to remove\n` : `${name} has no identity any more; ${peerId} is gone\n`)
      })
    })
}
