/** Acting in the daemon's name, on real processes: on a tenant's own socket, on as-daemon.sock, and no longer than a blessing stands. */
import test from 'ava'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { BLESSING_STATUS_PROTOCOL, decodeStatusAnswer, encodeStatusQuestion } from '../../src/blessing/verify.ts'
import { P2pdClient } from '../../src/client/index.ts'
import { RequestType, ResponseType, type Request, type Response } from '../../src/wire/codec.ts'
import { encodePeerId, parsePeerId } from '../../src/wire/peers.ts'
import { RawConnection } from '../helpers/rawConnection.ts'
import { World as Machine } from '../helpers/world.ts'
import { World, eventually } from './world.ts'
import { encodeRequest } from '../../src/wire/codec.ts'
import { encodeFrame } from '../../src/wire/frames.ts'

const MANIFEST = 'host: { listen: [/ip4/127.0.0.1/tcp/0] }\n'
const TENANTS = { indexer: MANIFEST, chat: MANIFEST }
/** What is open ends within this of its blessing: a second. */
const REVOKED_MS = 1_000

async function machine (tenants: Readonly<Record<string, string>> = TENANTS): Promise<World> {
  const world = new World(tenants)
  await world.start()
  return world
}

async function ask (connection: RawConnection, request: Request): Promise<Response> {
  return await connection.ask(Buffer.from(encodeRequest(request)))
}

test('both ways lead to the daemon\'s host: the field on the own socket, and as-daemon.sock without it', async t => {
  await using world = await machine()
  await world.bless('indexer', ['connect', 'disconnect', 'listPeers', 'openStream'])
  await using own = new P2pdClient({ path: world.socketOf('indexer') })
  await using acting = await own.asDaemon()
  await using unmodified = new P2pdClient({ path: world.asDaemonSocketOf('indexer') })
  const { peerId } = await world.daemon()
  t.is((await acting.identify()).peerId, peerId)
  t.is((await unmodified.identify()).peerId, peerId)
  t.not((await own.identify()).peerId, peerId)

  await using elsewhere = await Machine.create()
  const remote = await elsewhere.classic()
  await using there = new P2pdClient(remote.control)
  const payload = randomBytes(4 * 1024 * 1024)
  const callers: string[] = []
  await using _ = await there.handle('/echo-hash/1', async ({ peerId: caller, stream }) => {
    callers.push(caller)
    stream.end(createHash('sha256').update(await buffer(stream)).digest('hex'))
  })
  for (const [i, client] of [acting, unmodified].entries()) {
    await client.connect(remote.peerId, remote.addresses)
    t.true((await unmodified.listPeers()).some(peer => peer.peerId === remote.peerId))
    const { stream } = await client.openStream(remote.peerId, '/echo-hash/1')
    stream.end(payload)
    t.is(await text(stream), createHash('sha256').update(payload).digest('hex'))
    t.is(callers[i], peerId, 'the remote sees the daemon')
    await client.disconnect(remote.peerId)
  }
  t.deepEqual(await own.listPeers(), [], 'the tenant itself is connected to nobody')
})

test('requests in its own and in the daemon\'s name take turns on one connection, errors too', async t => {
  await using world = await machine()
  await world.bless('indexer', ['listPeers'])
  using connection = await RawConnection.to({ path: world.socketOf('indexer') })
  const { services } = await ask(connection, { type: RequestType.SERVICES })
  const onBehalfOf = services?.daemon ?? new Uint8Array()
  const ids = new Set<string>()
  for (let turn = 0; turn < 3; turn++) {
    for (const name of [undefined, onBehalfOf]) {
      const { identify } = await ask(connection, { type: RequestType.IDENTIFY, ...name !== undefined && { onBehalfOf: name } })
      ids.add(Buffer.from(identify?.id ?? []).toString('hex'))
      const { type, error } = await ask(connection, { type: RequestType.STREAM_ACCEPT, streamAccept: { proto: ['/x/1'] }, onBehalfOf })
      t.is(type, ResponseType.ERROR)
      t.regex(error?.msg ?? '', /provideService denied on Service \/x\/1: no blessing of indexer covers it/)
    }
  }
  t.is(ids.size, 2)
  const stranger = encodePeerId(parsePeerId('12D3KooWD4jcTQh3jA1tLtwNm1Yomp7vZZi5vYW68FWfEYKMg9Cv'))
  t.regex((await ask(connection, { type: RequestType.IDENTIFY, onBehalfOf: stranger })).error?.msg ?? '', /is not this daemon, whose peer ID is/)
  t.regex((await ask(connection, { type: RequestType.IDENTIFY, onBehalfOf: Buffer.from('x') })).error?.msg ?? '', /is no peer ID/)
  t.is((await ask(connection, { type: RequestType.IDENTIFY })).type, ResponseType.OK)
})

test('a program that waits in the daemon\'s name and goes leaves no queue behind, and a wait that ends leaves its connection usable', async t => {
  await using world = await machine()
  await world.bless('indexer', ['provideService'])
  await using chat = new P2pdClient({ path: world.socketOf('chat') })
  const { daemon } = await chat.services()
  const onBehalfOf = encodePeerId(parsePeerId(daemon))
  const waiting = await RawConnection.to({ path: world.socketOf('indexer') })
  t.is((await ask(waiting, { type: RequestType.STREAM_ACCEPT, streamAccept: { proto: ['/x/1'] }, onBehalfOf })).type, ResponseType.OK)
  t.deepEqual((await chat.services()).services.map(({ protocol, owner, callers }) => [protocol, owner, callers]), [['/x/1', 'indexer', 0]])
  waiting[Symbol.dispose]()
  await eventually('services', async () => (await chat.services()).services.length, count => count === 0, 5_000)
  await t.throwsAsync(chat.openStream(daemon, '/x/1'), { message: /^no provider: nobody serves \/x\/1 in the daemon's name now$/ })

  // Another registration at an address takes its protocol away from one that waits.
  using displaced = await RawConnection.to({ path: world.socketOf('indexer') })
  t.is((await ask(displaced, { type: RequestType.STREAM_ACCEPT, streamAccept: { proto: ['/x/1'] }, onBehalfOf })).type, ResponseType.OK)
  await using unmodified = new P2pdClient({ path: world.asDaemonSocketOf('indexer') })
  await using _ = await unmodified.handle('/x/1', ({ stream }) => { stream.end('from the address') }, { dialBack: true })
  const ended = await displaced.response()
  t.regex(ended.error?.msg ?? '', /is handled at/)
  t.is((await ask(displaced, { type: RequestType.IDENTIFY })).type, ResponseType.OK)
  const { stream } = await chat.openStream(daemon, '/x/1')
  t.is(await text(stream), 'from the address')
})

test('a connection at as-daemon.sock ends with the blessing, whatever little policies let the app do', async t => {
  const provideOnly = 'permit (principal == Tenant::"daemon", action, resource);\n' +
    'permit (principal == Tenant::"indexer", action == Action::"actForDaemon", resource) when { context.action == "provideService" };\n'
  await using world = new World(TENANTS, { 'all.cedar': provideOnly })
  await world.start()
  await world.bless('indexer', ['provideService'])
  using connection = await RawConnection.to({ path: world.asDaemonSocketOf('indexer') })
  for (const type of [RequestType.IDENTIFY, RequestType.SERVICES, RequestType.BLESSING]) {
    t.regex((await ask(connection, { type })).error?.msg ?? '', /^identify denied on Host own: indexer's own policies do not allow it actForDaemon: `p2pctl policy explain indexer actForDaemon own --context action=identify` tells/)
  }
  t.is((await ask(connection, { type: RequestType.STREAM_ACCEPT, streamAccept: { proto: ['/x/1'] } })).type, ResponseType.OK)
  const since = performance.now()
  await world.unbless('indexer')
  t.regex((await connection.response()).error?.msg ?? '', /provideService denied on Service \/x\/1 from now on: indexer has no blessing/)
  await connection.readToEnd()
  t.true(performance.now() - since < REVOKED_MS)
})

test('a message in the daemon\'s name that is longer than any request is not waited for', async t => {
  await using world = await machine()
  await world.bless('indexer', ['connect'])
  using connection = await RawConnection.to({ path: world.asDaemonSocketOf('indexer') })
  await connection.write(Buffer.from([0xff, 0xff, 0x7f])) // 2 MiB, less a byte
  t.regex((await connection.response()).error?.msg ?? '', /a frame of 2097151 bytes is over the limit of 294912/)
  using still = await RawConnection.to({ path: world.asDaemonSocketOf('indexer') })
  t.is((await ask(still, { type: RequestType.IDENTIFY })).type, ResponseType.OK)
})

test('unbless ends all of it within a second: streams both ways, names, waits, connections and the socket; another\'s blessing goes on', async t => {
  await using world = await machine({ ...TENANTS, store: MANIFEST })
  await world.bless('indexer', ['provideService', 'openStream'])
  await world.bless('store', ['provideService'])
  await using indexer = new P2pdClient({ path: world.socketOf('indexer') })
  await using store = new P2pdClient({ path: world.socketOf('store') })
  await using chat = new P2pdClient({ path: world.socketOf('chat') })
  const { daemon } = await chat.services()
  const served: Array<Promise<unknown>> = []
  await using unmodified = new P2pdClient({ path: world.asDaemonSocketOf('indexer') })
  const keep = ({ stream }: { stream: Duplex }): void => { served.push(once(stream.resume(), 'end')); stream.write('open') }
  await indexer.provide('/waits/1', keep)
  await unmodified.handle('/dialled/1', keep, { dialBack: true })
  await store.provide('/store/1', ({ stream }) => { stream.pipe(stream) })
  const { peerId: chatId } = await chat.identify()
  await chat.handle('/chat/1', keep)
  await using acting = await indexer.asDaemon()
  const streams = [
    await chat.openStream(daemon, '/waits/1'), await chat.openStream(daemon, '/dialled/1'),
    await acting.openStream(chatId, '/chat/1'), await unmodified.openStream(chatId, '/chat/1')
  ]
  for (const { stream } of streams) t.is(String((await once(stream, 'data'))[0]), 'open')
  const idle = connect(world.asDaemonSocketOf('indexer'))
  await once(idle, 'connect')
  const spared = await chat.openStream(daemon, '/store/1')
  spared.stream.write('one ')

  const ends = [...streams.map(async ({ stream }) => { await once(stream.resume(), 'end') }), ...served, once(idle.resume(), 'close')]
  const since = performance.now()
  await world.unbless('indexer')
  const answered = performance.now() - since
  await Promise.all(ends)
  const ended = performance.now() - since
  t.true(answered < REVOKED_MS && ended < REVOKED_MS, `answered after ${Math.round(answered)} ms, all over after ${Math.round(ended)} ms`)
  t.false(existsSync(world.asDaemonSocketOf('indexer')))
  t.deepEqual((await chat.services()).services.map(({ protocol }) => protocol), ['/store/1'])
  await t.throwsAsync(chat.openStream(daemon, '/waits/1'), { message: /no provider/ })
  await t.throwsAsync(acting.identify(), { message: /identify denied on Host own: indexer has no blessing/ })
  await t.throwsAsync(indexer.blessing(), { message: /no blessing of indexer stands/ })
  spared.stream.end('two')
  t.is(await text(spared.stream), 'one two')
  const lines = world.audit()
  for (const event of ['revoked', 'denied']) t.true(lines.some(line => line['event'] === event && line['actor'] === 'indexer' && line['onBehalfOf'] === 'daemon' && line['tenant'] === 'daemon'), event)
  t.true(lines.some(({ event, tenant, action }) => event === 'blessing' && tenant === 'indexer' && action === 'revoke'))
})

test('SIGKILL of everything revives nothing that was taken back, and keeps what stands', async t => {
  await using world = await machine()
  const revoked = await world.bless('indexer', ['provideService'], ['/search/'])
  const kept = await world.bless('chat', ['listPeers'])
  await world.unbless('indexer')
  const { pid } = await world.daemon()
  await world.end('SIGKILL')
  if (pid !== undefined) try { process.kill(pid, 'SIGKILL') } catch { /* it has gone with its supervisor */ }
  await world.start()
  t.false(existsSync(world.asDaemonSocketOf('indexer')))
  await using indexer = new P2pdClient({ path: world.socketOf('indexer') })
  await t.throwsAsync(indexer.provide('/search/1.0.0', () => {}), { message: /indexer has no blessing/ })
  await using chat = new P2pdClient({ path: world.asDaemonSocketOf('chat') })
  await t.notThrowsAsync(chat.listPeers())
  const { daemon } = await indexer.services()
  for (const [{ id }, stands] of [[revoked, false], [kept, true]] as const) {
    const { stream } = await indexer.openStream(daemon, BLESSING_STATUS_PROTOCOL)
    stream.end(encodeFrame(encodeStatusQuestion(id)))
    const answer = await buffer(stream)
    t.is(decodeStatusAnswer(answer.subarray(1)).stands, stands)
  }
})

test('the daemon\'s host is there when something needs it, and gone when nothing does', async t => {
  await using world = await machine({ ...TENANTS, daemon: 'host: { listen: [/ip4/127.0.0.1/tcp/0], idleStop: 300ms }\n' })
  t.is((await world.daemon()).state, 'stopped')
  await world.bless('indexer', ['provideService'])
  t.is((await world.daemon()).state, 'stopped', 'a blessing alone needs no host')
  await using indexer = new P2pdClient({ path: world.socketOf('indexer') })
  const handler = await indexer.provide('/search/1.0.0', () => {})
  t.is((await world.daemon()).state, 'running')
  await new Promise(resolve => { setTimeout(resolve, 1_000) })
  t.is((await world.daemon()).state, 'running', 'as long as a service is there')
  await handler.close()
  await eventually('the daemon\'s host', async () => (await world.daemon()).state, state => state === 'stopped')
  await using again = new P2pdClient({ path: world.asDaemonSocketOf('indexer') })
  t.is((await again.identify()).peerId, (await world.daemon()).peerId)
})
