/** What becomes of a plugin's answer: little of it is believed, and what the client has is whole in any case. */
import { isPendingAfter, until } from '../../helpers/deadlines.ts'
import { frame, message } from '../../helpers/protobuf.ts'
import * as requests from '../../helpers/requests.ts'
import { unknownPeer } from '../../helpers/addresses.ts'
import type { DaemonSuite } from '../daemonContract.ts'
import { DHT_PLUGIN } from '../daemonScene.ts'
import { endsInSilence, isError, isUsable } from '../suite.ts'
import { BEGIN, END, OK, ask, blessPlugin, dht, single, value } from './plugins.ts'

const GET = dht(5, [4, 'key'])
const SEARCH = dht(6, [4, 'key'])
/** A client that has gone is looked for once a second. */
const NOTICED_MS = 2_000
const MIB = 1024 * 1024

export function pluginAnswers ({ test }: DaemonSuite): void {
  test('a value that the daemon\'s plugin gives is the client\'s answer, and the plugin\'s stream ends', async (t, scene) => {
    await blessPlugin(scene)
    const { asker, plugin } = await ask(scene, GET)
    await plugin.write(Buffer.concat([single('found'), Buffer.from('and more')]))
    t.deepEqual(await asker.read(single('found').length), single('found'))
    await endsInSilence(t, plugin)
    await isUsable(t, asker)
    t.is(asker.available, 0)
  })

  test('an answer of the daemon\'s plugin is written anew: what does not belong to it is left out', async (t, scene) => {
    await blessPlugin(scene)
    const peer = message([1, unknownPeer()], [2, Buffer.from('047f000001060fa1', 'hex')])
    const { asker, plugin } = await ask(scene, dht(0, [2, unknownPeer()]))
    await plugin.write(frame(message([1, 0], [2, message([1, 'msg'])], [5, message([1, 1], [2, peer], [9, 'junk'])], [6, peer], [99, 'junk'])))
    t.deepEqual(await asker.readFrame(), message([1, 0], [5, message([1, 1], [2, peer])]))
    for (const type of [7, 8]) {
      const put = await ask(scene, dht(type, [3, 'cid'], [4, 'key'], [5, 'value']), asker)
      await put.plugin.write(single('nobody asked for that'))
      t.deepEqual(await asker.read(OK.length), OK)
    }
    t.is(asker.available, 0)
  })

  test('a series of the daemon\'s plugin is a Response and bare messages up to END, and the connection goes on', async (t, scene) => {
    await blessPlugin(scene)
    const values = [value('one'), value('two'), value('')].map(each => frame(each))
    for (const type of [1, 2, 3, 6]) {
      const { asker, plugin } = await ask(scene, dht(type, [2, unknownPeer()], [3, 'cid'], [4, 'key']))
      const series = Buffer.concat([BEGIN, ...values, END])
      await plugin.write(series)
      t.deepEqual(await asker.read(series.length), series, `type ${type}`)
      await endsInSilence(t, plugin)
      await isUsable(t, asker)
    }
  })

  test('a series of the daemon\'s plugin that is empty is BEGIN and END, and requests sent ahead are answered behind it', async (t, scene) => {
    await blessPlugin(scene)
    const asker = await scene.dial(scene.b)
    const first = await ask(scene, SEARCH, asker)
    await asker.send(GET)
    await asker.send(requests.request(42))
    await first.plugin.write(Buffer.concat([BEGIN, END]))
    t.deepEqual(await asker.read(BEGIN.length + END.length), Buffer.concat([BEGIN, END]))
    const second = await scene.providing(DHT_PLUGIN)
    await second.response()
    await second.write(single('found'))
    t.deepEqual(await asker.read(single('found').length), single('found'))
    isError(t, await asker.response(), /type 42/)
  })

  test('of the daemon\'s plugin a client has as many values as it asked for, twenty providers when it did not say', async (t, scene) => {
    await blessPlugin(scene)
    for (const [request, count] of [
      [dht(2, [3, 'cid'], [6, 3]), 3], [dht(2, [3, 'cid']), 20], [dht(2, [3, 'cid'], [6, 0]), 20], [dht(2, [3, 'cid'], [6, -5]), 20],
      [dht(6, [4, 'key'], [6, 1]), 1], [dht(3, [4, 'key'], [6, 25]), 25]
    ] as const) {
      const { asker, plugin } = await ask(scene, request)
      const given = frame(value('x'))
      await plugin.write(Buffer.concat([BEGIN, ...Array.from({ length: 40 }, () => given)]))
      const series = Buffer.concat([BEGIN, ...Array.from({ length: count }, () => given), END])
      t.deepEqual(await asker.read(series.length), series)
      await endsInSilence(t, plugin, 'it is enough')
      await isUsable(t, asker)
    }
    const { asker, plugin } = await ask(scene, SEARCH)
    const all = Buffer.concat([BEGIN, ...Array.from({ length: 200 }, () => frame(value('x'))), END])
    await plugin.write(all)
    t.deepEqual(await asker.read(all.length), all, 'no limit that nobody set')
  })

  test('an ERROR of the daemon\'s plugin is told to the client in its words, made safe', async (t, scene) => {
    await blessPlugin(scene)
    const { asker, plugin } = await ask(scene, GET)
    await plugin.write(frame(message([1, 1], [2, message([1, 'nothing\nhere'])])))
    const { error } = await asker.response()
    t.regex(error?.msg ?? '', /^nothing.*here$/)
    t.notRegex(error?.msg ?? '', /\n/)
    await endsInSilence(t, plugin)
    await isUsable(t, asker)
  })

  test('an answer of the daemon\'s plugin that is none is an ERROR, and the plugin is heard no more', async (t, scene) => {
    await blessPlugin(scene)
    for (const nonsense of [OK, frame(message([1, 0], [5, message([1, 0])])), frame(message([1, 0], [5, message([1, 2])])), frame(Buffer.from([0xff])), frame(value('bare')), Buffer.from('ffffffff', 'hex')]) {
      const { asker, plugin } = await ask(scene, GET)
      await plugin.write(nonsense)
      isError(t, await asker.response(), /\w/, nonsense.toString('hex'))
      await endsInSilence(t, plugin, nonsense.toString('hex'))
      await isUsable(t, asker)
    }
    const { asker, plugin } = await ask(scene, SEARCH)
    await plugin.write(single('a value before the beginning'))
    isError(t, await asker.response(), /no answer/)
  })

  test('a series of the daemon\'s plugin that breaks off, in whatever way, is told as END', async (t, scene) => {
    await blessPlugin(scene)
    const begun = Buffer.concat([BEGIN, frame(value('x'))])
    for (const [how, breakOff] of [
      ['another type', async plugin => { await plugin.write(BEGIN) }],
      ['noise', async plugin => { await plugin.write(frame(Buffer.from([0xff]))) }],
      ['half a message', async plugin => { await plugin.write(frame(value('y')).subarray(0, 3)); plugin.end() }],
      ['no END', async plugin => { plugin.end() }],
      ['it goes', async plugin => { plugin.destroy() }]
    ] as Array<[string, (plugin: Awaited<ReturnType<typeof ask>>['plugin']) => Promise<void>]>) {
      const { asker, plugin } = await ask(scene, SEARCH)
      await plugin.write(begun)
      t.deepEqual(await asker.read(begun.length), begun, how)
      await breakOff(plugin)
      t.deepEqual(await asker.read(END.length), END, how)
      await isUsable(t, asker, how)
    }
  })

  test('a plugin of the daemon\'s that goes before it has answered is an ERROR', async (t, scene) => {
    await blessPlugin(scene)
    for (const leave of ['end', 'destroy'] as const) {
      const { asker, plugin } = await ask(scene, GET)
      plugin[leave]()
      isError(t, await asker.response(), /went away/, leave)
      await isUsable(t, asker)
    }
  })

  test('a plugin of the daemon\'s that takes too long is an ERROR, or an END if it has begun, and its stream ends', async (t, scene) => {
    await blessPlugin(scene)
    const silent = await ask(scene, dht(5, [4, 'key'], [7, 1]))
    isError(t, await silent.asker.response(), /within 1 s/)
    await endsInSilence(t, silent.plugin)
    await isUsable(t, silent.asker)
    const slow = await ask(scene, dht(6, [4, 'key'], [7, 1]))
    await slow.plugin.write(BEGIN)
    const series = Buffer.concat([BEGIN, END])
    t.deepEqual(await slow.asker.read(series.length), series)
    await endsInSilence(t, slow.plugin)
  })

  test('a client that has gone is the end of its question to the daemon\'s plugin', async (t, scene) => {
    await blessPlugin(scene)
    for (const request of [GET, SEARCH]) {
      const { asker, plugin } = await ask(scene, request)
      if (request === SEARCH) await plugin.write(BEGIN)
      asker.destroy()
      t.is((await plugin.readToEnd(NOTICED_MS)).length, 0)
    }
  })

  test('a client that has ended its requests still has the answer of the daemon\'s plugin, then the end of file', async (t, scene) => {
    await blessPlugin(scene)
    const { asker, plugin } = await ask(scene, GET)
    asker.end()
    t.true(await isPendingAfter(NOTICED_MS, plugin.readToEnd()), 'it is still asked')
    await plugin.write(single('found'))
    t.deepEqual(await asker.readToEnd(), single('found'))
  })

  test('the daemon reads its plugin\'s answer no faster than the client does', async (t, scene) => {
    await blessPlugin(scene)
    const { asker, plugin } = await ask(scene, SEARCH)
    asker.socket.pause()
    await plugin.write(BEGIN)
    const chunk = frame(value('x'.repeat(64 * 1024)))
    let poured = 0
    let quiet = 0
    await until('no room for more', async () => {
      const taken = plugin.pour(chunk)
      poured += taken
      quiet = taken === 0 ? quiet + 1 : 0
      if (poured > 64 * MIB) throw new Error('64 MiB were taken that nobody reads')
      return quiet > 50
    })
    t.true(poured < 32 * MIB, `${poured} bytes`)
    asker.socket.resume()
    t.deepEqual(await asker.read(BEGIN.length), BEGIN)
  })
}
