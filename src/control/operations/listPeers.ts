import { encodePeerId } from '../../wire/peers.ts'
import { OK } from './answers.ts'
import type { Operation } from '../operation.ts'

/** The peers this tenant is connected to: a row a peer, with the remote address of each of its connections. */
export const listPeers = {
  ask: () => [{ action: 'listPeers', resource: { type: 'Host', id: 'own' } }],
  async run ({ host }) {
    const peers = host.peers().map(({ peer, addresses }) => ({ id: encodePeerId(peer), addrs: addresses.map(address => address.bytes) }))
    return { response: { ...OK, peers } }
  }
} satisfies Operation
