/** A program that is gone while its tenant's host still has streams and a handler for it. */
import test, { type ExecutionContext } from 'ava'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { unix } from '../../helpers/addresses.ts'
import { until } from '../../helpers/deadlines.ts'
import { connect, identify, streamHandler, streamOpen } from '../../helpers/requests.ts'
import type { Program, World } from '../world.ts'
import { inWorld } from './helpers.ts'
import { median } from './latency.ts'

const [SENDER, TAKER] = [41001, 41002]
const ROUNDS = 7
const RESET_MS = 100
/** More than is ever sent before the app is killed. */
const ENDLESS_BYTES = 1024 * 1024 * 1024
const PAUSE_MS = 2

interface Scene { readonly world: World, readonly a: Program, readonly id: Uint8Array }

/** Two connected tenants; of one there is an app that stays, of the other one that comes and goes. */
async function scene (t: ExecutionContext, use: (scene: Scene) => Promise<void>): Promise<void> {
  await inWorld(t, { tenants: { a: { uid: SENDER }, b: { uid: TAKER } } }, async world => {
    const a = await world.program(SENDER)
    const { response } = await (await world.program(TAKER)).askOne(world.socketOf('b'), identify())
    const { id = Buffer.alloc(0), addrs = [] } = response?.identify ?? {}
    t.is((await a.askOne(world.socketOf('a'), connect(id, addrs))).error, '')
    const before = await world.hostPid('b')
    await use({ world, a, id })
    await until('the end of every stream', async () => (await world.tenant('b')).figures?.streams === 0 && (await world.tenant('a')).figures?.streams === 0)
    t.is(await world.hostPid('b'), before)
  })
}

/** An app with a handler for the protocol. */
async function handling (t: ExecutionContext, world: World, protocol: string, number: number): Promise<Program> {
  const b = await world.program(TAKER)
  const path = join(world.homeOf(TAKER), `h${number}`)
  await b.listen('h', path)
  t.is((await b.askOne(world.socketOf('b'), streamHandler(unix(path), protocol))).error, '')
  return b
}

test.serial('threat 29: a stream that comes for an app that is gone is reset within 100 ms, and one for the app that takes its place is served', async t => {
  await scene(t, async ({ world, a, id }) => {
    const b = await handling(t, world, '/gone/1', 0)
    await b.kill()
    const took: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const began = Date.now()
      const { text, endedAt } = await a.exchange(world.socketOf('a'), streamOpen(id, '/gone/1'), 0)
      t.is(text, '')
      took.push(endedAt - began)
    }
    t.log(`after ${took.join(', ')} ms`)
    t.true(median(took) <= RESET_MS)
    await handling(t, world, '/gone/1', 1)
    const { sent, text } = await a.exchange(world.socketOf('a'), streamOpen(id, '/gone/1'), 1_000)
    t.deepEqual(JSON.parse(text), sent)
  })
})

test.serial('threat 29: when an app is killed that owes its peer nothing, the peer\'s stream ends within 100 ms', async t => {
  await scene(t, async ({ world, a, id }) => {
    const took: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const b = await handling(t, world, '/killed/1', round)
      const sending = a.exchange(world.socketOf('a'), streamOpen(id, '/killed/1'), ENDLESS_BYTES, PAUSE_MS)
      sending.catch(() => {}) // awaited below, unless something else has failed by then
      await until('bytes at the app', async () => (await b.seen('h')).bytes > 500_000)
      await delay(Math.random() * 50) // at any moment of the stream
      const killed = Date.now()
      await b.kill()
      const { opened, endedAt, sent } = await sending
      t.is(opened.error, '')
      t.not(sent?.bytes, ENDLESS_BYTES)
      took.push(endedAt - killed)
    }
    t.log(`after ${took.join(', ')} ms`)
    t.true(median(took) <= RESET_MS)
  })
})
