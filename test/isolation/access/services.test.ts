/**
 * Services under the daemon's identity: who a provider is told has called, whose a name is, and what cannot be served at all.
 */
import test, { type ExecutionContext } from 'ava'
import { join } from 'node:path'
import { RequestType, decodeStreamInfo, encodeStreamInfo, type StreamInfo } from '../../../src/wire/codec.ts'
import { formatMultiaddr } from '../../../src/wire/addresses.ts'
import { formatPeerId } from '../../../src/wire/peers.ts'
import { unix } from '../../helpers/addresses.ts'
import { until } from '../../helpers/deadlines.ts'
import { frame, message } from '../../helpers/protobuf.ts'
import { identify, removeStreamHandler, request, streamHandler, streamOpen } from '../../helpers/requests.ts'
import { ALLOW_ALL, type Answer } from '../world.ts'
import { listenerOf } from './asUser.ts'
import { APP, BlessedScene, CALLER, OTHER } from './blessedScene.ts'
import { RemotePeer } from './remotePeer.ts'
import { TakenOver } from './takenOver.ts'

const SERVED = '/search/1.0.0'
const ANYTHING = [['provideService', 'openStream', 'connect', 'disconnect', 'listPeers'], ['*']] as const

function accept (...protocols: string[]): Buffer {
  return request(RequestType.STREAM_ACCEPT, [RequestType.STREAM_ACCEPT, message(...protocols.map(protocol => [1, protocol] as const))])
}

/** What a caller who is somebody else would have the provider read first. */
function forged (whose: Uint8Array): Buffer {
  return frame(Buffer.from(encodeStreamInfo({ peer: whose, addr: unix('/p2pd/daemon'), proto: SERVED })))
}

interface Came { readonly info: StreamInfo, readonly bytes: Buffer }

/** A provider of each kind, and what came to it: the first frame, and what followed it. */
interface Provider extends AsyncDisposable { readonly came: () => Promise<Came> }

async function atAddress (scene: BlessedScene): Promise<Provider> {
  const path = join(scene.world.homeOf(APP), 'served')
  const streams: Buffer[] = []
  const server = await listenerOf(APP, path, socket => {
    const chunks: Buffer[] = []
    socket.on('data', chunk => { chunks.push(chunk) }).on('end', () => { streams.push(Buffer.concat(chunks)); socket.end() })
  })
  const { error } = await scene.act('app', streamHandler(unix(path), SERVED))
  if (error !== '') throw new Error(error)
  return {
    came: async () => {
      const bytes = await until('a stream', () => streams.shift())
      const length = bytes.readUInt8(0)
      return { info: decodeStreamInfo(bytes.subarray(1, 1 + length)), bytes: bytes.subarray(1 + length) }
    },
    [Symbol.asyncDispose]: async () => { await server[Symbol.asyncDispose]() }
  }
}

async function waiting (scene: BlessedScene): Promise<Provider> {
  const wait = async (): Promise<Came> => {
    using connection = await scene.connection('app')
    await connection.ask(scene.inName(accept(SERVED)))
    ready.resolve()
    const { streamInfo } = await connection.response(30_000)
    if (streamInfo === undefined) throw new Error('no stream came')
    const bytes = await connection.readToEnd()
    connection.end()
    return { info: streamInfo, bytes }
  }
  let ready = Promise.withResolvers<void>()
  let next = wait()
  await ready.promise
  return {
    came: async () => {
      const came = await next
      ready = Promise.withResolvers()
      next = wait()
      next.catch(() => {}) // nobody calls after the last one
      await ready.promise
      return came
    },
    [Symbol.asyncDispose]: async () => {}
  }
}

for (const [kind, provide] of [['is dialled', atAddress], ['waits', waiting]] as const) {
  test.serial(`threat 35: a provider that ${kind} is told who calls by the daemon, tenant or remote peer, and what the caller says of itself is what the stream brings`, async t => {
    await using scene = await BlessedScene.start()
    const { world } = scene
    await using remote = await RemotePeer.start()
    await scene.bless('app', ...ANYTHING)
    await using provider = await provide(scene)
    const others = forged(await world.peerBytesOf('other'))
    const told = async (what: string, peer: string, address: RegExp): Promise<void> => {
      const { info, bytes } = await provider.came()
      t.deepEqual([formatPeerId(info.peer), info.proto], [peer, SERVED], what)
      t.regex(formatMultiaddr(info.addr), address, what)
      t.deepEqual(bytes, others, `${what}: as it was sent`)
    }
    for (const name of ['caller', 'other', 'app'] as const) {
      using connection = await scene.connection(name)
      // A name of the caller's choice, beside the peer that it calls, is a field that there is not.
      await connection.ask(Buffer.concat([streamOpen(scene.daemon, SERVED, 5), message([102, await world.peerBytesOf('other')])]))
      await connection.write(others)
      connection.end()
      await told(name, await world.peerIdOf(name), new RegExp(`^/unix/p2pd/${name}$`))
    }
    const stream = await remote.open(scene.daemonId, await scene.addresses(), SERVED)
    stream.send(others)
    await stream.close()
    await told('a remote peer', remote.peerId, /^\/ip4\/127\.0\.0\.1\/tcp\/\d+$/)
    // Taken over, a host is still the one that the supervisor started for its tenant.
    await using host = await TakenOver.of(world, 'caller')
    const taken = await host.open(scene.daemonId, SERVED)
    taken.send(others)
    await taken.close()
    await told('a host that was taken over', await world.peerIdOf('caller'), /^\/unix\/p2pd\/caller$/)
  })
}

test.serial('threats 6, 35: a name has one owner: another blessed app gets neither it nor a version of it, takes nothing of the owner\'s away, and hears nothing of its streams', async t => {
  await using scene = await BlessedScene.start()
  const { world, programs: { app, other, caller } } = scene
  await scene.bless('app', ['provideService'], ['/search/', '/waits/', '/both/'])
  await scene.bless('other', ['provideService'], ['*'])
  const [own, others] = ['app', 'other'].map(name => join(world.homeOf(name === 'app' ? APP : OTHER), 'h'))
  await app.listen('h', own ?? '', 0o777)
  await other.listen('h', others ?? '', 0o777)
  const at = (path: string | undefined): Buffer => unix(path ?? '')
  t.is((await scene.act('app', streamHandler(at(own), [SERVED, '/both/1.0.0'], true))).error, '')
  using waits = await scene.connection('app')
  t.is((await waits.ask(scene.inName(accept('/waits/1.0.0')))).error?.msg, undefined)

  const tried = [
    ...[SERVED, '/search/2.0.0', '/search/v3', '/search', 'search/1.0.0'].flatMap(proto => [undefined, false, true].map(balanced => streamHandler(at(others), proto, balanced))),
    ...[SERVED, '/search/2.0.0', '/search'].map(proto => accept(proto)),
    streamHandler(at(others), ['/mine/1', '/search/9.0.0']), accept('/mine/2', SERVED),
    streamHandler(at(others), '/waits/1.0.0'), streamHandler(at(others), '/waits/2.0.0'), accept('/waits/1.0.0'), accept('/both/2.0.0'), streamHandler(at(others), '/both/1.0.0', true)
  ]
  for (const bytes of tried) {
    for (const answer of [await scene.act('other', bytes), await other.askOne(scene.asDaemonSocketOf('other'), bytes)]) t.regex(answer.error, /^\S+: the service (search|waits|both) is app's, which handles \S+: it has to give that up first$/)
  }
  for (const bytes of [removeStreamHandler(at(own), SERVED), removeStreamHandler(at(others), SERVED), removeStreamHandler(at(own), ['/waits/1.0.0', '/both/1.0.0'])]) t.regex((await scene.act('other', bytes)).error, /handles none of/)
  const owners = (await scene.services()).map(({ proto, owner }) => [proto, owner])
  t.deepEqual(owners.toSorted(), [['/both/1.0.0', 'app'], [SERVED, 'app'], ['/waits/1.0.0', 'app']])
  // What it registers at the owner's address is still its own: nothing that listens there is told of it.
  t.is((await scene.act('other', streamHandler(at(own), '/mine/3'))).error, '')
  const { announced } = await app.seen('h')
  t.is((await caller.exchange(world.socketOf('caller'), streamOpen(scene.daemon, '/mine/3'), 1_000)).text, '')
  t.deepEqual((await app.seen('h')).announced, announced)
  for (const proto of [SERVED, '/both/1.0.0']) {
    const { sent, text } = await caller.exchange(world.socketOf('caller'), streamOpen(scene.daemon, proto), 10_000)
    t.deepEqual(JSON.parse(text), sent)
  }
  t.is((await other.seen('h')).bytes, 0)
  // Given up, it is whoever's is first.
  t.is((await scene.act('app', removeStreamHandler(at(own), [SERVED]))).error, '')
  t.is((await scene.act('other', streamHandler(at(others), '/search/2.0.0'))).error, '')
  t.regex((await scene.act('app', streamHandler(at(own), SERVED))).error, /the service search is other's, which handles \/search\/2\.0\.0/)
})

/** libp2p's own, p2pd's own, and what is meant to look like neither. */
const NOBODYS = [
  '/p2pd', '/p2pd/', '/p2pd/as-daemon/1.0.0', '/p2pd/as-daemon/2.0.0', '/p2pd/blessing-status/1.0.0', '/p2pd/anything', '/p2pd/plugin', '/p2pd/plugins/dht/1.0.0', '/ipfs/id/1.0.0', '/ipfs/id/push/1.0.0', '/ipfs/id',
  '/ipfs/ping/1.0.0', '/ipfs/kad/1.0.0', '/ipfs/lan/kad/1.0.0', '/libp2p/circuit/relay/0.2.0/hop', '/libp2p/autonat/1.0.0', '/libp2p', '/meshsub/1.1.0', '/floodsub/1.0.0', '/multistream/1.0.0', '/noise', '/tls/1.0.0', '/yamux/1.0.0', '/mplex/6.7.0', '/p2p/id/delta/1.0.0'
]

test.serial('threats 6, 35: what is libp2p\'s or p2pd\'s own no blessing and no policy lets an app serve; p2pd itself goes on answering it', async t => {
  await using scene = await BlessedScene.start()
  await using remote = await RemotePeer.start()
  const { world, programs: { app, caller } } = scene
  const { id } = await scene.bless('app', ...ANYTHING)
  const path = join(world.homeOf(APP), 'h')
  await app.listen('h', path, 0o755)
  for (const proto of NOBODYS) {
    for (const bytes of [streamHandler(unix(path), proto), streamHandler(unix(path), ['/fine/1', proto]), accept(proto), removeStreamHandler(unix(path), proto)]) {
      t.regex((await scene.act('app', bytes)).error, /^provideService denied on Service .*: no policy can allow to handle /, proto)
    }
    t.regex((await app.askOne(scene.asDaemonSocketOf('app'), streamHandler(unix(path), proto))).error, /^provideService denied/, proto)
  }
  t.regex((await scene.recorded('app', { event: 'denied', action: 'provideService', resource: 'Service /ipfs/id/1.0.0' })).policy ?? '', /^daemon: code: no policy can allow to handle \/ipfs\/id/)
  t.deepEqual(await scene.services(), [])
  t.true(await remote.stands(scene.daemonId, await scene.addresses(), id))
  // A plugin is asked by p2pd alone, whoever would have it otherwise.
  t.is((await scene.act('app', streamHandler(unix(path), '/p2pd/plugin/dht/1.0.0'))).error, '')
  for (const proto of ['/p2pd/plugin/dht/1.0.0', '/p2pd/as-daemon/1.0.0']) t.regex((await caller.askOne(world.socketOf('caller'), streamOpen(scene.daemon, proto, 2))).error, /^useService denied on Service \/p2pd\//)
  t.is((await app.seen('h')).accepted, 0)
})

const NO_LISTS = `${ALLOW_ALL}
@id("no-lists") forbid (principal == Tenant::"caller", action == Action::"listServices", resource);
@id("no-search") forbid (principal, action == Action::"useService", resource in ProtocolFamily::"/search/") unless { principal == Tenant::"app" };
`

test.serial('threats 7, 35: who may not list services is told of none, in whoever\'s name it asks, and who may not use one neither sees it nor gets a stream to it', async t => {
  await using scene = await BlessedScene.start({ policies: { 'all.cedar': NO_LISTS } })
  const { world, programs: { caller, other, app } } = scene
  await scene.bless('app', ['provideService'], ['/search/', '/free/'])
  using served = await scene.connection('app')
  using free = await scene.connection('app')
  for (const [connection, proto] of [[served, SERVED], [free, '/free/1']] as const) t.is((await connection.ask(scene.inName(accept(proto)))).error?.msg, undefined)
  const listed = async (ask: Promise<Answer>): Promise<unknown> => {
    const { response, error } = await ask
    return response?.services?.services.map(({ proto }) => proto).toSorted() ?? error
  }
  const services = request(RequestType.SERVICES)
  t.is(await listed(caller.askOne(world.socketOf('caller'), services)), 'listServices denied on Host own')
  t.regex(String(await listed(scene.act('caller', services))), /^identify denied on Host own: caller has no blessing/)
  t.regex(String(await listed(scene.act('other', services))), /^identify denied on Host own: other has no blessing/)
  t.deepEqual(await listed(other.askOne(world.socketOf('other'), services)), ['/free/1'])
  t.deepEqual(await listed(app.askOne(world.socketOf('app'), services)), ['/free/1', SERVED])
  t.deepEqual(await listed(scene.act('app', services)), ['/free/1', SERVED], 'the daemon itself sees all')
  for (const name of ['caller', 'other'] as const) t.regex((await scene.programs[name].askOne(world.socketOf(name), streamOpen(scene.daemon, SERVED, 2))).error, /^useService denied on Service \/search\/1\.0\.0$/)
  t.is((await caller.askOne(world.socketOf('caller'), streamOpen(scene.daemon, '/free/1', 2))).error, '')
  for (const [row, uid] of [['caller', CALLER], ['other', OTHER]] as const) {
    await world.audited(`${row} was refused`, line => line.event === 'denied' && line.tenant === row && line.action === 'useService' && line.uid === uid && line.policy === 'no-search')
  }
})

test.serial('threat 35: a remote peer gets a service if the daemon\'s own policies let it, and is told no more than that there is none', async t => {
  const only = `permit (principal, action, resource) unless { action == Action::"acceptStream" };
@id("local") permit (principal, action == Action::"acceptStream", resource) when { context.local };
`
  await using scene = await BlessedScene.start({ policies: { 'all.cedar': only } })
  await using remote = await RemotePeer.start()
  const { world, programs: { app } } = scene
  await scene.bless('app', ['provideService'], ['/search/'])
  const path = join(world.homeOf(APP), 'h')
  await app.listen('h', path, 0o755)
  t.is((await scene.act('app', streamHandler(unix(path), SERVED))).error, '')
  const addresses = await scene.addresses()
  await isCut(t, remote, scene, addresses)
  t.is((await app.seen('h')).accepted, 0)
  await world.audited('the remote peer was refused', line => line.tenant === 'daemon' && line.event === 'denied' && line.action === 'acceptStream' && line.peer === remote.peerId)
  world.writePolicy('all.cedar', `${only}@id("him") permit (principal == Tenant::"daemon", action == Action::"acceptStream", resource == Protocol::"${SERVED}") when { context.peer == Peer::"${remote.peerId}" };\n`)
  await world.reload()
  const stream = await remote.open(scene.daemonId, addresses, SERVED)
  await stream.close()
  await until('the stream at its provider', async () => (await app.seen('h')).announced.length === 1)
  await using stranger = await RemotePeer.start()
  await isCut(t, stranger, scene, addresses)
  t.is((await app.seen('h')).accepted, 1)
  t.true((await app.askOne(world.socketOf('app'), identify())).ok)
})

/** Its stream ends without a byte. */
async function isCut (t: ExecutionContext, remote: RemotePeer, scene: BlessedScene, addresses: readonly string[]): Promise<void> {
  const stream = await remote.open(scene.daemonId, addresses, SERVED).catch(() => undefined)
  if (stream === undefined) return
  let heard = 0
  stream.addEventListener('message', ({ data }) => { heard += data.byteLength })
  await until('the end of it', () => stream.status !== 'open')
  t.is(heard, 0)
}
