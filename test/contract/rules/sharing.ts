/** Several handlers for one protocol: who overwrites, who is refused, who takes turns; and how one is taken back. */
import type { AppListener } from '../../helpers/appListener.ts'
import { unix } from '../../helpers/addresses.ts'
import { until } from '../../helpers/deadlines.ts'
import { message } from '../../helpers/protobuf.ts'
import * as requests from '../../helpers/requests.ts'
import type { Scene } from '../scene.ts'
import { endsInSilence, isError, isOk, isUsable, type Suite } from '../suite.ts'

/** The number of the listener that a new stream is brought to. */
async function receiver (scene: Scene, protocol: string, listeners: readonly AppListener[]): Promise<number> {
  const { stream } = await scene.open(protocol)
  const number = await until('the stream to reach a handler', () => {
    const found = listeners.findIndex(({ waiting }) => waiting > 0)
    return found < 0 ? undefined : found
  })
  const inbound = await listeners[number]?.next()
  await inbound?.streamInfo()
  stream.destroy()
  return number
}

async function receivers (scene: Scene, protocol: string, listeners: readonly AppListener[], streams: number): Promise<number[]> {
  const found: number[] = []
  for (let i = 0; i < streams; i++) found.push(await receiver(scene, protocol, listeners))
  return found
}

async function three (scene: Scene): Promise<[AppListener, AppListener, AppListener]> {
  await scene.connected()
  return [await scene.listen(), await scene.listen(), await scene.listen()]
}

export function sharing ({ test, differs }: Suite): void {
  test('a second registration without `balanced` overwrites the first', async (t, scene) => {
    const protocol = scene.protocol()
    const [first, second] = await three(scene)
    for (const [i, { bytes }] of [first, second, first].entries()) {
      await scene.ok(requests.streamHandler(bytes, protocol), scene.b)
      t.deepEqual(await receivers(scene, protocol, [first, second], 2), [i % 2, i % 2])
    }
  })

  differs('handlers-only-overwrite', {
    ours: [
      ['with `balanced` false a protocol stays with the handler it has, and the second gets an ERROR', async (t, scene) => {
        const protocol = scene.protocol()
        const [first, second] = await three(scene)
        await scene.ok(requests.streamHandler(first.bytes, protocol, false), scene.b)
        const connection = await scene.dial(scene.b)
        isError(t, await connection.ask(requests.streamHandler(second.bytes, protocol, false)))
        await isUsable(t, connection)
        t.deepEqual(await receivers(scene, protocol, [first, second], 2), [0, 0])
      }],

      ['with `balanced` false nothing is registered when one of the protocols is handled already', async (t, scene) => {
        const [taken, free] = [scene.protocol(), scene.protocol()]
        const [first, second] = await three(scene)
        await scene.ok(requests.streamHandler(first.bytes, taken), scene.b)
        isError(t, await scene.ask(requests.streamHandler(second.bytes, [free, taken], false), scene.b))
        await t.throwsAsync(scene.open(free))
      }],

      ['with `balanced` true handlers stand beside each other and take turns', async (t, scene) => {
        const protocol = scene.protocol()
        const listeners = await three(scene)
        for (const { bytes } of listeners) await scene.ok(requests.streamHandler(bytes, protocol, true), scene.b)
        t.deepEqual(await receivers(scene, protocol, listeners, 6), [0, 1, 2, 0, 1, 2])
      }],

      ['with `balanced` true a handler joins one that was registered without it', async (t, scene) => {
        const protocol = scene.protocol()
        const [first, second] = await three(scene)
        await scene.ok(requests.streamHandler(first.bytes, protocol), scene.b)
        await scene.ok(requests.streamHandler(second.bytes, protocol, true), scene.b)
        t.deepEqual((await receivers(scene, protocol, [first, second], 2)).toSorted(), [0, 1])
      }],

      ['a registration without `balanced` overwrites all that took turns', async (t, scene) => {
        const protocol = scene.protocol()
        const listeners = await three(scene)
        const [first, second, third] = listeners
        for (const { bytes } of [first, second]) await scene.ok(requests.streamHandler(bytes, protocol, true), scene.b)
        await scene.ok(requests.streamHandler(third.bytes, protocol), scene.b)
        t.deepEqual(await receivers(scene, protocol, listeners, 3), [2, 2, 2])
      }],

      ['REMOVE_STREAM_HANDLER takes a handler back, and peers are told that nobody speaks its protocol', async (t, scene) => {
        const [removed, kept] = [scene.protocol(), scene.protocol()]
        const listener = await scene.handler([removed, kept])
        await scene.ok(requests.removeStreamHandler(listener.bytes, removed), scene.b)
        await t.throwsAsync(scene.open(removed))
        t.is(await receiver(scene, kept, [listener]), 0)
        // And it is free again.
        await scene.ok(requests.streamHandler(listener.bytes, removed, false), scene.b)
        t.is(await receiver(scene, removed, [listener]), 0)
      }],

      ['REMOVE_STREAM_HANDLER leaves the others of its protocol', async (t, scene) => {
        const protocol = scene.protocol()
        const listeners = await three(scene)
        for (const { bytes } of listeners) await scene.ok(requests.streamHandler(bytes, protocol, true), scene.b)
        await scene.ok(requests.removeStreamHandler(listeners[1].bytes, protocol), scene.b)
        t.deepEqual(await receivers(scene, protocol, listeners, 4), [0, 2, 0, 2])
      }],

      ['REMOVE_STREAM_HANDLER of what is not registered, or of nothing, is an ERROR, and the connection goes on', async (t, scene) => {
        const protocol = scene.protocol()
        const listener = await scene.handler(protocol)
        const connection = await scene.dial(scene.b)
        for (const request of [
          requests.removeStreamHandler(listener.bytes, scene.protocol()),
          requests.removeStreamHandler(unix(scene.path()), protocol),
          requests.removeStreamHandler(listener.bytes, []),
          requests.request(requests.TYPE.REMOVE_STREAM_HANDLER),
          requests.request(requests.TYPE.REMOVE_STREAM_HANDLER, [9, message([2, protocol])]),
          requests.request(requests.TYPE.REMOVE_STREAM_HANDLER, [9, 'junk'])
        ]) isError(t, await connection.ask(request), /\w/, request.toString('hex'))
        await isUsable(t, connection)
        t.is(await receiver(scene, protocol, [listener]), 0)
      }]
    ],

    theirs: [
      ['`balanced` is not known: the second handler overwrites the first', async (t, scene) => {
        const protocol = scene.protocol()
        const [first, second] = await three(scene)
        for (const balanced of [false, true]) {
          for (const { bytes } of [first, second]) isOk(t, await scene.ask(requests.streamHandler(bytes, protocol, balanced), scene.b))
          t.deepEqual(await receivers(scene, protocol, [first, second], 3), [1, 1, 1])
        }
      }],

      ['REMOVE_STREAM_HANDLER is not known: it ends the connection, and the handler stays', async (t, scene) => {
        const protocol = scene.protocol()
        const listener = await scene.handler(protocol)
        const connection = await scene.dial(scene.b)
        await connection.send(requests.removeStreamHandler(listener.bytes, protocol))
        await endsInSilence(t, connection)
        t.is(await receiver(scene, protocol, [listener]), 0)
      }]
    ]
  })
}
