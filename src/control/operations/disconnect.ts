import { decodePeerId } from '../../wire/peers.ts'
import { required } from './fields.ts'
import { OK } from './answers.ts'
import type { Operation } from '../operation.ts'

/** Closes every connection to a peer; OK also when there is none. */
export const disconnect = {
  ask (request) {
    const { peer } = required(request.disconnect, 'disconnect')
    return [{ action: 'disconnect', resource: { type: 'Peer', id: decodePeerId(peer).toString() } }]
  },
  async run ({ host }, request) {
    await host.disconnect(decodePeerId(required(request.disconnect, 'disconnect').peer))
    return { response: OK }
  }
} satisfies Operation
