/** Serving as the daemon's DHT: questions that are cancelled, not read, too many, or open when the plugin is closed. */
import test from 'ava'
import { once } from 'node:events'
import { DHTRequestType, ResponseType, encodeDHTRequest } from '../../src/wire/codec.ts'
import { encodeFrame } from '../../src/wire/frames.ts'
import { decodePeerId } from '../../src/wire/peers.ts'
import { until, within } from '../helpers/deadlines.ts'
import { KEY, VALUE, answer, answerOn, ask, askBytes, error, provided, series, single } from './asker.ts'
import { DAEMON_BYTES } from './scriptedDaemon.ts'

const { GET_VALUE, SEARCH_VALUE } = DHTRequestType

test('an asker that goes in the middle of its question is nobody’s news', async t => {
  const { daemon, queue, errors } = await provided(t, {})
  const question = encodeFrame(encodeDHTRequest({ type: GET_VALUE, key: KEY }))
  for (const leave of [(await askBytes(queue, question.subarray(0, 5))), await askBytes(queue, new Uint8Array(0))]) {
    leave.resume().end()
    await once(leave, 'close')
  }
  const reset = await askBytes(queue, question.subarray(0, 5))
  reset.destroy()
  await queue.whole()
  await daemon.openAtMost(5)
  t.deepEqual(errors, [])
})

for (const [what, leave] of [
  ['ends its side', (socket: { end: () => void }) => { socket.end() }],
  ['says more than it should and ends its side', (socket: { end: (rest: Uint8Array) => void }) => { socket.end(new Uint8Array(100)) }],
  ['resets the stream', (socket: { destroy: () => void }) => { socket.destroy() }]
] as const) {
  test(`an asker that ${what} cancels: the signal aborts, a series is told to end, and nothing is left`, async t => {
    const aborted: unknown[] = []
    let ended = false
    const started = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()] as const
    const { daemon, queue, errors } = await provided(t, {
      getValue: async ({ signal }) => {
        started[0].resolve(undefined)
        await once(signal, 'abort')
        aborted.push(signal.reason)
        throw new Error('cancelled')
      },
      searchValue: async function * ({ signal }) {
        try {
          yield VALUE
          started[1].resolve(undefined)
          await once(signal, 'abort')
          aborted.push(signal.reason)
        } finally {
          ended = true
        }
      }
    })
    for (const [index, type] of [GET_VALUE, SEARCH_VALUE].entries()) {
      const socket = await ask(queue, { type, key: KEY })
      await started[index]?.promise
      leave(socket.resume())
      await within('the end of the stream', once(socket, 'close'))
    }
    await until('the end of the series', () => ended)
    t.like(aborted, [{ code: 'ERR_CLOSED' }, { code: 'ERR_CLOSED' }])
    await queue.whole()
    await daemon.openAtMost(5)
    t.deepEqual(errors, [])
  })
}

test('a method that does not look at its signal holds no stream', async t => {
  const never = new Promise<never>(() => {})
  let asked = 0
  const { queue, handler } = await provided(t, { getValue: async () => { asked++; return await never }, searchValue: async function * () { yield VALUE; await never } })
  for (const type of [GET_VALUE, SEARCH_VALUE]) {
    const socket = (await ask(queue, { type, key: KEY })).resume()
    socket.end()
    await within('the end of the stream', once(socket, 'close'))
  }
  const open = await ask(queue, { type: GET_VALUE, key: KEY })
  await until('the question', () => asked === 2)
  const [got] = await within('the end of closing', Promise.all([answerOn(open), handler.close()]))
  t.deepEqual(got, error('the DHT plugin was stopped'))
})

test('an asker that does not read stops the values, and gets all of them in order when it does', async t => {
  const SIZE = 64 * 1024
  let made = 0
  let isOver = false
  const { queue } = await provided(t, {
    searchValue: async function * () {
      try {
        for (; made < 1000; made++) yield new Uint8Array(SIZE).fill(made % 251)
      } finally {
        isOver = true
      }
    }
  })
  const socket = await ask(queue, { type: SEARCH_VALUE, key: KEY })
  let before = -1
  await until('a standstill', async () => {
    const isStill = made === before
    before = made
    await new Promise(resolve => { setTimeout(resolve, 50) })
    return isStill && made > 0
  })
  t.true(made * SIZE < 4 * 1024 * 1024, `${made} values of 64 KiB were made for nobody`)
  t.false(isOver)
  const { series: values } = await answerOn(socket)
  t.is(values.length, 1001)
  t.true(values.slice(0, -1).every(({ value }, index) => value?.length === SIZE && value[0] === index % 251 && value.at(-1) === index % 251))
})

test('an asker that goes while it does not read ends the values', async t => {
  let isOver = false
  const { queue, errors } = await provided(t, {
    searchValue: async function * () { try { for (;;) yield new Uint8Array(64 * 1024) } finally { isOver = true } }
  })
  const socket = await ask(queue, { type: SEARCH_VALUE, key: KEY })
  await once(socket, 'readable')
  socket.destroy()
  await until('the end of the values', () => isOver)
  t.deepEqual(errors, [])
})

test('each caller has its own share of open questions, and all together have theirs', async t => {
  let asked = 0
  const released = Promise.withResolvers<Uint8Array>()
  const { queue } = await provided(t, { getValue: async () => { asked++; return await released.promise } }, { maxQuestionsPerCaller: 2, maxQuestions: 3 })
  const question = { type: GET_VALUE, key: KEY }
  const first = [await ask(queue, question), await ask(queue, question)]
  await until('two questions', () => asked === 2)
  t.deepEqual(await answer(queue, question), error('2 of this tenant\'s questions to the DHT plugin are open, which is all it may have: wait for an answer'))
  const other = await ask(queue, question, DAEMON_BYTES)
  await until('three questions', () => asked === 3)
  t.deepEqual(await answer(queue, question, DAEMON_BYTES), error('the DHT plugin has as many questions as it takes at once: ask again later'))
  released.resolve(VALUE)
  for (const socket of [...first, other]) t.deepEqual(await answerOn(socket), single({ value: VALUE }))
  await until('room for two more', async () => {
    const answers = await Promise.all([answer(queue, question), answer(queue, question)])
    return answers.every(({ response }) => response.type === ResponseType.OK)
  })
})

test('closing takes no more questions, and ends those that are open: an ERROR before the first value, END after it', async t => {
  const begun = Promise.withResolvers<undefined>()
  const { daemon, queue, handler, errors } = await provided(t, {
    getValue: async ({ signal }) => { await once(signal, 'abort'); throw signal.reason },
    searchValue: async function * ({ signal }) { yield VALUE; begun.resolve(undefined); await once(signal, 'abort') }
  })
  const [value, search] = [await ask(queue, { type: GET_VALUE, key: KEY }), await ask(queue, { type: SEARCH_VALUE, key: KEY })]
  await begun.promise
  await queue.whole()
  const [first, second] = await within('the end of closing', Promise.all([answerOn(value), answerOn(search), handler.close(), handler.close()]))
  t.deepEqual(first, error('the DHT plugin was stopped'))
  t.deepEqual(second, series({ value: VALUE }))
  t.is(queue.all.length, 0)
  await daemon.openAtMost(1)
  t.deepEqual(errors, [])
})

test('twenty callers ask twenty things each at once, and each gets its own', async t => {
  const { queue } = await provided(t, { getValue: async ({ key, caller }) => { await new Promise(setImmediate); return Buffer.from(`${Buffer.from(key).toString()} for ${caller}`) } })
  const callers = Array.from({ length: 20 }, (_, index) => Uint8Array.of(0, 36, 8, 1, 18, 32, ...new Uint8Array(32).fill(index)))
  await Promise.all(callers.flatMap(caller => Array.from({ length: 20 }, async (_, index) => {
    const { response } = await answer(queue, { type: GET_VALUE, key: Buffer.from(String(index)) }, caller)
    t.is(Buffer.from(response.dht?.value ?? []).toString(), `${index} for ${decodePeerId(caller).toString()}`)
  })))
})
