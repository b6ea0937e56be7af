/**
 * libp2p's own tests of what a transport is, all of them: none had to be left out.
 *
 * They dial over sockets in the file system (unixSockets.ts). What only this transport promises is in the tests beside this one.
 */
import test from 'ava'
import { yamux } from '@chainsafe/libp2p-yamux'
import { generateKeyPair } from '@libp2p/crypto/keys'
import transportTests from '@libp2p/interface-compliance-tests/transport'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { CODE_P2P, CODE_UNIX, type Multiaddr } from '@multiformats/multiaddr'
import type { Libp2pOptions } from 'libp2p'
import { localTransport } from '../../src/local/transport.ts'
import { unixSockets } from '../../src/local/unixSockets.ts'
import { socketMultiaddr } from '../../src/wire/addresses.ts'
import { World } from '../helpers/world.ts'
import { register } from './suites.ts'

const worlds: World[] = []

const local = {
  matchers: [],
  matches: (address: Multiaddr) => address.getComponents()[0]?.code === CODE_UNIX,
  exactMatch: (address: Multiaddr) => address.getComponents().every(({ code }, i) => code === (i === 0 ? CODE_UNIX : CODE_P2P))
}

register(test, 'transport', () => {
  transportTests({
    async setup () {
      const world = await World.create()
      worlds.push(world)
      const [dialerKey, listenerKey] = await Promise.all([generateKeyPair('Ed25519'), generateKeyPair('Ed25519')])
      const [dialer, listener] = [peerIdFromPrivateKey(dialerKey), peerIdFromPrivateKey(listenerKey)]
      // Both are this process, so the kernel cannot tell them apart; each knows whom it connects to.
      const config = (other: typeof dialer): Libp2pOptions => ({
        transports: [localTransport({ switchboard: unixSockets({ vouch: () => other }), muxer: yamux() })]
      })
      const listen = ['a', 'b'].map(name => socketMultiaddr({ path: world.path(name) }).toString())
      return {
        dialer: { ...config(listener), privateKey: dialerKey },
        listener: { ...config(dialer), privateKey: listenerKey, addresses: { listen } },
        dialMultiaddrMatcher: local,
        listenMultiaddrMatcher: local
      }
    },
    async teardown () {
      for (const world of worlds.splice(0)) await world[Symbol.asyncDispose]()
    }
  })
})
