/** Several that wait, some that come back, and handlers at addresses beside them: who has which stream. */
import { randomBytes } from 'node:crypto'
import { isPendingAfter, until } from '../../helpers/deadlines.ts'
import * as requests from '../../helpers/requests.ts'
import { isError, isOk, isUsable, type Claim, type Suite } from '../suite.ts'
import { isUnhandled, meets, streamAccept, taken, waiting } from './accepting.ts'

const ORDER: readonly Claim[] = [
  ['who has waited longest has the next stream, and each has one', async (t, scene) => {
    const protocol = scene.protocol()
    await scene.connected()
    const waiters = [await waiting(scene, protocol), await waiting(scene, protocol), await waiting(scene, protocol)]
    for (const waiter of waiters) await meets(scene, protocol, waiter)
    t.true(waiters.every(({ available }) => available === 0))
  }],

  ['streams that come between one that was taken and the program\'s return wait for it, whole and in their order', async (t, scene) => {
    const protocol = scene.protocol()
    await scene.connected()
    const first = await waiting(scene, protocol)
    await meets(scene, protocol, first)
    // Nobody waits now. More than the daemon would take in for nobody, from each.
    const contents = [randomBytes(300_000), randomBytes(300_000), randomBytes(300_000)]
    const streams = await Promise.all(contents.map(async () => (await scene.open(protocol)).stream))
    const writing = streams.map(async (stream, i) => { await stream.write(contents[i] ?? '') })
    const arrived: Buffer[] = []
    for (const _ of contents) {
      const waiter = await waiting(scene, protocol)
      t.is(await taken(waiter), protocol)
      arrived.push(await waiter.read(300_000))
    }
    await Promise.all(writing)
    t.deepEqual(new Set(arrived.map(bytes => contents.findIndex(content => content.equals(bytes)))), new Set([0, 1, 2]))
  }],

  ['a waiting connection that leaves takes no stream with it that waits for a program to come back', async (t, scene) => {
    const protocol = scene.protocol()
    await scene.connected()
    await meets(scene, protocol, await waiting(scene, protocol))
    const { stream } = await scene.open(protocol)
    await stream.write('kept')
    const waiter = await waiting(scene, protocol)
    t.is(await taken(waiter), protocol)
    t.is(String(await waiter.read(4)), 'kept')
  }]
]

const ADDRESSES: readonly Claim[] = [
  ['a protocol that is handled at an address is not waited for: the ERROR names it and says what to do', async (t, scene) => {
    const [protocol, free] = [scene.protocol(), scene.protocol()]
    const listener = await scene.handler(protocol)
    const connection = await scene.dial(scene.b)
    const { type, error } = await connection.ask(streamAccept(free, protocol))
    t.is(type, 1)
    t.true(error?.msg.includes(protocol))
    t.true(error?.msg.includes('path' in listener.address ? listener.address.path : '?'))
    t.regex(error?.msg ?? '', /REMOVE_STREAM_HANDLER/)
    t.true(await isUnhandled(scene, free))
    await scene.ok(requests.removeStreamHandler(listener.bytes, protocol), scene.b)
    isOk(t, await connection.ask(streamAccept(free, protocol)))
    await meets(scene, protocol, connection)
  }],

  ['a STREAM_HANDLER without `balanced` takes over: those that wait are told, their connections go on, and streams that are kept are brought to it', async (t, scene) => {
    const protocol = scene.protocol()
    await scene.connected()
    const [first, second] = [await waiting(scene, protocol), await waiting(scene, protocol, scene.protocol())]
    const listener = await scene.listen()
    await scene.ok(requests.streamHandler(listener.bytes, protocol), scene.b)
    for (const waiter of [first, second]) {
      isError(t, await waiter.response(), /is handled at/)
      await isUsable(t, waiter)
      isError(t, await waiter.ask(streamAccept(protocol)), /REMOVE_STREAM_HANDLER/)
    }
    await scene.open(protocol)
    t.is((await (await listener.next()).streamInfo()).proto, protocol)

    await scene.ok(requests.removeStreamHandler(listener.bytes, protocol), scene.b)
    await meets(scene, protocol, await waiting(scene, protocol))
    const { stream } = await scene.open(protocol)
    await stream.write('kept')
    await scene.ok(requests.streamHandler(listener.bytes, protocol), scene.b)
    const inbound = await listener.next()
    await inbound.streamInfo()
    t.is(String(await inbound.read(4)), 'kept')
  }],

  ['a STREAM_HANDLER with `balanced` false is an ERROR while somebody waits, who waits on', async (t, scene) => {
    const protocol = scene.protocol()
    await scene.connected()
    const waiter = await waiting(scene, protocol)
    const listener = await scene.listen()
    isError(t, await scene.ask(requests.streamHandler(listener.bytes, protocol, false), scene.b), /has a handler already/)
    await meets(scene, protocol, waiter)
  }],

  ['with `balanced` true a handler at an address takes turns with those that wait, who have one turn together and come back beside it', async (t, scene) => {
    const protocol = scene.protocol()
    await scene.connected()
    const waiters = [await waiting(scene, protocol), await waiting(scene, protocol)]
    const listener = await scene.listen()
    await scene.ok(requests.streamHandler(listener.bytes, protocol, true), scene.b)
    const order: string[] = []
    for (let i = 0; i < 6; i++) {
      const { stream } = await scene.open(protocol)
      await until('the stream to reach somebody', async () => {
        if (listener.waiting > 0) {
          order.push('address')
          return await listener.next()
        }
        const waiter = waiters.find(({ available }) => available > 0)
        if (waiter === undefined) return undefined
        await taken(waiter)
        order.push('waiting')
        waiters.splice(waiters.indexOf(waiter), 1, await waiting(scene, protocol))
        return true
      })
      stream.destroy()
    }
    const [one = '', other = ''] = order
    t.not(one, other)
    t.deepEqual(order, [one, other, one, other, one, other])
  }],

  ['a protocol that is handled at addresses which share it may be waited for, and taking the last address back leaves those that wait', async (t, scene) => {
    const protocol = scene.protocol()
    await scene.connected()
    const listener = await scene.listen()
    await scene.ok(requests.streamHandler(listener.bytes, protocol, true), scene.b)
    const waiter = await waiting(scene, protocol)
    await scene.ok(requests.removeStreamHandler(listener.bytes, protocol), scene.b)
    await meets(scene, protocol, waiter)
    t.is(listener.accepted, 0)
  }]
]

const GRACE: Claim = ['a program that has taken a stream and does not come back is waited for 10 seconds: then streams that wait for it end, and nobody speaks its protocol', async (t, scene) => {
  const protocol = scene.protocol()
  await scene.connected()
  const waiter = await waiting(scene, protocol)
  await meets(scene, protocol, waiter)
  const start = performance.now()
  const { stream } = await scene.open(protocol)
  const ended = stream.readToEnd(20_000)
  t.true(await isPendingAfter(8_000, ended), 'it waits')
  t.is((await ended).length, 0)
  const afterMs = performance.now() - start
  t.true(afterMs > 8_000, `after ${Math.round(afterMs)} ms`)
  t.true(await isUnhandled(scene, protocol))
}]

export function turns ({ differs }: Suite): void {
  differs('no-waiting-for-streams', { ours: [...ORDER, ...ADDRESSES], theirs: [] })
  differs('no-waiting-for-streams', { ours: [GRACE], theirs: [], slow: true })
}
