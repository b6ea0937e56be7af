/** `p2pctl key export`: a private key for a backup, or for `p2pd -id`. */
import type { Command } from 'commander'
import { ConfigError } from '../../errors.ts'
import { contextOf } from '../context.ts'
import { examples, tenantTo } from '../help.ts'
import { withIdentities } from '../identities.ts'
import { writeKeyFile } from '../keyFile.ts'

export function keyExport (parent: Command): void {
  parent.command('export')
    .summary('a private key, as a file')
    .description('Writes the private key of an identity, not sealed, as the libp2p PrivateKey protobuf that `p2pd -id` takes too. ' +
      'A file is made for its owner alone (mode 0600). Whoever has it can be that peer.')
    .argument('<name>', 'the tenant', tenantTo('export'))
    .argument('[file]', 'where to; left out or `-`: stdout, if that is no terminal', '-')
    .option('--force', 'take the place of a file that is there')
    .addHelpText('after', examples({
      'p2pctl key export chat chat.key': 'a file that only you can read',
      'p2pctl key export chat | age -r RECIPIENT > chat.key.age': 'never on a disk in the clear'
    }))
    .action(async (name: string, file: string, { force = false }: { force?: boolean }, command: Command) => {
      const context = contextOf(command)
      if (file === '-' && process.stdout.isTTY) {
        throw new ConfigError([{ file: 'argv', path: 'FILE', what: 'a private key is not printed on a terminal; name a file, or pipe it on' }])
      }
      const key = await withIdentities(context, async ({ identities }) => await identities.export(name))
      if (file === '-') {
        process.stdout.write(key)
      } else {
        await writeKeyFile(file, key, { replace: force })
        context.answer({ name, file }, `${file} holds the private key of ${name}: keep it as safe as the keystore\n`)
      }
    })
}
