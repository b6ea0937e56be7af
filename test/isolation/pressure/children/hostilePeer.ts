/**
 * A peer that finishes its handshake and then says what no peer should: `hostilePeer.ts UID`. What comes of it here does not
 * matter, so nothing that its own libp2p makes of the answers ends it.
 */
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import type { StreamMuxerFactory } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { setTimeout as delay } from 'node:timers/promises'
import { Random } from '../../../fuzz/random.ts'
import { identifyAnswer, streamBytes, yamuxBytes } from '../corpora.ts'
import { obey } from './obey.ts'

export interface HostileOrder {
  readonly do: 'attack'
  readonly address: string
  readonly seed: number
  /** Connections, one after the other. */
  readonly count: number
}

/** How long a connection stays, for what was said on it to be read. */
const STAY_MS = 50
const DIAL_MS = 5_000
const IDENTIFY = '/ipfs/id/1.0.0'
const ASKED = ['/ipfs/id/push/1.0.0', '/ipfs/ping/1.0.0', IDENTIFY, '/nobody/1']

process.on('uncaughtException', () => {}).on('unhandledRejection', () => {})

/** Resolves with how many connections came about. */
obey(async ({ address, seed, count }: HostileOrder): Promise<number> => {
  let connected = 0
  for (let number = 0; number < count; number++) connected += Number(await attack(address, new Random(seed, number)).catch(() => false))
  return connected
})

async function attack (address: string, random: Random): Promise<boolean> {
  const node = await createLibp2p({ transports: [tcp()], connectionEncrypters: [noise()], streamMuxers: [() => spoilt(yamux()(), random)] })
  try {
    // Asked who it is, it lies.
    await node.handle(IDENTIFY, stream => { stream.send(identifyAnswer(random)); void stream.close().catch(() => {}) })
    const connection = await node.dial(multiaddr(address), { signal: AbortSignal.timeout(DIAL_MS) })
    await Promise.all(ASKED.map(async protocol => {
      const stream = await connection.newStream(protocol, { signal: AbortSignal.timeout(STAY_MS) })
      stream.send(random.chance(0.5) ? identifyAnswer(random) : streamBytes(random))
    })).catch(() => {}) // it may have been thrown out by then
    await delay(STAY_MS)
    return true
  } finally {
    for (const connection of node.getConnections()) connection.abort(new Error('gone'))
    await node.stop()
  }
}

/** Yamux, but for what it says before or after it begins; and streams on which nothing was negotiated. */
function spoilt (real: StreamMuxerFactory, random: Random): StreamMuxerFactory {
  return {
    ...real,
    protocol: real.protocol,
    createStreamMuxer: connection => {
      const early = random.chance(0.5)
      if (early) connection.send(yamuxBytes(random))
      const muxer = real.createStreamMuxer(connection)
      if (!early && random.chance(0.7)) setTimeout(() => { connection.send(yamuxBytes(random)) }, random.below(STAY_MS))
      void (async () => { const stream = await muxer.createStream(); stream.send(streamBytes(random)) })().catch(() => {})
      return muxer
    }
  }
}
