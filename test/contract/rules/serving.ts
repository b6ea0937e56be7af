/** Services under the daemon's identity: who lists them, who calls them, whose they are, and what is left when one goes. */
import { until } from '../../helpers/deadlines.ts'
import { message } from '../../helpers/protobuf.ts'
import * as requests from '../../helpers/requests.ts'
import { parseMultiaddr } from '../../../src/wire/addresses.ts'
import type { ServiceInfo } from '../../../src/wire/codec.ts'
import type { DaemonSuite } from '../daemonContract.ts'
import { DHT_PLUGIN, services, streamAccept, type DaemonScene } from '../daemonScene.ts'
import { endsInSilence, isError, isOk, isUsable } from '../suite.ts'

/** From the last sign of a provider to the end of its name, and a machine's own time. */
const GRACE_MS = 10_000
const GRACE_DEADLINE_MS = GRACE_MS + 5_000

async function rowOf (scene: DaemonScene, protocol: string): Promise<ServiceInfo | undefined> {
  const { services: listed } = await scene.ok(services(), scene.b)
  return listed?.services.find(({ proto }) => proto === protocol)
}

export function serving ({ test, slow }: DaemonSuite): void {
  test('the daemon\'s services are listed with their owner and their callers, while they are there', async (t, scene) => {
    const protocol = scene.protocol()
    await scene.bless(['provideService'], ['/contract/'])
    t.is(await rowOf(scene, protocol), undefined)
    const row = { name: protocol.slice(1, -'/1.0.0'.length), proto: protocol, owner: scene.name }
    const { stream, provider } = await scene.called(protocol)
    t.deepEqual(await rowOf(scene, protocol), { ...row, callers: 1 })
    const next = await scene.providing(protocol)
    stream.end()
    provider.end()
    await until('no callers', async () => (await rowOf(scene, protocol))?.callers === 0)
    next.destroy()
    provider.destroy()
  })

  test('SERVICES is for whoever its own policies let ask; in the daemon\'s name it lists them all, for those who are blessed', async (t, scene) => {
    const connection = await scene.dial()
    isOk(t, await connection.ask(services()))
    isError(t, await connection.ask(await scene.inItsName(services())), /no blessing/)
    const protocol = scene.protocol()
    await scene.bless(['provideService'], ['*'])
    await scene.providing(protocol)
    await scene.providing(DHT_PLUGIN)
    const listed = [await connection.ask(await scene.inItsName(services())), await (await scene.dialAsDaemon()).ask(services())]
    for (const { services: answer } of listed) {
      t.deepEqual(answer?.daemon, await scene.daemon())
      t.deepEqual(answer?.services.map(({ proto }) => proto).toSorted(), [protocol, DHT_PLUGIN].toSorted())
    }
    await isUsable(t, connection)
  })

  test('a caller sees the daemon, a provider sees the caller: peer ID and address, by the daemon\'s word', async (t, scene) => {
    const protocol = scene.protocol()
    await scene.bless(['provideService'], ['/contract/'])
    const { info, told, stream, provider } = await scene.called(protocol)
    const local = (name: string): Buffer => Buffer.from(parseMultiaddr(`/unix/p2pd/${name}`).bytes)
    t.deepEqual([Buffer.from(info.peer), Buffer.from(info.addr), info.proto], [Buffer.from(await scene.daemon()), local('daemon'), protocol])
    t.deepEqual([Buffer.from(told.peer), told.proto], [Buffer.from((await scene.identity(scene.b)).id), protocol])
    t.deepEqual(Buffer.from(told.addr), local(scene.callerName))
    await stream.write('a question')
    stream.end()
    t.is(String(await provider.readToEnd()), 'a question')
    await provider.write('and its answer')
    provider.end()
    t.is(String(await stream.readToEnd()), 'and its answer')
  })

  test('a caller of the daemon names several protocols, and gets the first that is served', async (t, scene) => {
    const [absent, protocol] = [scene.protocol(), scene.protocol()]
    await scene.bless(['provideService'], ['/contract/'])
    await scene.providing(protocol)
    t.is((await scene.call([absent, protocol])).info.proto, protocol)
  })

  test('what nobody serves in the daemon\'s name is an ERROR that says so, and the connection goes on', async (t, scene) => {
    const connection = await scene.dial(scene.b)
    isError(t, await connection.ask(requests.streamOpen(await scene.daemon(), scene.protocol())), /^no provider/)
    await isUsable(t, connection)
  })

  test('a service of the daemon\'s has one owner, and programs of the owner share it as they would their own protocol', async (t, scene) => {
    const protocol = scene.protocol()
    await scene.bless(['provideService'], ['/contract/'])
    const [first, second] = [await scene.listen(), await scene.listen()]
    for (const { bytes } of [first, second]) await scene.ok(await scene.inItsName(requests.streamHandler(bytes, protocol, true)))
    isError(t, await scene.ask(await scene.inItsName(requests.streamHandler(first.bytes, protocol, false))), /has a handler already/)
    for (const listener of [first, second]) {
      await scene.call(protocol)
      t.is((await (await listener.next()).streamInfo()).proto, protocol)
    }
    await scene.ok(await scene.inItsName(requests.streamHandler(second.bytes, protocol)))
    for (let i = 0; i < 2; i++) {
      await scene.call(protocol)
      await (await second.next()).streamInfo()
    }
    t.is(first.waiting, 0)
  })

  test('every version of a service of the daemon\'s is its owner\'s, and another tenant\'s registration is an ERROR that says whose', async (t, scene) => {
    const protocol = scene.protocol()
    await scene.bless(['provideService'], ['/contract/'])
    if (scene.callerName === scene.name) {
      t.pass('there is one tenant only')
      return
    }
    await scene.bless(['provideService'], ['/contract/'], scene.callerName)
    const waiter = await scene.providing(protocol)
    const other = await scene.dial(scene.b)
    const [name, version] = [protocol.slice(1, -'/1.0.0'.length), protocol.replace('1.0.0', '2.0.0')]
    for (const request of [streamAccept(version), streamAccept(scene.protocol(), protocol), requests.streamHandler((await scene.listen()).bytes, version, true)]) {
      isError(t, await other.ask(await scene.inItsName(request)), new RegExp(`the service ${name} is a's`))
    }
    isOk(t, await other.ask(await scene.inItsName(requests.identify())))
    waiter.destroy()
    await until('the name to be free', async () => await rowOf(scene, protocol) === undefined)
    isOk(t, await other.ask(await scene.inItsName(streamAccept(version))))
    await t.throwsAsync(scene.providing(protocol), { message: /is b's/ })
  })

  test('the name of a service of the daemon\'s that nobody had called is free when its program has gone', async (t, scene) => {
    const protocol = scene.protocol()
    await scene.bless(['provideService'], ['/contract/'])
    const waiter = await scene.providing(protocol)
    waiter.destroy()
    await until('no provider', async () => await rowOf(scene, protocol) === undefined)
    await t.throwsAsync(scene.call(protocol), { message: /no provider/ })
  })

  test('callers of a service of the daemon\'s whose program goes read an end of file', async (t, scene) => {
    await scene.bless(['provideService'], ['/contract/'])
    const { stream, provider } = await scene.called(scene.protocol())
    provider.destroy()
    await endsInSilence(t, stream)
  })

  for (const [how, where] of [['waited', 'is expected back'], ['listens at an address', 'may be restarting']] as const) {
    slow(`a provider of the daemon's that ${how} ${where}, and is given up after ten seconds`, async (t, scene) => {
      const protocol = scene.protocol()
      await scene.bless(['provideService'], ['/contract/'])
      if (how === 'waited') {
        (await scene.called(protocol)).provider.destroy()
      } else {
        const listener = await scene.listen()
        await scene.ok(await scene.inItsName(requests.streamHandler(listener.bytes, protocol)))
        await listener.stopListening()
      }
      const start = performance.now()
      const { stream } = await scene.call(protocol)
      t.is((await stream.readToEnd(GRACE_DEADLINE_MS)).length, 0)
      await until('no provider', async () => await rowOf(scene, protocol) === undefined, GRACE_DEADLINE_MS)
      const took = performance.now() - start
      t.true(took > GRACE_MS / 2, `${took} ms`)
      await t.throwsAsync(scene.call(protocol), { message: /no provider/ })
    })
  }

  test('what is p2pd\'s own nobody provides in the daemon\'s name and nobody opens, whatever the blessing says', async (t, scene) => {
    await scene.bless(['provideService'], ['*'])
    const connection = await scene.dial()
    for (const protocol of ['/p2pd/as-daemon/1.0.0', '/p2pd/blessing-status/1.0.0', '/p2pd/mine/1.0.0', '/ipfs/id/1.0.0', '/ipfs/ping/1.0.0', '/ipfs/kad/1.0.0']) {
      isError(t, await connection.ask(await scene.inItsName(streamAccept(protocol))), /denied/, protocol)
    }
    await scene.providing(DHT_PLUGIN)
    const caller = await scene.dial(scene.b)
    for (const protocol of [DHT_PLUGIN, '/p2pd/as-daemon/1.0.0', '/p2pd/mine/1.0.0']) {
      isError(t, await caller.ask(requests.streamOpen(await scene.daemon(), protocol)), /denied/, protocol)
    }
    await isUsable(t, caller)
    t.is(await rowOf(scene, DHT_PLUGIN), undefined, 'nor is it listed for whom it is of no use')
  })

  test('fields that SERVICES of the daemon does not have are ignored', async (t, scene) => {
    isOk(t, await scene.ask(requests.request(101, [100, message([1, '/x'])], [7, message([1, 'x'])], [200, 'junk'])))
  })
}
