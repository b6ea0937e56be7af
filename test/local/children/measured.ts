/**
 * One of two nodes that measure.ts joins: as a host of p2pd is made, over TCP or the local transport, without policies. Does what
 * it is asked over its channel and answers with what it found.
 */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import type { Connection, Stream } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { ByteMeter } from '../../../src/control/byteMeter.ts'
import { Pipe } from '../../../src/control/pipe.ts'
import type { Gate } from '../../../src/host/gate.ts'
import { guardedTcp } from '../../../src/host/guardedTcp.ts'
import { noiseCrypto } from '../../../src/host/noiseCrypto.ts'
import { quietLogger } from '../../../src/host/quietLogger.ts'
import { localTransport } from '../../../src/local/transport.ts'
import { unixSockets } from '../../../src/local/unixSockets.ts'
import { socketMultiaddr } from '../../../src/wire/addresses.ts'

export type Way = 'tcp' | 'local'
/** What can be asked, and what comes back. */
export interface Asked {
  dial: { ask: { address: string, peer: string }, answer: undefined }
  cpu: { ask: undefined, answer: { seconds: number } }
  /** So many bytes on so many streams at once, from this process to the other. */
  send: { ask: { bytes: number, streams: number }, answer: { ms: number } }
  /** One after the other, in microseconds, sorted. */
  roundTrips: { ask: { count: number }, answer: { us: number[] } }
  opens: { ask: { count: number }, answer: { us: number[] } }
}

const CHUNK_BYTES = 64 * 1024
const MAX_STREAMS = 10_000
const [way, role, directory] = process.argv.slice(2) as [Way, 'a' | 'b', string]
const streams = { maxInboundStreams: MAX_STREAMS, maxOutboundStreams: MAX_STREAMS }
const open = { gater: {}, dial: () => ({ connected: () => {}, failed: () => {} }), arrived: () => {}, whyFailed: (error: unknown) => error } as unknown as Gate
const muxer = yamux({ ...streams, streamOptions: { maxStreamWindowSize: 512 * 1024 } })
const other = Promise.withResolvers<string>()

const node = await createLibp2p({
  logger: quietLogger,
  addresses: { listen: role === 'a' ? [] : [way === 'tcp' ? '/ip4/127.0.0.1/tcp/0' : socketMultiaddr({ path: `${directory}/local` }).toString()] },
  transports: [way === 'tcp' ? guardedTcp(open) : localTransport({ switchboard: unixSockets({ vouch: async () => peerIdFromString(await other.promise) }), muxer })],
  connectionEncrypters: [noise({ crypto: noiseCrypto })],
  streamMuxers: [muxer],
  connectionMonitor: { enabled: false }
})
let connection: Connection

async function openStream (protocol: string): Promise<Stream> {
  return await connection.newStream(protocol, streams)
}

function join (socket: Socket, stream: Stream): void {
  new Pipe({ socket, stream, meter: new ByteMeter(0), signal: new AbortController().signal, onDone: () => {} }).start()
}

async function sendOne (bytes: number): Promise<void> {
  const stream = await openStream('/count')
  const answer = once(stream, 'message') as Promise<[{ data: Uint8Array }]>
  for (let sent = 0; sent < bytes; sent += CHUNK_BYTES) if (!stream.send(Buffer.alloc(CHUNK_BYTES, 7))) await once(stream, 'drain')
  await stream.close()
  const [{ data }] = await answer
  const counted = Number(Buffer.from(data.subarray()).toString())
  if (counted !== bytes) throw new Error(`${counted} of ${bytes} bytes arrived`)
}

async function timed (count: number, work: () => Promise<void>): Promise<{ us: number[] }> {
  const us: number[] = []
  for (let i = 0; i < count; i++) {
    const start = performance.now()
    await work()
    us.push((performance.now() - start) * 1_000)
  }
  return { us: us.sort((a, b) => a - b) }
}

async function echo (stream: Stream): Promise<void> {
  const back = once(stream, 'message')
  stream.send(new Uint8Array(64))
  await back
}

const does: { [Name in keyof Asked]: (ask: Asked[Name]['ask']) => Promise<Asked[Name]['answer']> } = {
  async dial ({ address, peer }) {
    other.resolve(peer)
    if (role === 'a') connection = await node.dial(multiaddr(address))
    return undefined
  },
  async cpu () {
    const { user, system } = process.cpuUsage()
    return { seconds: (user + system) / 1e6 }
  },
  async send ({ bytes, streams: count }) {
    const start = performance.now()
    await Promise.all(Array.from({ length: count }, async () => { await sendOne(bytes / count) }))
    return { ms: performance.now() - start }
  },
  async roundTrips ({ count }) {
    const stream = await openStream('/echo')
    return await timed(count, async () => { await echo(stream) })
  },
  async opens ({ count }) {
    return await timed(count, async () => {
      const stream = await openStream('/echo')
      await echo(stream)
      await stream.close()
    })
  }
}

if (role === 'a') {
  createServer({ allowHalfOpen: true, pauseOnConnect: true }, socket => { void openStream('/piped').then(stream => { join(socket, stream) }) }).listen(`${directory}/source`)
} else {
  await node.handle('/count', stream => {
    let bytes = 0
    stream.addEventListener('message', ({ data }) => { bytes += data.byteLength })
    stream.addEventListener('end', () => { stream.send(Buffer.from(String(bytes))); void stream.close() })
  }, streams)
  await node.handle('/echo', stream => {
    stream.addEventListener('message', ({ data }) => { stream.send(data) })
    stream.addEventListener('end', () => { void stream.close() })
  }, streams)
  await node.handle('/piped', stream => {
    const socket = connect({ path: `${directory}/sink`, allowHalfOpen: true }).pause()
    socket.once('connect', () => { join(socket, stream) })
  }, streams)
}

process.on('message', ({ name, ask }: { name: keyof Asked, ask: never }) => {
  does[name](ask).then(answer => process.send?.({ answer }), (error: unknown) => process.send?.({ error: String(error) }))
})
process.send?.({ peer: node.peerId.toString(), address: node.getMultiaddrs().map(String)[0] ?? '' })
