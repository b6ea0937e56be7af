/**
 * A program that takes streams in at its own pace: `reader.ts UID`. It stops reading when it is told to have had enough, and
 * goes on when it is told to; and one that sends.
 */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { P2pdClient } from '../../../../src/client/index.ts'
import { obey } from './obey.ts'

export interface Sum { readonly bytes: number, readonly sha256: string }

export type ReaderOrder =
  /** Handles the protocol: reads so many bytes of each stream, waits for `resume`, reads the rest and answers its Sum. */
  | { readonly do: 'handle', readonly socket: string, readonly home: string, readonly protocol: string, readonly pauseAfter: number }
  /** Resolves when a stream has come that far. */
  | { readonly do: 'paused' }
  | { readonly do: 'resume' }
  | { readonly do: 'connect', readonly socket: string, readonly peer: string, readonly addresses: readonly string[] }
  /** Sends random bytes; answers with its own Sum and the reader's. */
  | { readonly do: 'send', readonly socket: string, readonly peer: string, readonly protocol: string, readonly bytes: number }
  | { readonly do: 'identify', readonly socket: string }

const BLOCK_BYTES = 64 * 1024

let paused = Promise.withResolvers<void>()
let resumed = Promise.withResolvers<void>()
let client: P2pdClient | undefined

obey(async (order: ReaderOrder): Promise<unknown> => {
  switch (order.do) {
    case 'handle': return await handle(order)
    case 'paused': return await paused.promise
    case 'resume':
      resumed.resolve()
      return
    case 'connect': return await clientOf(order.socket).connect(order.peer, order.addresses)
    case 'identify': return await clientOf(order.socket).identify()
    case 'send': return await send(order)
  }
})

function clientOf (socket: string): P2pdClient {
  return client ??= new P2pdClient(`/unix${socket}`)
}

async function handle ({ socket, home, protocol, pauseAfter }: Extract<ReaderOrder, { do: 'handle' }>): Promise<void> {
  await clientOf(socket).handle(protocol, async ({ stream }) => {
    const hash = createHash('sha256')
    let bytes = 0
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      hash.update(chunk)
      const before = bytes
      bytes += chunk.length
      if (before >= pauseAfter || bytes < pauseAfter) continue
      paused.resolve()
      await resumed.promise
      paused = Promise.withResolvers()
      resumed = Promise.withResolvers()
    }
    stream.end(JSON.stringify({ bytes, sha256: hash.digest('hex') } satisfies Sum))
    await once(stream, 'close')
  }, { listenOn: home })
}

async function send ({ socket, peer, protocol, bytes }: Extract<ReaderOrder, { do: 'send' }>): Promise<{ sent: Sum, taken: Sum }> {
  const { stream } = await clientOf(socket).openStream(peer, protocol)
  const hash = createHash('sha256')
  for (let left = bytes; left > 0; left -= BLOCK_BYTES) {
    const block = randomBytes(Math.min(BLOCK_BYTES, left))
    hash.update(block)
    if (!stream.write(block)) await once(stream, 'drain')
  }
  stream.end()
  let answer = ''
  for await (const chunk of stream as AsyncIterable<Buffer>) answer += chunk.toString()
  return { sent: { bytes, sha256: hash.digest('hex') }, taken: JSON.parse(answer) as Sum }
}
