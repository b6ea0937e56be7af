/**
 * @libp2p/tcp behind the gate, with its sockets tuned, by libp2p's transport interface.
 *
 * Owns that no connection is made or taken but through the gate, whoever in libp2p asks for it; and two things the transport
 * leaves to its user. One write a tick: Noise hands over each frame's length, data and tag apart, and each would be a system
 * call of its own; corked, they are one writev(2). A bound on what waits unsent: a peer that makes us answer (pings, window
 * updates) and reads nothing would otherwise fill our memory.
 */
import type { Socket } from 'node:net'
import { tcp } from '@libp2p/tcp'
import type { Connection, CreateListenerOptions, DialTransportOptions, Listener, MultiaddrConnection, PeerId, Transport } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { P2pdError, messageOf } from '../errors.ts'
import { resolve, type Resolved } from './endpoints.ts'
import { peerOf, type Gate } from './gate.ts'
import { shownUpgrader } from './shownUpgrader.ts'

type Components = Parameters<ReturnType<typeof tcp>>[0]

/** Bytes that may wait unsent on one connection before it is given up; streams stop well before it by their windows. */
const MAX_UNSENT_BYTES = 32 * 1024 * 1024

export function guardedTcp (gate: Gate): (components: Components) => Transport {
  // A quiet connection is nobody's fault; one that is dead is found by pings.
  const make = tcp({ inboundSocketInactivityTimeout: 0, outboundSocketInactivityTimeout: 0 })
  return components => {
    const transport = make(components)
    const dial = transport.dial.bind(transport)
    const createListener = transport.createListener.bind(transport)
    const dialOne = async (peer: PeerId, { endpoint, literal }: Resolved, options: DialTransportOptions): Promise<Connection> => {
      const { connected, failed } = gate.dial(peer, endpoint)
      try {
        return await dial(literal.encapsulate(`/p2p/${peer.toString()}`), { ...options, upgrader: shownUpgrader(options.upgrader, connection => { connected(connection); tune(connection) }) })
      } catch (error) {
        throw gate.whyFailed(error)
      } finally {
        failed()
      }
    }
    transport.dial = async (address: Multiaddr, options: DialTransportOptions): Promise<Connection> => {
      const peer = peerOf(address)
      const faults: unknown[] = []
      for (const resolved of await resolve(address, options.signal)) {
        try {
          return await dialOne(peer, resolved, options)
        } catch (error) {
          options.signal.throwIfAborted()
          faults.push(error)
        }
      }
      if (faults.length === 1) throw faults[0]
      throw new P2pdError('ERR_PEER', faults.map(messageOf).join('; '), { cause: faults })
    }
    transport.createListener = (options: CreateListenerOptions): Listener => {
      return createListener({ ...options, upgrader: shownUpgrader(options.upgrader, connection => { gate.arrived(connection); tune(connection) }) })
    }
    // Not /unix/ either, which the library would dial: a program's own socket is nobody's peer.
    transport.dialFilter = addresses => addresses.filter(isTcp)
    transport.listenFilter = transport.dialFilter
    return transport
  }
}

function isTcp (address: Multiaddr): boolean {
  const [host, transport, ...more] = address.getComponents().map(({ name }) => name)
  return /^(ip[46]|dns[46]?)$/.test(host ?? '') && transport === 'tcp' && more.every(name => name === 'p2p')
}

function tune (connection: MultiaddrConnection): void {
  connection.maxWriteBufferLength = MAX_UNSENT_BYTES
  // The transport's class keeps its socket in a field that its interface does not name.
  const { socket } = connection as MultiaddrConnection & { socket?: Socket }
  if (socket !== undefined) corkEachTick(socket)
}

function corkEachTick (socket: Socket): void {
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean
  let corked = false
  const uncork = (): void => { corked = false; socket.uncork() }
  socket.write = (...args: unknown[]): boolean => {
    if (!corked) {
      corked = true
      socket.cork()
      process.nextTick(uncork)
    }
    return write(...args)
  }
}
