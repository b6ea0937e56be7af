/** `p2pctl listen`: inbound streams of a tenant's, joined to stdin and stdout one after another. */
import { EventEmitter, on } from 'node:events'
import type { Command } from 'commander'
import type { PeerStream } from '../../client/index.ts'
import { P2pdError, messageOf } from '../../errors.ts'
import { contextOf, type Context } from '../context.ts'
import { examples, tenantName } from '../help.ts'
import { untilTold } from '../untilTold.ts'

export function listen (parent: Command): void {
  parent.command('listen')
    .summary('handle inbound streams, joined to stdin and stdout')
    .description('Handles a protocol as a tenant, on its control socket. Streams are joined to stdin and stdout one at a time, others ' +
      'wait for their turn; who opened each is said on stderr. With an app that waits for the same protocol (STREAM_ACCEPT) it shares ' +
      'the streams; while the app has a handler at an address (STREAM_HANDLER) it is refused.')
    .argument('<tenant>', 'who listens', tenantName)
    .argument('<protocol>', 'for instance /chat/1.0.0')
    .option('--once', 'serve one stream and exit')
    .addHelpText('after', examples({
      'p2pctl listen chat /chat/1.0.0': 'until Ctrl-C',
      'p2pctl listen chat /files/1.0.0 --once > photos.tar < /dev/null': 'one stream, whatever it brings'
    }))
    .action(async (tenant: string, protocol: string, { once: single = false }: { once?: boolean }, command: Command) => {
      const context = contextOf(command)
      const { openTenant } = await import('../peer.ts')
      const stopped = new AbortController()
      void untilTold().then(() => { stopped.abort() })
      await using opened = await openTenant(context.settings.runDir, tenant)
      const { client, peer } = opened
      const emitter = new EventEmitter()
      const arrivals = on(emitter, 'stream', { signal: stopped.signal }) as AsyncIterable<[PeerStream]>
      await using handler = await client.handle(protocol, incoming => { emitter.emit('stream', incoming) }, { onError: trouble(context) })
      context.note({ event: 'listening', protocol, ...peer }, `${tenant} listens on ${protocol} as ${peer.peerId}, at ${peer.addresses.join(' ')}`)
      try {
        for await (const [incoming] of arrivals) {
          if (!single) {
            await serve(context, incoming, stopped.signal).catch(fault(context))
            continue
          }
          await handler.close()
          return await serve(context, incoming, stopped.signal)
        }
      } catch (error) {
        if (!stopped.signal.aborted) throw error
        // Being told to stop is how it ends; but a stream that was promised has not been served.
        if (single) throw new P2pdError('ERR_CLOSED', 'stopped before a stream had come and ended', { cause: error })
      }
    })
}

async function serve ({ note }: Context, { stream, ...from }: PeerStream, stopped: AbortSignal): Promise<void> {
  note({ event: 'stream', ...from }, `stream from ${from.peerId} on ${from.protocol}, at ${from.address}`)
  const { join } = await import('../join.ts')
  const moved = await join(stream, stopped)
  note({ event: 'end', ...moved }, `stream ended, ${moved.sentBytes} bytes sent, ${moved.receivedBytes} received`)
}

/** No stream comes for now, and it goes on trying. */
function trouble ({ note }: Context): (error: unknown) => void {
  return error => { note({ event: 'trouble', reason: messageOf(error) }, `no streams for now: ${messageOf(error)}`) }
}

/** One stream's fault is not the next one's; but without stdin or stdout there is no serving any. */
function fault ({ note }: Context): (error: unknown) => void {
  return error => {
    if (error instanceof P2pdError && error.code === 'ERR_SYSTEM') throw error
    note({ event: 'fault', reason: messageOf(error) }, `stream given up: ${messageOf(error)}`)
  }
}
