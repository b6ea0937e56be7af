/** Questions to a DHT plugin that run out of time, on a clock that the test turns. In a file of its own, since that clock is the whole process's. */
import test, { type ExecutionContext } from 'ava'
import { once } from 'node:events'
import { mock } from 'node:test'
import { END } from '../../src/client/dhtAnswers.ts'
import type { DhtPlugin, DhtPluginOptions } from '../../src/client/index.ts'
import { FRAME_DEADLINE_MS, LINGER_MS, MAX_FRAME_BYTES } from '../../src/limits.ts'
import { DHTRequestType, DHTResponseType, encodeDHTRequest, type DHTRequest } from '../../src/wire/codec.ts'
import { encodeFrame } from '../../src/wire/frames.ts'
import { KEY, VALUE, answerOn, askBytes, error, provided, series, type World } from './asker.ts'

const { GET_VALUE, SEARCH_VALUE } = DHTRequestType

/** From when everything waits on, only the test moves the clock. */
async function stopped (t: ExecutionContext, plugin: DhtPlugin, options?: DhtPluginOptions): Promise<World> {
  const world = await provided(t, plugin, options)
  await world.queue.whole()
  mock.timers.enable({ apis: ['setTimeout'] })
  return world
}

const question = (request: DHTRequest): Uint8Array => encodeFrame(encodeDHTRequest(request))

test.afterEach.always(() => { mock.timers.reset() })

async function eventually (condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate)
}

for (const [what, timeout, wantedMs] of [
  ['the seconds that the asker gives', 3, 3_000],
  ['a minute when it gives none', undefined, 60_000],
  ['a minute when it gives no time at all', 0, 60_000],
  ['an hour at most', 1_000_000_000_000, 3_600_000]
] as const) {
  test.serial(`a question has ${what}; then its signal aborts and the asker gets an ERROR`, async t => {
    let heard: AbortSignal | undefined
    const { queue } = await stopped(t, { getValue: async ({ signal }) => { heard = signal; return await new Promise(() => {}) } })
    const answer = answerOn(await askBytes(queue, question({ type: GET_VALUE, key: KEY, timeout })))
    await eventually(() => heard !== undefined)
    mock.timers.tick(wantedMs - 1)
    await new Promise(setImmediate)
    t.false(heard?.aborted)
    mock.timers.tick(1)
    t.true(heard?.aborted)
    t.deepEqual(await answer, error(`the DHT plugin did not answer within ${wantedMs / 1000} s`))
  })
}

test.serial('a series that has begun ends when its time is over, with what there was', async t => {
  let heard: AbortSignal | undefined
  const { queue, errors } = await stopped(t, {
    searchValue: async function * ({ signal }) {
      yield VALUE
      heard = signal
      await once(signal, 'abort')
      throw new Error('cancelled')
    }
  })
  const answer = answerOn(await askBytes(queue, question({ type: SEARCH_VALUE, key: KEY, timeout: 2 })))
  await eventually(() => heard !== undefined)
  mock.timers.tick(2_000)
  t.deepEqual(await answer, series({ value: VALUE }))
  t.deepEqual(errors, [])
})

test.serial('a question that is not whole in ten seconds is an ERROR', async t => {
  const { queue } = await stopped(t, {})
  const answer = answerOn(await askBytes(queue, question({ type: GET_VALUE, key: KEY }).subarray(0, -1)))
  let isOver = false
  const over = answer.finally(() => { isOver = true })
  // The other side starts its clock when it has the stream, which it does not tell.
  await eventually(() => {
    mock.timers.tick(FRAME_DEADLINE_MS)
    return isOver
  })
  t.deepEqual(await over, error('no whole question came within 10 s'))
})

test.serial('an asker that neither reads nor goes loses the stream a little after its time', async t => {
  let isOver = false
  const { queue, errors } = await stopped(t, {
    searchValue: async function * () { try { for (;;) yield new Uint8Array(64 * 1024) } finally { isOver = true } }
  })
  const socket = await askBytes(queue, question({ type: SEARCH_VALUE, key: KEY, timeout: 1 }))
  await eventually(() => socket.readableLength > 0)
  mock.timers.tick(1_000)
  await eventually(() => isOver)
  mock.timers.tick(LINGER_MS + 1_000)
  const got: Buffer[] = []
  try {
    for await (const chunk of socket) got.push(chunk as Buffer)
  } catch (reset) {
    t.is((reset as NodeJS.ErrnoException).code, 'ECONNRESET')
  }
  const bytes = Buffer.concat(got)
  t.true(bytes.length > 64 * 1024)
  t.notDeepEqual(bytes.subarray(-END.length), Buffer.from(END), 'what it had not taken by then is gone')
  t.deepEqual(errors, [])
})

test.serial('an asker that reads late, but in time, gets the end, too', async t => {
  let isOver = false
  const { queue } = await stopped(t, {
    searchValue: async function * () { try { for (;;) yield VALUE } finally { isOver = true } }
  })
  const socket = await askBytes(queue, question({ type: SEARCH_VALUE, key: KEY, timeout: 1 }))
  await eventually(() => socket.readableLength > 0)
  mock.timers.tick(1_000)
  await eventually(() => isOver)
  mock.timers.tick(LINGER_MS - 1)
  t.deepEqual((await answerOn(socket)).series.at(-1), { type: DHTResponseType.END })
})

test.serial('an asker that takes a large answer slowly has its whole time for it', async t => {
  const largest = new Uint8Array(MAX_FRAME_BYTES - 16).fill(7)
  const { queue } = await stopped(t, { getValue: () => largest })
  const socket = await askBytes(queue, question({ type: GET_VALUE, key: KEY, timeout: 60 }))
  await eventually(() => socket.readableLength > 0)
  mock.timers.tick(50_000)
  t.deepEqual((await answerOn(socket)).response.dht?.value, largest)
})

test.serial('an asker that has its answer and does not go counts for a little longer, and no more', async t => {
  const { queue } = await stopped(t, {}, { maxQuestionsPerCaller: 1 })
  const lazy = await askBytes(queue, question({ type: GET_VALUE, key: KEY, timeout: 60 }))
  await once(lazy.resume(), 'end')
  const again = async (): Promise<string | undefined> => (await answerOn(await askBytes(queue, question({ type: GET_VALUE, key: KEY })))).response.error?.msg
  t.regex(await again() ?? '', /^1 of this tenant's questions/)
  mock.timers.tick(LINGER_MS)
  await new Promise(setImmediate)
  t.is(await again(), 'this DHT plugin does not answer GET_VALUE')
})
