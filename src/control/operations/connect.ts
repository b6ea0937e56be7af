import { decodePeerId } from '../../wire/peers.ts'
import { addressesFrom, required, timeoutMsFrom, withTimeout } from './fields.ts'
import { OK } from './answers.ts'
import type { Operation } from '../operation.ts'

/** Connects to a peer at the addresses given; OK at once if it is connected already. */
export const connect = {
  ask (request) {
    const { peer, addrs } = required(request.connect, 'connect')
    addressesFrom(addrs)
    // Its addresses are asked for one by one, resolved, when they are about to be dialled.
    return [{ action: 'connect', resource: { type: 'Peer', id: decodePeerId(peer).toString() } }]
  },
  async run ({ host, signal }, request) {
    const { peer, addrs, timeout } = required(request.connect, 'connect')
    const target = decodePeerId(peer)
    await withTimeout(timeoutMsFrom(timeout), signal, `connect to ${target.toString()}`, async limited => {
      await host.connect(target, addressesFrom(addrs), { signal: limited })
    })
    return { response: OK }
  }
} satisfies Operation
