/** `p2pctl key import`: a name gets the identity that a private key is. */
import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { examples, tenantOrDaemon } from '../help.ts'
import { withIdentities } from '../identities.ts'
import { readKeyFile } from '../keyFile.ts'

export function keyImport (parent: Command): void {
  parent.command('import')
    .summary('give a name the identity of a private key')
    .description('Gives a tenant, or a name that is to be one, the identity of a private key (the libp2p PrivateKey protobuf: Ed25519, ' +
      'RSA or secp256k1). Its own key mends a damaged identity; another\'s takes the place of one only with --replace.')
    .argument('<name>', 'the tenant', tenantOrDaemon)
    .argument('<file>', 'the key; `-`: stdin')
    .option('--replace', 'take the place of another identity, which is then gone')
    .addHelpText('after', examples({
      'p2pctl key import chat chat.key': 'as `p2pctl key export` or go-libp2p-daemon made it',
      'age -d chat.key.age | p2pctl key import chat -': 'never on a disk in the clear'
    }))
    .action(async (name: string, file: string, { replace = false }: { replace?: boolean }, command: Command) => {
      const context = contextOf(command)
      const key = await readKeyFile(file)
      const info = await withIdentities(context, async ({ identities }) => await identities.import(name, key, { replace }))
      context.answer(info, `${name} has peer ID ${info.peerId}, ${info.keyType}\n`)
    })
}
