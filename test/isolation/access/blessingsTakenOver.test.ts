/**
 * Hosts that have been taken over, against the daemon's own: what they say there in a program's place, and of whom they say
 * that they are.
 *
 * A host speaks for one tenant, whatever it says; and what the daemon's host does for it reaches no further than that tenant's
 * own user does.
 */
import test, { type ExecutionContext } from 'ava'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { RequestType, ResponseType } from '../../../src/wire/messages.ts'
import { socketBytes, unix, unknownPeer } from '../../helpers/addresses.ts'
import { until } from '../../helpers/deadlines.ts'
import { message } from '../../helpers/protobuf.ts'
import { connect, disconnect, identify, listPeers, removeStreamHandler, request, streamHandler, streamOpen } from '../../helpers/requests.ts'
import { formatMultiaddr } from '../../../src/wire/addresses.ts'
import { formatPeerId } from '../../../src/wire/peers.ts'
import { APP, BlessedScene, CALLER, OTHER } from './blessedScene.ts'
import { RemotePeer } from './remotePeer.ts'
import { TakenOver, type Relay } from './takenOver.ts'

const SERVED = '/search/1.0.0'
const ACCEPT = request(RequestType.STREAM_ACCEPT, [RequestType.STREAM_ACCEPT, message([1, SERVED])])

/** What a host can say of its program: the truth, others, root, nobody, and what is meant to be taken for something else. */
const CLAIMS: ReadonlyArray<readonly [what: string, claim: unknown]> = [
  ['its own user', { uid: CALLER, gid: CALLER, pid: 1 }],
  ['the blessed app\'s user', { uid: APP, gid: APP, pid: 1 }],
  ['root', { uid: 0, gid: 0, pid: 1 }],
  ['nobody', {}],
  ['another tenant', { uid: APP, gid: APP, pid: 1, tenant: 'app' }],
  ['the daemon itself', { uid: 0, gid: 0, pid: 1, tenant: 'daemon', caller: { tenant: 'daemon' } }],
  ['another tenant, by what it inherits', JSON.parse('{"uid":41001,"gid":41001,"pid":1,"__proto__":{"tenant":"app"},"constructor":{"prototype":{"tenant":"app"}}}')],
  ['a list', [{ tenant: 'app' }]]
]
const NO_CLAIMS: ReadonlyArray<readonly [what: string, bytes: Uint8Array]> = [
  ['nothing', Buffer.alloc(0)], ['no JSON', Buffer.from('{uid:0}')], ['what is no text', randomBytes(32)],
  ['more than a caller takes', Buffer.alloc(257, ' ')], ...[{ pid: -1 }, { pid: '0' }, { pid: 2 ** 32 }, { pid: 0.5 }, { pid: null }, { uid: 0, pid: {} }]
    .map(claim => [JSON.stringify(claim), Buffer.from(JSON.stringify(claim))] as const)
]

/** The host of a tenant is running, and taken over. */
async function takeOver (scene: BlessedScene, name: 'app' | 'caller'): Promise<TakenOver> {
  await scene.programs[name].askOne(scene.world.socketOf(name), identify())
  return await TakenOver.of(scene.world, name)
}

async function relayOf (host: TakenOver, scene: BlessedScene, claim: unknown): Promise<Relay> {
  const relay = await host.actAsDaemon(scene.daemonId)
  relay.claim(claim)
  return relay
}

test.serial('threat 26: the host of a tenant that is not blessed, once taken over, may do nothing in the daemon\'s name, whoever it says it is', async t => {
  await using scene = await BlessedScene.start()
  const remote = await RemotePeer.start()
  await using _remote = remote
  await scene.bless('app', ['provideService', 'openStream', 'connect', 'disconnect', 'listPeers'], ['*'])
  t.true((await scene.act('app', identify())).ok)
  const pid = await scene.hostPid()
  await using host = await takeOver(scene, 'caller')
  const acts: ReadonlyArray<readonly [bytes: Uint8Array, action: string]> = [
    [identify(), 'identify'], [ACCEPT, 'provideService'], [streamHandler(unix('/tmp/x'), SERVED), 'provideService'], [removeStreamHandler(unix('/tmp/x'), SERVED), 'provideService'],
    [connect(remote.id, remote.addresses, 2), 'connect'], [disconnect(remote.id), 'disconnect'], [listPeers(), 'listPeers'], [streamOpen(remote.id, '/x/1', 2), 'openStream']
  ]
  for (const [what, claim] of CLAIMS) {
    const relay = await relayOf(host, scene, claim)
    for (const [bytes, action] of acts) {
      for (const asked of [bytes, scene.inName(bytes)]) {
        const response = await relay.ask(asked)
        t.is(response?.type, ResponseType.ERROR, what)
        t.regex(response?.error?.msg ?? '', new RegExp(`^${action} denied on .*: caller has no blessing: `), what)
      }
    }
    t.regex((await relay.ask(request(RequestType.BLESSING)))?.error?.msg ?? '', /^no blessing of caller stands: /, what)
    relay.stream.abort(new Error('done'))
  }
  for (const [what, bytes] of NO_CLAIMS) {
    const relay = await host.actAsDaemon(scene.daemonId)
    relay.send(bytes)
    t.is(await relay.ask(identify()).catch(() => undefined), undefined, what)
  }
  await scene.recorded('caller', { event: 'denied', action: 'provideService', resource: `Service ${SERVED}`, policy: 'no blessing' })
  t.deepEqual(remote.node.getConnections(), [])
  t.deepEqual(await scene.services(), [])
  t.is(await scene.hostPid(), pid)
})

test.serial('threat 26: a host that was taken over reaches the daemon\'s host and its neighbours as its own tenant, and nobody as another', async t => {
  await using scene = await BlessedScene.start({ tenants: { app: { uid: APP, host: { local: false, start: 'always' } }, other: { uid: OTHER, host: { start: 'always' } }, caller: { uid: CALLER } } })
  const { world } = scene
  await using host = await takeOver(scene, 'caller')
  for (const [peerId, reason] of [
    [await world.peerIdOf('app'), /no host of this machine is reached without the network there/],
    [await world.peerIdOf('caller'), /no host of this machine/], [formatPeerId(unknownPeer()), /no host of this machine/], ['daemon', /no host of this machine/], ['', /no host of this machine/]
  ] as const) t.regex((await host.reach(peerId) as { reason: string }).reason, reason, peerId)
  // What the other host takes for the peer is not what is said to it, but who the supervisor connected.
  await scene.bless('other', ['listPeers'], ['own'])
  const stream = await host.open(scene.daemonId, '/p2pd/as-daemon/1.0.0')
  t.is(stream.status, 'open')
  const { response } = await scene.act('other', listPeers())
  const connected = response?.peers.map(({ id }) => formatPeerId(id)) ?? []
  t.true(connected.includes(await world.peerIdOf('caller')))
  t.false(connected.includes(await world.peerIdOf('app')))
})

test.serial('threats 2, 35: no address that a program names leads to a connection between hosts: whoever it is said to be, nobody is dialled there', async t => {
  await using scene = await BlessedScene.start()
  const { world, programs: { caller, other } } = scene
  await other.askOne(world.socketOf('other'), identify())
  const path = join(world.homeOf(CALLER), 'own')
  await caller.listen('own', path, 0o777)
  const addresses = [path, '/p2pd/other', '/p2pd/daemon', '/p2pd', world.admin, scene.world.frontDesk, world.socketOf('other')].map(unix)
  for (const address of addresses) {
    const { error } = await caller.askOne(world.socketOf('caller'), connect(unknownPeer(), [address], 2))
    t.regex(error, /no host of this machine is reached without the network there|only TCP addresses can be dialled/)
  }
  t.deepEqual((await caller.askOne(world.socketOf('caller'), listPeers())).response?.peers, [])
  // A neighbour is reached by who it is, wherever it is said to be.
  t.is((await caller.askOne(world.socketOf('caller'), connect(await world.peerBytesOf('other'), addresses, 5))).error, '')
  const { response } = await caller.askOne(world.socketOf('caller'), listPeers())
  t.deepEqual(response?.peers.map(({ id, addrs }) => [formatPeerId(id), addrs.map(formatMultiaddr)]), [[await world.peerIdOf('other'), ['/unix/p2pd/other']]])
  t.is((await caller.seen('own')).accepted, 0)
  t.is((await world.tenant('other')).figures?.controlConnections, 0)
})

/** Whoever listens gets not a byte, and the stream of the caller ends. */
async function getsNothing (t: ExecutionContext, scene: BlessedScene, ids: readonly string[], what: string): Promise<void> {
  const { programs: { caller, other }, world, daemon } = scene
  const { text } = await caller.exchange(world.socketOf('caller'), streamOpen(daemon, SERVED), 1000)
  t.is(text, '', what)
  for (const id of ids) t.is((await other.seen(id)).bytes, 0, `${what}: ${id}`)
}

test.serial('threat 26: the confused deputy through the daemon\'s host: whoever the blessed app\'s host says its program is, another user\'s sockets and ports get no byte of a service\'s streams', async t => {
  await using scene = await BlessedScene.start()
  const { world, programs: { other } } = scene
  await scene.bless('app', ['provideService'], [SERVED])
  const path = join(world.homeOf(OTHER), 'victim')
  await other.listen('unix', path, 0o777)
  const port = await other.listen('tcp', { host: '127.0.0.1', port: 0 })
  const root = await world.program(0)
  const rootPath = join(world.directory, 'root')
  await root.listen('root', rootPath, 0o777)
  const targets = [['a socket that everybody may open', unix(path)], ['a port', socketBytes(port)], ['a socket of root\'s', unix(rootPath)]] as const
  // As any app can, by its own socket.
  for (const [what, address] of targets) {
    await scene.act('app', streamHandler(address, SERVED))
    await getsNothing(t, scene, ['unix', 'tcp'], `${what}, by the app`)
  }
  await using host = await takeOver(scene, 'app')
  for (const [who, claim] of [...CLAIMS, ['the victim', { uid: OTHER, gid: OTHER, pid: other.pid }] as const]) {
    for (const [what, address] of targets) {
      const relay = await relayOf(host, scene, claim)
      await relay.ask(streamHandler(address, SERVED))
      await getsNothing(t, scene, ['unix', 'tcp'], `${what}, said to be of ${who}`)
      t.is((await root.seen('root')).bytes, 0, who)
      relay.stream.abort(new Error('done'))
    }
  }
  t.is((await scene.host()).crashes, 0)
})

test.serial('threat 26: a stream that was opened before its tenant was blessed, or is kept after that has ended, gives no more rights than a new one', async t => {
  await using scene = await BlessedScene.start()
  const { world, programs: { other } } = scene
  const path = join(world.homeOf(OTHER), 'victim')
  await other.listen('victim', path, 0o777)
  await using host = await takeOver(scene, 'app')
  const early = await relayOf(host, scene, { uid: APP, gid: APP, pid: 1 })
  t.regex((await early.ask(identify()))?.error?.msg ?? '', /app has no blessing/)
  await scene.bless('app', ['provideService'], [SERVED])
  await early.ask(streamHandler(unix(path), SERVED))
  await getsNothing(t, scene, ['victim'], 'opened before')
  const kept = await relayOf(host, scene, { uid: APP, gid: APP, pid: 1 })
  t.is((await kept.ask(ACCEPT))?.type, ResponseType.OK)
  await scene.unbless('app')
  await kept.response() // why it waits no longer, if that came before the end
  await kept.ended()
  t.regex((await early.ask(identify()))?.error?.msg ?? 'ended: has no blessing', /has no blessing/)
  await until('no service', async () => (await scene.services()).length === 0)
})

test.serial('threat 26: whatever bytes a taken-over host says where the daemon is asked, the daemon\'s own host stays, and serves the others', async t => {
  await using scene = await BlessedScene.start()
  await scene.bless('app', ['provideService'], [SERVED])
  t.true((await scene.act('app', identify())).ok)
  const pid = await scene.hostPid()
  await using host = await takeOver(scene, 'caller')
  for (let round = 0; round < 40; round++) {
    const relay = await host.actAsDaemon(scene.daemonId)
    if (round % 2 === 0) relay.claim({})
    for (let i = 0; i < 4; i++) relay.send(randomBytes(1 + round * 50), { framed: round % 3 !== 0 })
    if (round % 4 === 0) relay.send(Buffer.from('ffffffff7f', 'hex'), { framed: false })
    if (round % 5 === 0) await relay.stream.close()
    else if (round % 5 === 1) relay.stream.abort(new Error('gone'))
  }
  t.true((await scene.act('app', identify())).ok)
  t.is(await scene.hostPid(), pid)
  t.is((await scene.host()).crashes, 0)
})

test.serial('threat 26: over the network nobody acts in the daemon\'s name and nobody asks a plugin: not a stranger, not a tenant\'s own key', async t => {
  await using scene = await BlessedScene.start()
  await scene.bless('app', ['provideService'], ['/p2pd/plugin/', SERVED])
  t.is((await scene.act('app', request(RequestType.STREAM_ACCEPT, [RequestType.STREAM_ACCEPT, message([1, SERVED], [1, '/p2pd/plugin/dht/1.0.0'])]))).error, '')
  const addresses = await scene.addresses()
  await using stranger = await RemotePeer.start()
  await using app = await RemotePeer.start(await keyOf(scene, 'app'))
  t.is(app.peerId, await scene.world.peerIdOf('app'))
  for (const protocol of ['/p2pd/as-daemon/1.0.0', '/p2pd/plugin/dht/1.0.0']) {
    for (const peer of [stranger, app]) {
      const stream = await peer.open(scene.daemonId, addresses, protocol).catch(() => undefined)
      if (stream === undefined) continue
      const heard: Uint8Array[] = []
      stream.addEventListener('message', ({ data }) => { heard.push(data.subarray()) })
      if (stream.status === 'open') stream.send(Buffer.from('\x02{}\x02\x08\x00', 'latin1'))
      await until(`the end of ${protocol}`, () => stream.status !== 'open')
      t.deepEqual(heard, [])
    }
  }
})

/** As a backup has it, or a thief. */
async function keyOf (scene: BlessedScene, tenant: string): Promise<Uint8Array> {
  const file = join(scene.world.directory, 'key')
  scene.world.ctl('key', 'export', tenant, file)
  return readFileSync(file)
}
