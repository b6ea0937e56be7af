/** `p2pctl dial`: a stream of a tenant's to a peer, joined to stdin and stdout. */
import type { Command } from 'commander'
import { contextOf } from '../context.ts'
import { examples, tenantName } from '../help.ts'

export function dial (parent: Command): void {
  parent.command('dial')
    .summary('open a stream to a peer, joined to stdin and stdout')
    .description('Opens a stream as a tenant, on its control socket, and joins it to stdin and stdout. The end of stdin ends our ' +
      'direction only. It is over when the other end has ended its own and stdin has ended too, or is a terminal.')
    .argument('<tenant>', 'who dials', tenantName)
    .argument('<peer>', 'a peer ID, the name of another tenant of this daemon, or daemon for what is served in its name')
    .argument('<protocol>', 'for instance /chat/1.0.0')
    .option('--addr <multiaddr...>', 'where the peer is; left out: where the tenant knows it to be')
    .addHelpText('after', examples({
      'p2pctl dial chat 12D3KooW... /chat/1.0.0 --addr /ip4/192.0.2.7/tcp/4001': 'type, and read what comes back',
      'p2pctl dial chat indexer /echo/1.0.0 < request > answer': 'another tenant of this machine',
      'p2pctl dial chat daemon /search/1.0.0 < request > answer': 'a service that `p2pctl services` lists',
      'tar c photos | p2pctl dial chat 12D3KooW... /files/1.0.0': ''
    }))
    .action(async (tenant: string, who: string, protocol: string, { addr = [] }: { addr?: string[] }, command: Command) => {
      const context = contextOf(command)
      const { runDir } = context.settings
      const [{ join }, { openTenant, peerNamed }] = await Promise.all([import('../join.ts'), import('../peer.ts')])
      await using opened = await openTenant(runDir, tenant)
      const { client } = opened
      const peer = await peerNamed(who, runDir, client)
      const addresses = addr.length > 0 ? addr : peer.addresses
      if (addresses.length > 0) {
        await client.connect(peer.peerId, addresses)
        context.note({ event: 'connected', peerId: peer.peerId }, `connected to ${peer.peerId}`)
      }
      const { stream, ...to } = await client.openStream(peer.peerId, protocol)
      context.note({ event: 'stream', ...to }, `stream to ${to.peerId} on ${to.protocol}, at ${to.address}`)
      const moved = await join(stream, new AbortController().signal)
      context.note({ event: 'end', ...moved }, `stream ended, ${moved.sentBytes} bytes sent, ${moved.receivedBytes} received`)
    })
}
