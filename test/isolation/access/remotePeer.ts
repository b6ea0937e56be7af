/** A peer that is no tenant of this machine: libp2p in this process, over TCP as anybody. */
import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify } from '@libp2p/identify'
import type { Libp2p, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { BLESSING_STATUS_PROTOCOL, askBlessingStatus } from '../../../src/blessing/verify.ts'

const DIAL_MS = 10_000

export class RemotePeer implements AsyncDisposable {
  readonly node: Libp2p

  private constructor (node: Libp2p) {
    this.node = node
  }

  /** @param key as a libp2p PrivateKey protobuf; a new one when left out */
  static async start (key?: Uint8Array): Promise<RemotePeer> {
    return new RemotePeer(await createLibp2p({
      ...key !== undefined && { privateKey: privateKeyFromProtobuf(key) },
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      services: { identify: identify() }
    }))
  }

  get peerId (): string { return this.node.peerId.toString() }

  /** As requests have it. */
  get id (): Uint8Array { return this.node.peerId.toMultihash().bytes }

  get addresses (): Uint8Array[] { return this.node.getMultiaddrs().map(address => address.decapsulate('/p2p').bytes) }

  /** To a peer at one of these addresses. Rejects when it does not speak the protocol. */
  async open (peerId: string, addresses: readonly string[], protocol: string): Promise<Stream> {
    const signal = AbortSignal.timeout(DIAL_MS)
    const connection = await this.node.dial(addresses.map(address => multiaddr(`${address}/p2p/${peerId}`)), { signal })
    return await connection.newStream(protocol, { signal })
  }

  /** What the daemon says of a grant to whoever asks. */
  async stands (daemonId: string, addresses: readonly string[], grant: string): Promise<boolean> {
    return (await askBlessingStatus(await this.open(daemonId, addresses, BLESSING_STATUS_PROTOCOL), grant)).stands
  }

  async [Symbol.asyncDispose] (): Promise<void> { await this.node.stop() }
}
