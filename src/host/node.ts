/**
 * The libp2p node of one tenant: which parts it is made of, and every setting that differs from the library's, with its
 * reason.
 */
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'
import type { Libp2p, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { MAX_REQUEST_TIMEOUT_MS } from '../limits.ts'
import { BoundedDatastore } from './boundedDatastore.ts'
import { noiseCrypto } from './noiseCrypto.ts'
import { quietLogger } from './quietLogger.ts'
import { tunedTcp } from './tunedTcp.ts'

export interface NodeInit {
  /** libp2p PrivateKey protobuf. */
  readonly privateKey: Uint8Array
  readonly listen: readonly string[]
  readonly announce: readonly string[]
  readonly limits: { readonly connections: number, readonly streams: number }
}

/**
 * Largest receive window of a stream, bytes. A paused stream may hold one in its read buffer and one on the way to the
 * client; it has to stay below the 4 MiB at which the library resets a stream that is not read. 10 MB/s a stream where a round
 * trip takes 50 ms; twice the window is 15 MB more memory with eight busy streams, and no faster on a local network.
 */
const MAX_STREAM_WINDOW_BYTES = 512 * 1024

/** Peers whose addresses and protocols are remembered, a few hundred bytes each. Well above any limit of connections. */
const MAX_KNOWN_PEERS = 4_096

/** Whether this is the peer that the address names; true for an address that names none. */
function isDialled (peer: PeerId, address: Multiaddr): boolean {
  const named = address.getComponents().findLast(({ name }) => name === 'p2p')?.value
  return named === undefined || peerIdFromString(named).equals(peer)
}

/** Started; stop() releases everything. */
export async function createNode ({ privateKey, listen, announce, limits }: NodeInit): Promise<Libp2p> {
  const key = privateKeyFromProtobuf(privateKey)
  const own = `/peers/${peerIdFromPrivateKey(key).toCID().toString()}`
  return await createLibp2p({
    privateKey: key,
    datastore: new BoundedDatastore(MAX_KNOWN_PEERS, name => name === own),
    logger: quietLogger,
    addresses: { listen: [...listen], announce: [...announce] },
    transports: [tunedTcp()],
    connectionEncrypters: [noise({ crypto: noiseCrypto })],
    streamMuxers: [yamux({
      maxInboundStreams: limits.streams,
      maxOutboundStreams: limits.streams,
      streamOptions: { maxStreamWindowSize: MAX_STREAM_WINDOW_BYTES }
    })],
    services: { identify: identify(), ping: ping() },
    connectionGater: {
      // What may be dialled is policy's to say, not the library's default for browsers.
      denyDialMultiaddr: () => false,
      // Noise compares the key it meets with the peer ID that was dialled only where that ID holds the key. One that is a hash,
      // as of every RSA key, would be anybody.
      denyOutboundEncryptedConnection: (peer, { remoteAddr }) => !isDialled(peer, remoteAddr)
    },
    connectionManager: {
      maxConnections: limits.connections,
      // The library drops a host's sixth connection within a second; all tenants of a machine come from one address.
      inboundConnectionThreshold: limits.connections,
      maxIncomingPendingConnections: Math.max(10, Math.ceil(limits.connections / 4)),
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
