/** `p2pctl bless`: a tenant's app may act in the daemon's name, for a while. */
import type { Command } from 'commander'
import { asDaemonSocketPath } from '../../config/runPaths.ts'
import { contextOf } from '../context.ts'
import { askDaemon } from '../daemon.ts'
import { examples, tenantTo } from '../help.ts'
import { until } from '../moments.ts'
import { list, sentence, some } from '../output.ts'

interface Options { action: string[], resource: string[], for: string }

export function bless (parent: Command): void {
  parent.command('bless')
    .summary('let a tenant act in the daemon\'s name for a while')
    .description('Lets a tenant\'s app do each of the actions on each of the resources in the daemon\'s name, at once and for as long as is ' +
      'said. Its own policies have to allow it actForDaemon, and the daemon\'s the action itself. What is to stand for longer than a day ' +
      'belongs in the manifest, under `blessed`. Kept over restarts.')
    .argument('<tenant>', 'whose app', tenantTo('bless'))
    .requiredOption('--action <action...>', 'what: connect, disconnect, listPeers, openStream, provideService')
    .requiredOption('--resource <resource...>', 'on what: a protocol or all that begin with a prefix (/search/) for openStream and provideService, a peer ID for connect and disconnect, own for listPeers, or * for anything')
    .option('--for <duration>', 'for how long, from 1m to 24h', '1h')
    .addHelpText('after', examples({
      'p2pctl bless indexer --action provideService --resource /search/': 'it may serve /search/1.0.0 under the daemon\'s identity, for an hour',
      'p2pctl bless chat --action connect --resource 12D3KooW... --for 10m': 'the daemon\'s connections to one peer',
      'p2pctl bless chat --action openStream connect --resource \'*\' --for 24h': 'streams of the daemon\'s to anybody'
    }))
    .action(async (tenant: string, { action, resource, for: lifetime }: Options, command: Command) => {
      const context = contextOf(command)
      const { parseBlessFlags } = await import('../../config/blessingRequest.ts')
      const spec = parseBlessFlags({ actions: action, resources: resource, lifetime })
      const { admin, status: { runDir } } = await askDaemon(context)
      const grant = await admin.bless(tenant, spec)
      const socket = asDaemonSocketPath(runDir, tenant)
      context.answer({ ...grant, socket }, list({
        blessed: tenant,
        may: `${some(grant.actions)} on ${some(grant.resources)}`,
        until: until(grant.expires, Date.now()),
        id: grant.id,
        socket: sentence(socket)
      }))
    })
}
