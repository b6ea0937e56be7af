/**
 * A program that uses p2pd, as a process of its own: told what to do by messages, answers each with what came of it.
 *
 * What it sends can be told apart from every other byte: each block holds random bytes, so that a lost, doubled or crossed
 * one changes the hash.
 */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { P2pdClient, type PeerStream } from '../../../src/client/index.ts'

export interface Sum { readonly bytes: number, readonly sha256: string }

/** One message to an app: what to do and with what. */
export type Order =
  /** Handles the protocol: takes everything in, then answers with its Sum as JSON. May sleep once on the way. */
  | { readonly do: 'sink', readonly protocol: string, readonly sleepAfterBytes?: number, readonly sleepMs?: number }
  /** Handles the protocol: sends that many bytes and takes in what comes, both at once; remembers both sums. */
  | { readonly do: 'exchangeHandler', readonly protocol: string, readonly bytes: number }
  | { readonly do: 'send', readonly peer: string, readonly protocol: string, readonly bytes: number, readonly count?: number, readonly atOnce?: number }
  | { readonly do: 'exchange', readonly peer: string, readonly protocol: string, readonly bytes: number }
  | { readonly do: 'sums' }

const BLOCK_BYTES = 256 * 1024
const client = new P2pdClient(`/unix${process.argv[2] ?? ''}`)
/** What the handlers here have taken in and sent, stream by stream, in the order they ended. */
const sums: Array<{ received: Sum, sent: Sum }> = []

process.on('message', (order: Order) => {
  obey(order).then(
    result => { process.send?.({ result }) },
    (error: unknown) => { process.send?.({ error: error instanceof Error ? error.message : String(error) }) }
  )
})

async function obey (order: Order): Promise<unknown> {
  switch (order.do) {
    case 'sink':
      await client.handle(order.protocol, async ({ stream }) => {
        const sum = await receive(stream, order.sleepAfterBytes, order.sleepMs)
        stream.end(JSON.stringify(sum))
        await once(stream, 'close')
      })
      return
    case 'exchangeHandler':
      await client.handle(order.protocol, async ({ stream }) => {
        const [received, sent] = await Promise.all([receive(stream), send(stream, order.bytes)])
        sums.push({ received, sent })
      })
      return
    case 'exchange': {
      const { stream } = await client.openStream(order.peer, order.protocol)
      const [received, sent] = await Promise.all([receive(stream), send(stream, order.bytes)])
      return { received, sent }
    }
    case 'send': {
      let left = order.count ?? 1
      let wrong = 0
      const one = async (): Promise<void> => {
        while (left-- > 0) {
          const bytes = order.count === undefined ? order.bytes : Math.floor(Math.random() * order.bytes)
          const { stream } = await client.openStream(order.peer, order.protocol)
          const sent = await send(stream, bytes)
          const answer = JSON.parse(await textOf(stream)) as Sum
          if (answer.bytes !== sent.bytes || answer.sha256 !== sent.sha256) wrong++
        }
      }
      await Promise.all(Array.from({ length: order.atOnce ?? 1 }, one))
      return { wrong }
    }
    case 'sums':
      return sums
  }
}

/** Sends that many bytes, then ends its writing. */
async function send (stream: PeerStream['stream'], bytes: number): Promise<Sum> {
  const hash = createHash('sha256')
  const block = randomBytes(BLOCK_BYTES)
  for (let sent = 0; sent < bytes; sent += BLOCK_BYTES) {
    const part = Buffer.from(block.subarray(0, Math.min(BLOCK_BYTES, bytes - sent)))
    if (part.length >= 4) part.writeUInt32LE(sent / BLOCK_BYTES, 0) // no two blocks are the same
    hash.update(part)
    if (!stream.write(part)) await once(stream, 'drain')
  }
  stream.end()
  return { bytes, sha256: hash.digest('hex') }
}

async function receive (stream: PeerStream['stream'], sleepAfterBytes = Infinity, sleepMs = 0): Promise<Sum> {
  const hash = createHash('sha256')
  let bytes = 0
  let slept = false
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    hash.update(chunk)
    bytes += chunk.length
    if (slept || bytes < sleepAfterBytes) continue
    slept = true
    process.send?.({ note: 'asleep' })
    await new Promise(resolve => { setTimeout(resolve, sleepMs) })
  }
  return { bytes, sha256: hash.digest('hex') }
}

async function textOf (stream: PeerStream['stream']): Promise<string> {
  let text = ''
  for await (const chunk of stream as AsyncIterable<Buffer>) text += chunk.toString()
  return text
}
