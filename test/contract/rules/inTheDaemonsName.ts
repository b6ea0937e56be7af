/** Requests in the daemon's name: who may, what they do, and what the connection is afterwards. */
import { randomBytes } from 'node:crypto'
import { unknownPeer } from '../../helpers/addresses.ts'
import { until } from '../../helpers/deadlines.ts'
import { frame, message } from '../../helpers/protobuf.ts'
import * as requests from '../../helpers/requests.ts'
import { parseMultiaddr } from '../../../src/wire/addresses.ts'
import { decodePeerId } from '../../../src/wire/peers.ts'
import type { DaemonSuite } from '../daemonContract.ts'
import { blessing, onBehalfOf, services, streamAccept, type DaemonScene } from '../daemonScene.ts'
import { endsInSilence, isError, isOk, isUsable } from '../suite.ts'

const AT_THE_DAEMON = Buffer.from(parseMultiaddr('/unix/p2pd/daemon').bytes)
const { CONNMANAGER, DHT, PEERSTORE_OR_UPGRADE, PUBSUB } = requests.TYPE

/** Whatever needs a blessing, with the action and the resource that it has to cover. */
async function deeds (scene: DaemonScene, protocol: string): Promise<Array<readonly [action: string, resource: string, request: Buffer]>> {
  const { id } = await scene.identity(scene.b)
  const peer = decodePeerId(id).toString()
  return [
    ['listPeers', 'own', requests.listPeers()],
    ['connect', peer, requests.connect(id)],
    ['openStream', protocol, requests.streamOpen(unknownPeer(), protocol)],
    ['provideService', protocol, requests.streamHandler((await scene.listen()).bytes, protocol)],
    ['provideService', protocol, requests.removeStreamHandler((await scene.listen()).bytes, protocol)],
    ['disconnect', peer, requests.disconnect(id)]
  ]
}

export function inTheDaemonsName ({ test }: DaemonSuite): void {
  test('a tenant that nobody has blessed does nothing in the daemon\'s name, and its connection goes on', async (t, scene) => {
    const connection = await scene.dial()
    const protocol = scene.protocol()
    for (const request of [...(await deeds(scene, protocol)).map(([, , deed]) => deed), requests.identify(), streamAccept(protocol), services(), blessing()]) {
      isError(t, await connection.ask(await scene.inItsName(request)), /denied .*: a has no blessing|no blessing of a stands/, request.toString('hex').slice(0, 20))
    }
    isError(t, await connection.ask(blessing()), /no blessing of a stands/)
    await isUsable(t, connection)
    await t.throwsAsync(scene.dialAsDaemon(), { message: /ENOENT/ })
  })

  test('a blessing covers its own actions on its own resources in the daemon\'s name, and no others', async (t, scene) => {
    const protocol = scene.protocol()
    const all = await deeds(scene, protocol)
    const connection = await scene.dial()
    for (const [action, resource] of all) {
      const id = await scene.bless([action], [resource])
      for (const [other, , request] of all) {
        const { error } = await connection.ask(await scene.inItsName(request))
        t.is(/denied .*: no blessing of a covers it/.test(error?.msg ?? ''), other !== action, `${other} by a blessing to ${action}: ${error?.msg}`)
      }
      await scene.unbless(id)
    }
    await scene.bless(['provideService'], [`${protocol}/more`, '/other/'])
    isError(t, await connection.ask(await scene.inItsName(streamAccept(protocol))), /no blessing of a covers it/)
    isError(t, await connection.ask(await scene.inItsName(streamAccept('/other/x', protocol))), /no blessing of a covers it/, 'one of two')
  })

  test('what is asked in the daemon\'s name is asked of its host: its identity, its peers', async (t, scene) => {
    await scene.bless(['listPeers', 'connect', 'disconnect'], ['*'])
    const connection = await scene.dial()
    const mine = await scene.identity(scene.a)
    const { identify } = await connection.ask(await scene.inItsName(requests.identify()))
    t.deepEqual(Buffer.from(identify?.id ?? []), Buffer.from(await scene.daemon()))
    t.notDeepEqual(identify?.id, mine.id)
    t.true((identify?.addrs.length ?? 0) > 0)
    const { peers } = await connection.ask(await scene.inItsName(requests.listPeers()))
    const row = peers.find(({ id }) => Buffer.compare(id, mine.id) === 0)
    t.is(Buffer.from(row?.addrs[0] ?? []).toString('hex'), Buffer.from(parseMultiaddr(`/unix/p2pd/${scene.name}`).bytes).toString('hex'))
    t.deepEqual((await connection.ask(requests.identify())).identify, mine, 'its own, when it does not say so')
  })

  test('a stream opened in the daemon\'s name is the connection\'s, and the peer sees the daemon', async (t, scene) => {
    const protocol = scene.protocol()
    await scene.bless(['openStream'], [protocol])
    const { id } = await scene.identity(scene.b)
    const waiter = await scene.dial(scene.b)
    isOk(t, await waiter.ask(services())) // a way to the daemon, which is one from it, too
    isOk(t, await waiter.ask(streamAccept(protocol)))
    const opener = await scene.dial()
    const early = randomBytes(100_000)
    await opener.write(Buffer.concat([frame(await scene.inItsName(requests.streamOpen(id, protocol))), early]))
    t.is((await opener.response()).streamInfo?.proto, protocol)
    const { streamInfo } = await waiter.response()
    t.deepEqual([Buffer.from(streamInfo?.peer ?? []), Buffer.from(streamInfo?.addr ?? [])], [Buffer.from(await scene.daemon()), AT_THE_DAEMON])
    t.true((await waiter.read(early.length)).equals(early), 'what was written behind the request')
    opener.end()
    await endsInSilence(t, waiter)
    await waiter.write('an answer after its end')
    waiter.end()
    t.is(String(await opener.readToEnd()), 'an answer after its end')
  })

  test('a handler in the daemon\'s name is brought its streams, until it is removed', async (t, scene) => {
    const protocol = scene.protocol()
    await scene.bless(['provideService'], ['/contract/'])
    const listener = await scene.listen()
    await scene.ok(await scene.inItsName(requests.streamHandler(listener.bytes, protocol)))
    const { stream } = await scene.call(protocol)
    const inbound = await listener.next()
    const told = await inbound.streamInfo()
    t.deepEqual([Buffer.from(told.peer), told.proto], [Buffer.from((await scene.identity(scene.b)).id), protocol])
    await stream.write('hello')
    t.is(String(await inbound.read(5)), 'hello')
    await scene.ok(await scene.inItsName(requests.removeStreamHandler(listener.bytes, protocol)))
    await t.throwsAsync(scene.call(protocol), { message: /no provider/ })
    isError(t, await scene.ask(await scene.inItsName(requests.removeStreamHandler(listener.bytes, protocol))), /handles none/)
  })

  test('requests in the daemon\'s name and in its own stand in one line, and are answered in it', async (t, scene) => {
    await scene.bless(['listPeers'], ['own'])
    const connection = await scene.dial()
    const mine = (await scene.identity(scene.a)).id
    const daemons = await scene.daemon()
    await connection.write(Buffer.concat([requests.identify(), await scene.inItsName(requests.identify()), services(), requests.request(42), await scene.inItsName(requests.request(42)), await scene.inItsName(requests.identify()), requests.identify()].map(request => frame(request))))
    for (const id of [mine, daemons]) t.deepEqual((await connection.response()).identify?.id, id)
    t.deepEqual((await connection.response()).services?.daemon, daemons)
    for (const _ of ['own', 'daemon\'s']) isError(t, await connection.response(), /unknown request type 42/)
    for (const id of [daemons, mine]) t.deepEqual((await connection.response()).identify?.id, id)
  })

  test('a name that is not this daemon\'s is an ERROR, and the connection goes on', async (t, scene) => {
    await scene.bless(['listPeers'], ['own'])
    const connection = await scene.dial()
    for (const [name, words] of [
      [unknownPeer(), /is not this daemon/], [(await scene.identity(scene.a)).id, /is not this daemon/],
      [Buffer.alloc(0), /is no peer ID/], [Buffer.from('12D3KooW'), /is no peer ID/]
    ] as const) isError(t, await connection.ask(onBehalfOf(name, requests.identify())), words)
    await isUsable(t, connection)
  })

  test('what cannot be done in the daemon\'s name at all is an ERROR', async (t, scene) => {
    await scene.bless(['connect', 'disconnect', 'listPeers', 'openStream', 'provideService'], ['*'])
    const connection = await scene.dial()
    for (const request of [
      requests.request(DHT, [5, message([1, 5], [4, 'key'])]), requests.request(CONNMANAGER, [6, message([1, 2])]),
      requests.request(PUBSUB, [8, message([1, 0])]), requests.request(PEERSTORE_OR_UPGRADE), requests.request(42)
    ]) isError(t, await connection.ask(await scene.inItsName(request)), /not available|unknown/, request.toString('hex'))
    await isUsable(t, connection)
  })

  test('on as-daemon.sock everything is asked in the daemon\'s name, whether or not it says so', async (t, scene) => {
    const protocol = scene.protocol()
    await scene.bless(['provideService'], [protocol])
    const connection = await scene.dialAsDaemon()
    const daemon = await scene.daemon()
    t.deepEqual((await connection.ask(requests.identify())).identify?.id, daemon)
    t.deepEqual((await connection.ask(await scene.inItsName(requests.identify()))).identify?.id, daemon)
    isError(t, await connection.ask(onBehalfOf(unknownPeer(), requests.identify())), /is not this daemon/)
    isError(t, await connection.ask(requests.listPeers()), /no blessing of a covers it/)
    isOk(t, await connection.ask(streamAccept(protocol)))
    const { stream } = await scene.call(protocol)
    t.deepEqual(Buffer.from((await connection.response()).streamInfo?.peer ?? []), Buffer.from((await scene.identity(scene.b)).id))
    await connection.write('served')
    t.is(String(await stream.read(6)), 'served')
  })

  test('the daemon is among a tenant\'s peers once it was asked for, until a DISCONNECT, which ends what is open in its name', async (t, scene) => {
    const protocol = scene.protocol()
    await scene.bless(['provideService'], [protocol])
    const daemon = await scene.daemon()
    const isListed = async (): Promise<boolean> => (await scene.ok(requests.listPeers())).peers.some(({ id }) => Buffer.compare(id, daemon) === 0)
    await scene.ok(requests.disconnect(daemon))
    const waiter = await scene.providing(protocol)
    t.false(await isListed(), 'what it asked of the daemon\'s host is nobody\'s peer')
    await scene.ok(requests.connect(daemon))
    t.true(await isListed())
    await scene.ok(requests.disconnect(daemon))
    isError(t, await waiter.response(), /\w/)
    await isUsable(t, waiter)
    t.false(await isListed())
    await until('the protocol is given up', async () => !(await scene.ok(services())).services?.services.some(({ proto }) => proto === protocol))
  })
}
