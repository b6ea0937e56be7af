/**
 * The libp2p node of one tenant: which parts it is made of, and every setting that differs from the library's, with its
 * reason.
 */
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { Libp2p } from '@libp2p/interface'
import { createLibp2p } from 'libp2p'
import { MAX_REQUEST_TIMEOUT_MS } from '../limits.ts'
import type { Switchboard } from '../local/switchboard.ts'
import type { Multiaddr } from '../wire/addresses.ts'
import { BoundedDatastore } from './boundedDatastore.ts'
import type { Gate } from './gate.ts'
import { guardedLocal } from './guardedLocal.ts'
import { guardedTcp } from './guardedTcp.ts'
import { isLocalAddress } from './neighbours.ts'
import { noiseCrypto } from './noiseCrypto.ts'
import { quietLogger } from './quietLogger.ts'

export interface NodeInit {
  /** libp2p PrivateKey protobuf. */
  readonly privateKey: Uint8Array
  readonly listen: readonly string[]
  readonly announce: readonly string[]
  /** Streams of one connection, both ways; the gate and the ledger keep the tenant's own limits. */
  readonly maxStreams: number
  readonly gate: Gate
  /** How hosts of this machine reach each other, and what this one is called there; absent where they do not. */
  readonly local?: { readonly switchboard: Switchboard, readonly address: Multiaddr }
}

/**
 * Largest receive window of a stream, bytes. A paused stream may hold one in its read buffer and one on the way to the
 * client; it has to stay below the 4 MiB at which the library resets a stream that is not read. 10 MB/s a stream where a round
 * trip takes 50 ms; twice the window is 15 MB more memory with eight busy streams, and no faster on a local network.
 */
const MAX_STREAM_WINDOW_BYTES = 512 * 1024

/** Peers whose addresses and protocols are remembered, a few hundred bytes each. Well above any limit of connections. */
const MAX_KNOWN_PEERS = 4_096

/** Where the library has a limit of its own and ours is kept elsewhere: above anything a manifest can say. */
const UNLIMITED = 1_000_000

/** Started; stop() releases everything. */
export async function createNode ({ privateKey, listen, announce, maxStreams, gate, local }: NodeInit): Promise<Libp2p> {
  const key = privateKeyFromProtobuf(privateKey)
  const own = `/peers/${peerIdFromPrivateKey(key).toCID().toString()}`
  const muxer = yamux({
    maxInboundStreams: maxStreams,
    maxOutboundStreams: maxStreams,
    streamOptions: { maxStreamWindowSize: MAX_STREAM_WINDOW_BYTES }
  })
  return await createLibp2p({
    privateKey: key,
    datastore: new BoundedDatastore(MAX_KNOWN_PEERS, name => name === own),
    logger: quietLogger,
    addresses: {
      listen: [...listen, ...local === undefined ? [] : [local.address.toString()]],
      announce: [...announce],
      // What it is called on this machine means nothing to anybody else.
      announceFilter: addresses => addresses.filter(address => !isLocalAddress(address))
    },
    transports: [guardedTcp(gate), ...local === undefined ? [] : [guardedLocal(gate, local.switchboard, muxer)]],
    connectionEncrypters: [noise({ crypto: noiseCrypto })],
    streamMuxers: [muxer],
    services: { identify: identify(), ping: ping() },
    connectionGater: gate.gater,
    connectionManager: {
      // The gate counts connections, and refuses the one that comes too late; the library would close one that is in use.
      maxConnections: UNLIMITED,
      inboundConnectionThreshold: UNLIMITED,
      maxIncomingPendingConnections: UNLIMITED,
      // A client may say how long a dial may take; the library's 10 s must not end it earlier, nor its 6 s an address. How long
      // one address may keep the others waiting is said in calls.ts.
      dialTimeout: MAX_REQUEST_TIMEOUT_MS,
      addressDialTimeout: MAX_REQUEST_TIMEOUT_MS
    },
    // A ping a minute finds dead peers. Every 10 s, as the library has it, is work for idle connections; and its few seconds
    // of patience abort a connection that is merely busy, with all its streams.
    connectionMonitor: { pingInterval: 60_000, pingTimeout: { minTimeout: 30_000, maxTimeout: 60_000 } }
  })
}
