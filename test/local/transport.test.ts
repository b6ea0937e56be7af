/** libp2p over the local transport: which addresses are its own, who is let in for whom, and what closing ends. */
import test from 'ava'
import { once } from 'node:events'
import { yamux } from '@chainsafe/libp2p-yamux'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { ConnectionGater, Libp2p, PeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { quietLogger } from '../../src/host/quietLogger.ts'
import type { Switchboard } from '../../src/local/switchboard.ts'
import { localTransport } from '../../src/local/transport.ts'
import { unixSockets } from '../../src/local/unixSockets.ts'
import { socketMultiaddr } from '../../src/wire/addresses.ts'
import { until } from '../helpers/deadlines.ts'
import { descriptorsOf } from '../helpers/memory.ts'
import { World } from '../helpers/world.ts'

const PEER = '12D3KooWQ1M684BTyWXgEaZ2LnFpD2j8Mbt2Rq5WBMqe3duLAM98'

/** Two nodes; each takes whoever connects for the other one. */
class Two implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack()
  readonly address = socketMultiaddr({ path: '/' })
  readonly dialer: Libp2p
  readonly listener: Libp2p

  private constructor (world: World, dialer: Libp2p, listener: Libp2p) {
    this.#stack.use(world)
    this.dialer = dialer
    this.listener = listener
    for (const node of [dialer, listener]) this.#stack.defer(async () => { await node.stop() })
    this.address = listener.getMultiaddrs()[0] ?? this.address
  }

  static async create ({ wrap = switchboard => switchboard, gater = {} }: { wrap?: (switchboard: Switchboard) => Switchboard, gater?: ConnectionGater } = {}): Promise<Two> {
    const world = await World.create()
    const keys = [await generateKeyPair('Ed25519'), await generateKeyPair('Ed25519')] as const
    const [a, b] = [peerIdFromPrivateKey(keys[0]), peerIdFromPrivateKey(keys[1])]
    const path = world.path('s')
    const create = async (privateKey: typeof keys[0], other: PeerId, listen: string[]): Promise<Libp2p> => await createLibp2p({
      privateKey, logger: quietLogger, connectionGater: gater, addresses: { listen },
      transports: [localTransport({ switchboard: wrap(unixSockets({ vouch: () => other })), muxer: yamux() })]
    })
    return new Two(world, await create(keys[0], b, []), await create(keys[1], a, [socketMultiaddr({ path }).toString()]))
  }

  async [Symbol.asyncDispose] (): Promise<void> { await this.#stack.disposeAsync() }
}

test('addresses of its own are /unix/PATH, and at most a peer ID behind it', t => {
  const transport = localTransport({ switchboard: unixSockets({ vouch: () => { throw new Error('nobody') } }), muxer: yamux() })({ logger: quietLogger })
  const own = ['/unix/%2Frun%2Fs', `/unix/%2Frun%2Fs/p2p/${PEER}`]
  const others = ['/ip4/127.0.0.1/tcp/1', '/unix/%2Frun%2Fs/http', `/unix/%2Frun%2Fs/p2p/${PEER}/p2p-circuit/p2p/${PEER}`, `/unix/%2Frun%2Fs/p2p/${PEER}/p2p/${PEER}`, `/p2p/${PEER}`]
  for (const filter of [transport.listenFilter, transport.dialFilter]) {
    t.deepEqual(filter([...own, ...others].map(text => multiaddr(text))).map(String), own)
  }
})

test.serial('a connection is with who was vouched for, not encrypted, and its muxer is not negotiated', async t => {
  await using two = await Two.create()
  const met = once(two.listener, 'connection:open') as Promise<[CustomEvent]>
  const connection = await two.dialer.dial(two.address)
  const [{ detail: inbound }] = await met
  t.true(connection.remotePeer.equals(two.listener.peerId))
  t.true(inbound.remotePeer.equals(two.dialer.peerId))
  for (const { encryption, multiplexer } of [connection, inbound]) t.deepEqual([encryption, multiplexer], ['native', '/yamux/1.0.0'])
})

test.serial('another peer than the one that was dialled is refused', async t => {
  await using two = await Two.create()
  const before = descriptorsOf(process.pid)
  const address = two.address.toString().replace(/\/p2p\/.*/, '')
  await t.throwsAsync(two.dialer.dial(multiaddr(`${address}/p2p/${PEER}`)), { code: 'ERR_PEER', message: new RegExp(`was dialled and ${two.listener.peerId.toString()} is there`) })
  await until('descriptors', () => descriptorsOf(process.pid) === before)
  t.deepEqual([...two.dialer.getConnections(), ...two.listener.getConnections()], [])
  t.is((await two.dialer.dial(multiaddr(address))).status, 'open', 'by its address alone it is reached')
})

test.serial('a dial that nobody waits for any more leaves no connection, also when it succeeds', async t => {
  const dialled = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  await using two = await Two.create({
    wrap: switchboard => ({
      ...switchboard,
      dial: async (address, options) => {
        const end = await switchboard.dial(address, options)
        dialled.resolve()
        await goOn.promise
        return end
      }
    })
  })
  const before = descriptorsOf(process.pid)
  const controller = new AbortController()
  const dial = two.dialer.dial(two.address, { signal: controller.signal })
  await dialled.promise
  controller.abort(new Error('enough'))
  await t.throwsAsync(dial)
  goOn.resolve()
  await until('descriptors', () => descriptorsOf(process.pid) === before)
  t.deepEqual(two.dialer.getConnections(), [])
})

test.serial('a node that stops ends what it has, and its successor at the same path is reached', async t => {
  await using two = await Two.create()
  for (let round = 0; round < 3; round++) {
    const connection = await two.dialer.dial(two.address)
    const closed = once(connection, 'close')
    await two.listener.stop()
    await closed
    await t.throwsAsync(two.dialer.dial(two.address), { code: 'ERR_PEER', message: /^nobody serves / })
    await two.listener.start()
  }
})

test.serial('a listener that closes ends also those it has not made up its mind about', async t => {
  await using two = await Two.create({ gater: { denyInboundConnection: async () => await new Promise(() => {}) } })
  const before = descriptorsOf(process.pid)
  const connection = await two.dialer.dial(two.address)
  t.deepEqual(two.listener.getConnections(), [])
  const closed = once(connection, 'close')
  await two.listener.stop()
  await closed
  await until('descriptors', () => descriptorsOf(process.pid) < before)
  t.not(connection.status, 'open')
})

test.serial('what was written arrives though its connection is closed at once', async t => {
  await using two = await Two.create()
  const received = Promise.withResolvers<number>()
  await two.listener.handle('/count', stream => {
    let bytes = 0
    stream.addEventListener('message', ({ data }) => { bytes += data.byteLength })
    stream.addEventListener('close', () => { received.resolve(stream.readableEnded ? bytes : NaN) })
  })
  const stream = await two.dialer.dialProtocol(two.address, '/count')
  stream.send(new Uint8Array(32 * 1024 * 1024))
  await stream.close()
  await two.dialer.hangUp(two.listener.peerId)
  t.is(await received.promise, 32 * 1024 * 1024)
})
