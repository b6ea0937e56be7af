/**
 * One @libp2p/daemon-server, as its authors' example puts it together: no program of theirs is published.
 *
 * tcp, noise, yamux and identify with the defaults of each library; an Ed25519 identity made at the start. Its transport
 * (@libp2p/tcp) listens on a Unix socket by itself. `node js-daemon.mjs SOCKET`
 */
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { createServer } from '@libp2p/daemon-server'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

const libp2pNode = await createLibp2p({
  start: false,
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  services: { identify: identify() }
})

const server = createServer(multiaddr(`/unix/${encodeURIComponent(process.argv[2])}`), libp2pNode)
await server.start()
