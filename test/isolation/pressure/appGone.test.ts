/** A program that is gone while its tenant's host still has streams and a handler for it. */
import test from 'ava'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { unix } from '../../helpers/addresses.ts'
import { until } from '../../helpers/deadlines.ts'
import { connect, identify, streamHandler, streamOpen } from '../../helpers/requests.ts'
import { inWorld } from './helpers.ts'
import { median } from './latency.ts'

const [SENDER, TAKER] = [41001, 41002]
const ROUNDS = 7
const RESET_MS = 100

test.serial('threat 29: when an app is killed the other end of its stream learns it within 100 ms, and so does whoever opens the next one', async t => {
  await inWorld(t, { tenants: { a: { uid: SENDER }, b: { uid: TAKER } } }, async world => {
    const a = await world.program(SENDER)
    const { response } = await (await world.program(TAKER)).askOne(world.socketOf('b'), identify())
    const { id = Buffer.alloc(0), addrs = [] } = response?.identify ?? {}
    t.is((await a.askOne(world.socketOf('a'), connect(id, addrs))).error, '')
    const [open, next]: [number[], number[]] = [[], []]
    for (let round = 0; round < ROUNDS; round++) {
      const b = await world.program(TAKER)
      const path = join(world.homeOf(TAKER), `h${round}`)
      await b.listen('h', path)
      t.is((await b.askOne(world.socketOf('b'), streamHandler(unix(path), `/gone/${round}`))).error, '')
      const sending = a.exchange(world.socketOf('a'), streamOpen(id, `/gone/${round}`), 1024 * 1024 * 1024, 2)
      sending.catch(() => {}) // awaited below, unless something else has failed by then
      await until('bytes at the app', async () => (await b.seen('h')).bytes > 1_000_000)
      await delay(Math.random() * 50) // at any moment of the stream
      const killed = Date.now()
      await b.kill()
      const { opened, endedAt, sent } = await sending
      t.is(opened.error, '')
      t.not(sent?.bytes, 1024 * 1024 * 1024)
      open.push(endedAt - killed)

      // The handler stays: the program may be on its way back. A stream that comes meanwhile is not left hanging.
      const began = Date.now()
      const late = await a.exchange(world.socketOf('a'), streamOpen(id, `/gone/${round}`), 0)
      t.is(late.text, '')
      next.push(late.endedAt - began)
    }
    t.log(`an open stream ended after ${open.join(', ')} ms, the next one after ${next.join(', ')} ms`)
    // Of the median: the machine may be busy with something else for one of them.
    t.true(median(open) <= RESET_MS && median(next) <= RESET_MS)
    await until('the end of every stream', async () => (await world.tenant('b')).figures?.streams === 0 && (await world.tenant('a')).figures?.streams === 0)
    t.is((await world.tenant('b')).crashes, 0)
  })
})
