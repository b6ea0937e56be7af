/** Several handlers for one protocol: who overwrites, who is refused, who takes turns; and how one is taken back. */
import type { AppListener } from '../../helpers/appListener.ts'
import { unix } from '../../helpers/addresses.ts'
import * as requests from '../../helpers/requests.ts'
import type { Scene } from '../scene.ts'
import { endsInSilence, isError, isOk, isUsable, type Suite } from '../suite.ts'

/** The number of the listener that a new stream was brought to. */
async function receiver (scene: Scene, protocol: string, listeners: readonly AppListener[]): Promise<number> {
  const before = listeners.map(({ accepted }) => accepted)
  const { stream } = await scene.open(protocol)
  const reached = listeners.map(async (listener, i) => {
    const inbound = await listener.next()
    await inbound.streamInfo()
    return i
  })
  const first = await Promise.any(reached)
  stream.destroy()
  await Promise.allSettled(reached.filter((_, i) => listeners[i]?.accepted !== before[i]))
  return first
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
      t.is(await receiver(scene, protocol, [first, second]), i % 2)
    }
  })

  differs('handlers-only-overwrite', {
    ours: ['with `balanced` false a protocol that is handled stays with its handler, and the second gets an ERROR', async (t, scene) => {
      const protocol = scene.protocol()
      const [first, second] = await three(scene)
      await scene.ok(requests.streamHandler(first.bytes, protocol, false), scene.b)
      const connection = await scene.dial(scene.b)
      isError(t, await connection.ask(requests.streamHandler(second.bytes, protocol, false)))
      await isUsable(t, connection)
      t.is(await receiver(scene, protocol, [first, second]), 0)
    }],
    theirs: ['`balanced` is not known: the second overwrites the first', async (t, scene) => {
      const protocol = scene.protocol()
      const [first, second] = await three(scene)
      for (const balanced of [false, true]) {
        await scene.ok(requests.streamHandler(first.bytes, protocol, balanced), scene.b)
        await scene.ok(requests.streamHandler(second.bytes, protocol, balanced), scene.b)
        for (let i = 0; i < 3; i++) t.is(await receiver(scene, protocol, [first, second]), 1)
      }
    }]
  })

  differs('handlers-only-overwrite', {
    ours: ['with `balanced` true handlers stand beside each other and take turns', async (t, scene) => {
      const protocol = scene.protocol()
      const listeners = await three(scene)
      for (const { bytes } of listeners) await scene.ok(requests.streamHandler(bytes, protocol, true), scene.b)
      const receivers: number[] = []
      for (let i = 0; i < 6; i++) receivers.push(await receiver(scene, protocol, listeners))
      t.deepEqual(receivers, [0, 1, 2, 0, 1, 2])
    }],
    theirs: ['type 10 is not known: it ends the connection, and the handler stays', async (t, scene) => {
      const protocol = scene.protocol()
      const listener = await scene.handler(protocol)
      const connection = await scene.dial(scene.b)
      await connection.send(requests.removeStreamHandler(listener.bytes, protocol))
      await endsInSilence(t, connection)
      t.is(await receiver(scene, protocol, [listener]), 0)
    }]
  })

  differs('handlers-only-overwrite', {
    ours: ['with `balanced` true a handler joins one that was registered without it', async (t, scene) => {
      const protocol = scene.protocol()
      const [first, second] = await three(scene)
      await scene.ok(requests.streamHandler(first.bytes, protocol), scene.b)
      await scene.ok(requests.streamHandler(second.bytes, protocol, true), scene.b)
      const receivers = [await receiver(scene, protocol, [first, second]), await receiver(scene, protocol, [first, second])]
      t.deepEqual(receivers.toSorted((one, other) => one - other), [0, 1])
    }],
    theirs: ['type 10 is not known, also for what is not registered', async (t, scene) => {
      const connection = await scene.dial(scene.b)
      await connection.send(requests.removeStreamHandler(unix(scene.path()), scene.protocol()))
      await endsInSilence(t, connection)
    }]
  })
}

/** What Go has nothing of at all: REMOVE_STREAM_HANDLER. */
export function removing ({ test, differs }: Suite): void {
  void test
  void differs
}
