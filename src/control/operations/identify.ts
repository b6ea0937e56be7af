import { encodePeerId } from '../../wire/peers.ts'
import { OK } from './answers.ts'
import type { Operation } from '../operation.ts'

/** The tenant's own peer ID and addresses. */
export const identify = {
  ask: () => [{ action: 'identify', resource: { type: 'Host', id: 'own' } }],
  async run ({ host }) {
    return {
      response: {
        ...OK,
        identify: { id: encodePeerId(host.peerId), addrs: host.addresses().map(address => address.bytes) }
      }
    }
  }
} satisfies Operation
