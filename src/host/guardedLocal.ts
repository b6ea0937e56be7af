/**
 * The local transport behind the gate: between the hosts of this machine, without the network stack.
 *
 * Owns what guardedTcp.ts owns for the network: no connection is made or taken but through the gate. Policies of both sides are
 * asked as for any other connection, with `local` true.
 */
import type { Connection, CreateListenerOptions, DialTransportOptions, Listener, StreamMuxerFactory, Transport } from '@libp2p/interface'
import { localTransport } from '../local/transport.ts'
import type { Switchboard } from '../local/switchboard.ts'
import type { Multiaddr } from '../wire/addresses.ts'
import { endpointOf } from './endpoints.ts'
import { shownUpgrader } from './shownUpgrader.ts'
import { peerOf, type Gate } from './gate.ts'

type Components = Parameters<ReturnType<typeof localTransport>>[0]

export function guardedLocal (gate: Gate, switchboard: Switchboard, muxer: () => StreamMuxerFactory): (components: Components) => Transport {
  const make = localTransport({ switchboard, muxer })
  return components => {
    const transport = make(components)
    const dial = transport.dial.bind(transport)
    const createListener = transport.createListener.bind(transport)
    transport.dial = async (address: Multiaddr, options: DialTransportOptions): Promise<Connection> => {
      const { connected, failed } = gate.dial(peerOf(address), endpointOf(address))
      try {
        return await dial(address, { ...options, upgrader: shownUpgrader(options.upgrader, connected) })
      } catch (error) {
        throw gate.whyFailed(error)
      } finally {
        failed()
      }
    }
    transport.createListener = (options: CreateListenerOptions): Listener => {
      return createListener({ ...options, upgrader: shownUpgrader(options.upgrader, connection => { gate.arrived(connection) }) })
    }
    return transport
  }
}
