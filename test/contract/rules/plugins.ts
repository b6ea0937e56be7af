/** The DHT of a daemon whose tenants have none: what a plugin is asked, and when it is not. */
import { frame, message, type Field } from '../../helpers/protobuf.ts'
import { unknownPeer } from '../../helpers/addresses.ts'
import { until } from '../../helpers/deadlines.ts'
import type { RawConnection } from '../../helpers/rawConnection.ts'
import * as requests from '../../helpers/requests.ts'
import { decodeDHTRequest } from '../../../src/wire/codec.ts'
import type { DaemonSuite } from '../daemonContract.ts'
import { DHT_PLUGIN, services, type DaemonScene } from '../daemonScene.ts'
import { endsInSilence, isError, isOk, isUsable } from '../suite.ts'

export const BEGIN = frame(message([1, 0], [5, message([1, 0])]))
export const END = frame(message([1, 2]))
export const OK = frame(message([1, 0]))

export function dht (type: number, ...fields: Field[]): Buffer {
  return requests.request(requests.TYPE.DHT, [5, message([1, type], ...fields)])
}

/** A VALUE: bare, or in a Response where it is all the answer. */
export const value = (text: string): Buffer => message([1, 1], [3, text])
export const single = (text: string): Buffer => frame(message([1, 0], [5, value(text)]))

/** A question on its way: the asker's connection, and the plugin's after it was told of the stream. */
export interface Question {
  readonly asker: RawConnection
  readonly plugin: RawConnection
  /** As the plugin has it. */
  readonly asked: Buffer
}

export async function blessPlugin (scene: DaemonScene): Promise<void> {
  await scene.bless(['provideService'], ['/p2pd/plugin/'])
}

/** What `b` asks of a plugin of `a`'s. */
export async function ask (scene: DaemonScene, request: Uint8Array, asker?: RawConnection): Promise<Question> {
  const plugin = await scene.providing(DHT_PLUGIN)
  asker ??= await scene.dial(scene.b)
  await asker.send(request)
  const { streamInfo, error } = await plugin.response()
  if (streamInfo === undefined) throw new Error(`the plugin was told: ${error?.msg}`)
  return { asker, plugin, asked: await plugin.readFrame() }
}

export function plugins ({ test }: DaemonSuite): void {
  test('without a plugin of the daemon\'s every DHT request is an ERROR that says so, and the connection goes on', async (t, scene) => {
    const connection = await scene.dial(scene.b)
    for (let type = 0; type <= 8; type++) isError(t, await connection.ask(dht(type, [2, unknownPeer()], [3, 'cid'], [4, 'key'], [5, 'value'])), /^the DHT is not available: no provider/)
    await isUsable(t, connection)
  })

  test('a plugin of the daemon\'s has the question as it was asked, and who asks', async (t, scene) => {
    await blessPlugin(scene)
    const peer = unknownPeer()
    for (const [type, ...fields] of [
      [0, [2, peer]], [1, [2, peer], [6, 3]], [2, [3, 'cid'], [6, -1]], [3, [4, 'key'], [7, 9]], [4, [2, peer]],
      [5, [4, 'key'], [7, 0]], [6, [4, Buffer.from([0, 0xff])]], [7, [4, 'key'], [5, Buffer.alloc(100_000, 1)]], [8, [3, 'cid']]
    ] as Array<[number, ...Field[]]>) {
      const plugin = await scene.providing(DHT_PLUGIN)
      const asker = await scene.dial(scene.b)
      await asker.send(dht(type, ...fields))
      const { streamInfo } = await plugin.response()
      t.deepEqual([Buffer.from(streamInfo?.peer ?? []), streamInfo?.proto], [Buffer.from((await scene.identity(scene.b)).id), DHT_PLUGIN])
      t.deepEqual(await plugin.readFrame(), message([1, type], ...fields), `type ${type}`)
      t.is(plugin.available, 0)
      asker.destroy()
      await endsInSilence(t, plugin, 'an asker that has gone')
    }
  })

  test('fields that a DHT request to the daemon\'s plugin does not have are not passed on', async (t, scene) => {
    await blessPlugin(scene)
    const { asked, asker } = await ask(scene, dht(5, [4, 'key'], [99, 'junk'], [8, 1]))
    t.deepEqual(asked, message([1, 5], [4, 'key']))
    asker.destroy()
  })

  test('a plugin of the daemon\'s hears nothing of what is no DHT request', async (t, scene) => {
    await blessPlugin(scene)
    const plugin = await scene.providing(DHT_PLUGIN)
    const connection = await scene.dial(scene.b)
    const long = Buffer.alloc(1_025, 0x61)
    for (const [request, words] of [
      [requests.request(requests.TYPE.DHT), /missing parameters/],
      [dht(9), /no request of type 9/],
      [dht(0), /missing parameters: peer/], [dht(0, [2, 'peer']), /is no peer ID/], [dht(4, [4, 'key']), /missing parameters: peer/],
      [dht(2), /missing parameters: cid/], [dht(8, [4, 'key']), /missing parameters: cid/], [dht(2, [3, long]), /cid: at most 1024/],
      [dht(5), /missing parameters: key/], [dht(6, [4, long]), /key: at most 1024/], [dht(7, [4, 'key']), /missing parameters: value/]
    ] as const) isError(t, await connection.ask(request), words, request.toString('hex').slice(0, 20))
    await isUsable(t, connection)
    await connection.send(dht(5, [4, 'key']))
    await plugin.response()
    t.is(decodeDHTRequest(await plugin.readFrame()).type, 5)
  })

  test('nobody has a stream of its own to a plugin of the daemon\'s', async (t, scene) => {
    await blessPlugin(scene)
    const plugin = await scene.providing(DHT_PLUGIN)
    isError(t, await scene.ask(requests.streamOpen(await scene.daemon(), DHT_PLUGIN), scene.b), /denied/)
    t.is(plugin.available, 0)
    const { services: listed } = await scene.ok(services(), scene.b)
    t.deepEqual(listed?.services, [], 'nor is it shown to tenants')
  })

  test('a plugin of the daemon\'s may listen at an address, too', async (t, scene) => {
    await blessPlugin(scene)
    const listener = await scene.listen()
    await scene.ok(await scene.inItsName(requests.streamHandler(listener.bytes, DHT_PLUGIN)))
    const asker = await scene.dial(scene.b)
    await asker.send(dht(5, [4, 'key']))
    const plugin = await listener.next()
    t.is((await plugin.streamInfo()).proto, DHT_PLUGIN)
    t.deepEqual(await plugin.readFrame(), message([1, 5], [4, 'key']))
    await plugin.write(single('found'))
    t.deepEqual(await asker.read(single('found').length), single('found'))
    await scene.ok(await scene.inItsName(requests.removeStreamHandler(listener.bytes, DHT_PLUGIN)))
    await until('no plugin', async () => /no provider/.test((await scene.ask(dht(5, [4, 'key']), scene.b)).error?.msg ?? ''))
    isOk(t, await asker.ask(requests.identify()))
  })
}
