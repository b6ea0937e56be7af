import { decodePeerId, encodePeerId } from '../../wire/peers.ts'
import { protocolsFrom, required, timeoutMsFrom, withTimeout } from './fields.ts'
import { OK } from './answers.ts'
import type { Operation } from '../operation.ts'

/** Opens a stream on the first protocol of the list that the peer speaks; the connection then becomes its pipe. */
export const streamOpen = {
  ask (request, daemon) {
    const { peer, proto } = required(request.streamOpen, 'streamOpen')
    const id = decodePeerId(peer).toString()
    const protocols = protocolsFrom(proto)
    if (id === daemon.peerId && !daemon.isHere) return protocols.map(protocol => ({ action: 'useService', resource: { type: 'Service', id: protocol } }))
    return protocols.map(protocol => ({
      action: 'openStream',
      resource: { type: 'Protocol', id: protocol },
      context: { peer: id, relayed: false } // a host has direct connections only
    }))
  },
  async run ({ host, caller, signal }, request) {
    const { peer, proto, timeout } = required(request.streamOpen, 'streamOpen')
    const target = decodePeerId(peer)
    const stream = await withTimeout(timeoutMsFrom(timeout), signal, `open a stream to ${target.toString()}`, async limited => {
      return await host.openStream(target, protocolsFrom(proto), { signal: limited, whose: caller.tenant })
    })
    return {
      response: { ...OK, streamInfo: { peer: encodePeerId(stream.peer), addr: stream.address.bytes, proto: stream.protocol } },
      stream
    }
  }
} satisfies Operation
