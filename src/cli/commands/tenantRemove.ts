/** `p2pctl tenant remove`: no longer declared, no longer served; its identity stays unless it is to go too. */
import type { Command } from 'commander'
import { P2pdError } from '../../errors.ts'
import { contextOf } from '../context.ts'
import { declaredTenants } from '../declared.ts'
import { examples, tenantName } from '../help.ts'
import { peerIdOf, withIdentities, type Identities } from '../identities.ts'

export function tenantRemove (parent: Command): void {
  parent.command('remove')
    .summary('stop serving a tenant, and remove its manifest')
    .description('Removes a tenant\'s manifest; a running daemon stops its host and takes its control socket away. ' +
      'Its identity is kept, so that the name gets the same peer ID when it is added again.')
    .argument('<name>', 'the tenant', tenantName)
    .option('--forget-key', 'remove its identity too, for good')
    .addHelpText('after', examples({
      'p2pctl tenant remove chat': 'its identity stays',
      'p2pctl tenant remove chat --forget-key': 'a later chat is another peer'
    }))
    .action(async (name: string, { forgetKey = false }: { forgetKey?: boolean }, command: Command) => {
      const context = contextOf(command)
      await withIdentities(context, async ({ identities, daemon }) => {
        // What may fail comes first, so that a failure leaves everything as it was.
        const declared = declaredTenants(context, daemon)
        if (daemon !== undefined) await declared.assertRestLoads(name)
        const { removeManifest } = await import('../../config/writeManifest.ts')
        const peerId = await lookUp(identities, name, forgetKey)
        const manifest = removeManifest(declared.dir, name)
        if (daemon !== undefined) await daemon.admin.reload()
        if (forgetKey) await identities.remove(name)
        context.answer({ name, manifest, peerId, keyForgotten: forgetKey }, `${name} is removed\n${about(name, peerId, forgetKey)}`)
      })
    })
}

/** Whether a keystore opens only matters when something is to be removed from it. */
async function lookUp (identities: Identities, name: string, needed: boolean): Promise<string | undefined> {
  try {
    return await peerIdOf(identities, name)
  } catch (error) {
    if (needed || !(error instanceof P2pdError)) throw error
    return undefined
  }
}

function about (name: string, peerId: string | undefined, forgotten: boolean): string {
  const identity = `its identity${peerId === undefined ? '' : ` (${peerId})`}`
  if (forgotten) return `${identity} is forgotten: a later ${name} gets another one\n`
  return `${identity} is kept: \`p2pctl tenant add ${name}\` brings it back, \`p2pctl key remove ${name}\` forgets it\n`
}
