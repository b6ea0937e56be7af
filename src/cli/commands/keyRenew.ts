/** `p2pctl key renew`: another identity on purpose, in place of the one there is or of what is left of it. */
import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { examples, tenantOrDaemon } from '../help.ts'
import { peerIdOf, withIdentities } from '../identities.ts'

export function keyRenew (parent: Command): void {
  parent.command('renew')
    .summary('a new identity in place of the old one')
    .description('Gives a tenant a new identity. The old one is gone for good unless it was exported: peers that know the tenant by ' +
      'its old peer ID do not find it any more. Restarts the tenant\'s host.')
    .argument('<name>', 'the tenant', tenantOrDaemon)
    .addHelpText('after', examples({
      'p2pctl key export chat old.key && p2pctl key renew chat': 'with a way back: p2pctl key import chat old.key --replace'
    }))
    .action(async (name: string, _, command: Command) => {
      const context = contextOf(command)
      await withIdentities(context, async ({ identities }) => {
        const before = await peerIdOf(identities, name)
        const info = await identities.renew(name)
        context.answer({ ...info, before }, `${name} has peer ID ${info.peerId} now${before === undefined ? '' : `; ${before} is gone`}\n`)
      })
    })
}
