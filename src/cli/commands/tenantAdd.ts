/** `p2pctl tenant add`: a manifest that loads, and a running daemon that serves it. */
import { Option, type Command } from 'commander'
import type { NewManifest } from '../../config/formatManifest.ts'
import { ConfigError } from '../../errors.ts'
import { contextOf, type Context } from '../context.ts'
import { findDaemon, type Daemon } from '../daemon.ts'
import { declaredTenants, type Declared } from '../declared.ts'
import { examples, tenantName } from '../help.ts'
import { list } from '../output.ts'

interface Flags {
  user?: string
  /** false: --no-listen. */
  listen?: string[] | false
  start?: 'on-demand' | 'always'
  idleStop?: string
  group?: string[]
}

export function tenantAdd (parent: Command): void {
  parent.command('add')
    .summary('declare a tenant, and serve it')
    .description('Writes a manifest for a new tenant, if it would load, and has a running daemon serve it at once. ' +
      'The tenant has its own peer ID from then on; a name that was a tenant before gets the one it had.')
    .argument('<name>', 'lower-case letters, digits and dashes, a letter first, at most 32', tenantName)
    .option('--user <user>', 'who may connect, by name or number (default: the user that runs p2pd)')
    .option('--listen <multiaddr...>', 'where other peers reach it (default: /ip4/0.0.0.0/tcp/0)')
    .option('--no-listen', 'nowhere: it only dials')
    .addOption(new Option('--start <when>', 'with the app\'s first connection, or with p2pd (default: on-demand)').choices(['on-demand', 'always']))
    .option('--idle-stop <duration>', 'how long it may be idle before it is stopped; 0 for never (default: 10m)')
    .option('--group <name...>', 'groups it is in, for policies')
    .addHelpText('after', examples({
      'p2pctl tenant add chat': 'for programs of the user that runs p2pd',
      'p2pctl tenant add chat --user alice': 'for programs of alice (p2pd runs as root)',
      'p2pctl tenant add sensor --listen /ip4/0.0.0.0/tcp/4001 --start always': 'reachable on a fixed port, always'
    }))
    .action(async (name: string, flags: Flags, command: Command) => {
      const context = contextOf(command)
      const daemon = await findDaemon(context)
      const declared = declaredTenants(context, daemon)
      const { writeManifest } = await import('../../config/writeManifest.ts')
      await declared.assertRestLoads(name)
      const manifest = writeManifest(declared.dir, manifestOf(name, flags), declared.options)
      if (daemon !== undefined) await serve(context, daemon, declared, name, manifest)
      else context.answer({ name, manifest }, `${manifest} is written; ${name} is served when p2pd next starts: p2pd serve\n`)
    })
}

function manifestOf (name: string, { user, listen, start, idleStop, group }: Flags): NewManifest {
  const app = user === undefined ? {} : /^\d+$/.test(user) ? { uid: Number(user) } : { user }
  return { name, ...app, listen: listen === false ? [] : listen, start, idleStop, groups: group }
}

async function serve (context: Context, { admin }: Daemon, { dir }: Declared, name: string, manifest: string): Promise<void> {
  try {
    await admin.reload()
  } catch (error) {
    // Nothing has changed in the daemon; so nothing should have changed here.
    if (error instanceof ConfigError) (await import('../../config/writeManifest.ts')).removeManifest(dir, name)
    else context.note({ event: 'written', manifest }, `${manifest} is written, and p2pd could not apply it; when what follows is mended: p2pctl reload`)
    throw error
  }
  const { peerId, socket } = (await admin.status()).tenants.find(tenant => tenant.name === name) ?? {}
  context.answer({ name, manifest, peerId, socket }, list({ tenant: name, 'peer ID': peerId ?? '(damaged: see p2pctl status)', socket: socket ?? '', manifest }))
}
