/**
 * @libp2p/tcp with its sockets tuned, by libp2p's transport interface.
 *
 * Owns two things the transport leaves to its user. One write a tick: Noise hands over each frame's length, data and tag
 * apart, and each would be a system call of its own; corked, they are one writev(2). A bound on what waits unsent: a peer
 * that makes us answer (pings, window updates) and reads nothing would otherwise fill our memory.
 */
import type { Socket } from 'node:net'
import { tcp } from '@libp2p/tcp'
import type { Connection, CreateListenerOptions, DialTransportOptions, Listener, MultiaddrConnection, Transport, Upgrader } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

type Components = Parameters<ReturnType<typeof tcp>>[0]

/** Bytes that may wait unsent on one connection before it is given up; streams stop well before it by their windows. */
const MAX_UNSENT_BYTES = 32 * 1024 * 1024

export function tunedTcp (): (components: Components) => Transport {
  const make = tcp()
  return components => {
    const transport = make(components)
    const dial = transport.dial.bind(transport)
    const createListener = transport.createListener.bind(transport)
    transport.dial = async (address: Multiaddr, options: DialTransportOptions): Promise<Connection> => {
      return await dial(address, { ...options, upgrader: tuning(options.upgrader) })
    }
    transport.createListener = (options: CreateListenerOptions): Listener => {
      return createListener({ ...options, upgrader: tuning(options.upgrader) })
    }
    return transport
  }
}

/** The upgrader as it is, but each connection is tuned on its way in. */
function tuning (upgrader: Upgrader): Upgrader {
  return new Proxy(upgrader, {
    get (target, name) {
      if (name === 'upgradeInbound') return async (...[connection, options]: Parameters<Upgrader['upgradeInbound']>) => { await target.upgradeInbound(tune(connection), options) }
      if (name === 'upgradeOutbound') return async (...[connection, options]: Parameters<Upgrader['upgradeOutbound']>) => await target.upgradeOutbound(tune(connection), options)
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value
    }
  })
}

function tune (connection: MultiaddrConnection): MultiaddrConnection {
  connection.maxWriteBufferLength = MAX_UNSENT_BYTES
  // The transport's class keeps its socket in a field that its interface does not name.
  const { socket } = connection as MultiaddrConnection & { socket?: Socket }
  if (socket !== undefined) corkEachTick(socket)
  return connection
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
