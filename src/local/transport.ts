/**
 * libp2p between processes of one machine: a transport for `/unix/...`.
 *
 * Owns how a connection that a switchboard made becomes libp2p's. Whoever is at the other end was vouched for before the first
 * byte, so there is nothing to encrypt and nobody to ask who they are; and both ends are of this program, so they do not
 * negotiate a muxer either. What makes connections, and who may be trusted, is the switchboard's.
 */
import { serviceCapabilities, transportSymbol } from '@libp2p/interface'
import type { ComponentLogger, Connection, CreateListenerOptions, DialTransportOptions, Listener, PeerId, StreamMuxerFactory, Transport, UpgraderWithoutEncryptionOptions } from '@libp2p/interface'
import { CODE_P2P, CODE_UNIX, type Multiaddr } from '@multiformats/multiaddr'
import { P2pdError } from '../errors.ts'
import { formatMultiaddr } from '../wire/addresses.ts'
import { parsePeerId } from '../wire/peers.ts'
import { LocalConnection } from './connection.ts'
import { LocalListener } from './listener.ts'
import type { LocalEnd, Switchboard } from './switchboard.ts'

export interface LocalTransportInit {
  readonly switchboard: Switchboard
  /** Of every connection; the other end has to use the same one. */
  readonly muxer: () => StreamMuxerFactory
}

export interface LocalTransportComponents {
  readonly logger: ComponentLogger
}

/**
 * For the `transports` of a libp2p node, on Linux; addresses are `/unix/PATH` where the switchboard is unixSockets(). Nothing is
 * encrypted: who is at the other end is what the switchboard says.
 *
 * ```js
 * transports: [localTransport({ switchboard: unixSockets({ vouch }), muxer: yamux() })], addresses: { listen: ['/unix/tmp/a.sock'] }
 * ```
 */
export function localTransport ({ switchboard, muxer }: LocalTransportInit): (components: LocalTransportComponents) => Transport {
  return components => new LocalTransport(switchboard, muxer(), components)
}

class LocalTransport implements Transport {
  readonly [transportSymbol] = true
  readonly [Symbol.toStringTag] = 'p2pd-local'
  readonly [serviceCapabilities]: string[] = ['@libp2p/transport']
  readonly #switchboard: Switchboard
  readonly #muxerFactory: StreamMuxerFactory
  readonly #logger: ComponentLogger

  constructor (switchboard: Switchboard, muxerFactory: StreamMuxerFactory, { logger }: LocalTransportComponents) {
    this.#switchboard = switchboard
    this.#muxerFactory = muxerFactory
    this.#logger = logger
  }

  /** Rejects with ERR_PEER when another peer than the address names is there, and with what the switchboard rejects with. */
  async dial (address: Multiaddr, options: DialTransportOptions): Promise<Connection> {
    const { signal, upgrader } = options
    signal.throwIfAborted()
    const wanted = peerIn(address)
    const end = await this.#switchboard.dial(address, { signal })
    if (signal.aborted) {
      end.socket.destroy()
      signal.throwIfAborted()
    }
    if (wanted?.equals(end.remotePeer) === false) {
      end.socket.destroy()
      throw new P2pdError('ERR_PEER', `${formatMultiaddr(address)} was dialled and ${end.remotePeer.toString()} is there: ask it for its address again`)
    }
    const connection = this.#connection(end, 'outbound')
    try {
      return await upgrader.upgradeOutbound(connection, { ...options, ...this.#upgrade(end) })
    } catch (error) {
      connection.abort(error instanceof Error ? error : new Error(String(error)))
      throw error
    }
  }

  createListener ({ upgrader }: CreateListenerOptions): Listener {
    return new LocalListener({
      switchboard: this.#switchboard,
      connect: end => this.#connection(end, 'inbound'),
      upgrade: async (connection, end, signal) => { await upgrader.upgradeInbound(connection, { signal, ...this.#upgrade(end) }) }
    })
  }

  readonly listenFilter = (addresses: Multiaddr[]): Multiaddr[] => addresses.filter(isLocal)
  readonly dialFilter = this.listenFilter

  #connection (end: LocalEnd, direction: 'inbound' | 'outbound'): LocalConnection {
    try {
      return new LocalConnection(end, direction, this.#logger.forComponent('p2pd:local'))
    } catch (error) {
      end.socket.destroy()
      throw error
    }
  }

  #upgrade ({ remotePeer }: LocalEnd): Omit<UpgraderWithoutEncryptionOptions, 'signal'> {
    return { skipEncryption: true, remotePeer, muxerFactory: this.#muxerFactory }
  }
}

/** `/unix/PATH`, and at most a peer ID behind it. */
function isLocal (address: Multiaddr): boolean {
  const [first, ...more] = address.getComponents()
  return first?.code === CODE_UNIX && more.length <= 1 && more.every(({ code }) => code === CODE_P2P)
}

function peerIn (address: Multiaddr): PeerId | undefined {
  const named = address.getComponents().findLast(({ code }) => code === CODE_P2P)?.value
  return named === undefined ? undefined : parsePeerId(named)
}
