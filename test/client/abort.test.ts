import test, { type ExecutionContext } from 'ava'
import { getEventListeners } from 'node:events'
import { text } from 'node:stream/consumers'
import { P2pdClient, provideDht } from '../../src/client/index.ts'
import { PEER, asStream, framed, identified, ok, opened, scriptedDaemon } from './scriptedDaemon.ts'

type Call = (client: P2pdClient, signal: AbortSignal) => Promise<unknown>

const calls: Record<string, Call> = {
  identify: async (client, signal) => await client.identify({ signal }),
  connect: async (client, signal) => { await client.connect(PEER, [], { signal }) },
  disconnect: async (client, signal) => { await client.disconnect(PEER, { signal }) },
  listPeers: async (client, signal) => await client.listPeers({ signal }),
  openStream: async (client, signal) => await client.openStream(PEER, '/echo/1.0.0', { signal }),
  handle: async (client, signal) => await client.handle('/echo/1.0.0', () => {}, { signal }),
  services: async (client, signal) => await client.services({ signal }),
  blessing: async (client, signal) => await client.blessing({ signal }),
  asDaemon: async (client, signal) => await client.asDaemon({ signal }),
  provide: async (client, signal) => await client.provide('/echo/1.0.0', () => {}, { signal }),
  provideDht: async (client, signal) => await provideDht(client, {}, { signal })
}

async function rejectsWith (t: ExecutionContext, promise: Promise<unknown>, reason: Error): Promise<void> {
  t.is(await promise.then(() => undefined, (error: unknown) => error), reason)
}

for (const [name, call] of Object.entries(calls)) {
  test(`${name}: a signal that is aborted already ends it before anything is sent`, async t => {
    const daemon = await scriptedDaemon(t)
    await using client = new P2pdClient(daemon.address)
    const reason = new Error('before')
    await rejectsWith(t, call(client, AbortSignal.abort(reason)), reason)
    t.is(daemon.connections, 0)
  })

  test(`${name}: an abort while it connects ends it`, async t => {
    const daemon = await scriptedDaemon(t)
    await using client = new P2pdClient(daemon.address)
    const controller = new AbortController()
    const reason = new Error('connecting')
    const promise = call(client, controller.signal)
    controller.abort(reason)
    await rejectsWith(t, promise, reason)
    await daemon.openAtMost(0)
  })

  test(`${name}: an abort while it waits for the answer ends it and its connection`, async t => {
    const controller = new AbortController()
    const reason = new Error('waiting')
    const daemon = await scriptedDaemon(t, () => { controller.abort(reason) })
    await using client = new P2pdClient(daemon.address)
    await rejectsWith(t, call(client, controller.signal), reason)
    await daemon.openAtMost(0)
  })

  test(`${name}: an abort in the middle of the answer ends it, and the rest is nobody else’s answer`, async t => {
    const controller = new AbortController()
    const reason = new Error('in the middle')
    const daemon = await scriptedDaemon(t, ({ socket }) => {
      socket.write(framed(identified).subarray(0, 3), () => { setImmediate(() => { controller.abort(reason) }) })
    })
    await using client = new P2pdClient(daemon.address)
    await rejectsWith(t, call(client, controller.signal), reason)
    await daemon.openAtMost(0)
    daemon.script = ({ answer }) => { answer(identified) }
    t.is((await client.identify()).peerId, PEER)
  })
}

test('an abort on a kept connection ends that connection, not the client', async t => {
  const daemon = await scriptedDaemon(t, ({ answer }) => { answer(identified) })
  await using client = new P2pdClient(daemon.address)
  await client.identify()
  const controller = new AbortController()
  const reason = new Error('enough')
  daemon.script = () => { controller.abort(reason) }
  await rejectsWith(t, client.identify({ signal: controller.signal }), reason)
  await daemon.openAtMost(0)
  daemon.script = ({ answer }) => { answer(identified) }
  await client.identify()
  t.is(daemon.connections, 2)
})

test('an abort after the answer has no effect on the stream', async t => {
  const daemon = await scriptedDaemon(t, ({ socket, answer }) => {
    answer(opened)
    asStream(socket).pipe(socket)
  })
  await using client = new P2pdClient(daemon.address)
  const controller = new AbortController()
  const { stream } = await client.openStream(PEER, '/echo/1.0.0', { signal: controller.signal })
  controller.abort()
  stream.end('still here')
  t.is(await text(stream), 'still here')
})

test('a long-lived signal holds nothing of the calls it was given to', async t => {
  const daemon = await scriptedDaemon(t, ({ answer }) => { answer(ok) })
  await using client = new P2pdClient(daemon.address)
  const { signal } = new AbortController()
  for (let i = 0; i < 10; i++) await client.connect(PEER, [], { signal })
  t.is(getEventListeners(signal, 'abort').length, 0)
})
