/** A host that does nothing any more: stopped, as one whose event loop is blocked looks from outside. */
import test from 'ava'
import { existsSync } from 'node:fs'
import { until } from '../../helpers/deadlines.ts'
import { identify } from '../../helpers/requests.ts'
import { inWorld } from './helpers.ts'
import { median, p99 } from './latency.ts'
import { Load } from './load.ts'

const [ATTACKER, VICTIM] = [41001, 41002]
const WINDOW_MS = 600
/** As latency.ts has them; here the attack cannot be taken back between two windows. */
const [TIMES, UNNOTICED_MS] = [2, 12]
/** Killed after ten seconds of silence, asked once a second. */
const [KILLED_AFTER_MS, KILLED_WITHIN_MS] = [8_000, 13_000]
/** Of it a second is the wait after a first crash; on a machine that is busy a start takes what it takes. */
const [BACK_WITHIN_MS, BACK_OFF_MS] = [2_000, 1_000]

test.serial('threat 16: a host that hangs is killed after ten seconds and is back within two, and another tenant does not notice', async t => {
  await inWorld(t, { tenants: { a: { uid: ATTACKER }, b: { uid: VICTIM } } }, async world => {
    await using quiet = await Load.start(VICTIM)
    const windows = async (count: number): Promise<number> => {
      const found: number[] = []
      for (let i = 0; i < count; i++) found.push(p99(await quiet.probe(world.socketOf('b'), WINDOW_MS)))
      return median(found)
    }
    const a = await world.program(ATTACKER)
    const began = performance.now()
    const first = await a.askOne(world.socketOf('a'), identify())
    const startMs = performance.now() - began
    const before = await windows(4)
    const [pid, other] = [await world.hostPid('a'), await world.hostPid('b')]
    process.kill(pid, 'SIGSTOP')
    const stopped = performance.now()
    // It accepts nothing any more; whoever asks now waits for the next host.
    const waiting = a.askOne(world.socketOf('a'), identify())
    waiting.catch(() => {}) // looked at below, unless something else has failed by then
    const [during, killed] = await Promise.all([
      windows(10),
      until('the end of the host that hangs', () => !existsSync(`/proc/${pid}`) && performance.now(), KILLED_WITHIN_MS + 2_000)
    ])
    const next = await until('the next host', async () => { const row = await world.tenant('a'); return row.state === 'running' && row.pid })
    const back = performance.now()
    t.log(`killed after ${((killed - stopped) / 1000).toFixed(1)} s, back ${((back - killed) / 1000).toFixed(1)} s later; p99 of the other ${before.toFixed(1)} ms before, ${during.toFixed(1)} ms meanwhile`)
    t.not(next, pid)
    t.true(killed - stopped >= KILLED_AFTER_MS && killed - stopped <= KILLED_WITHIN_MS)
    t.true(back - killed <= Math.max(BACK_WITHIN_MS, BACK_OFF_MS + 2 * startMs), `a start took ${startMs} ms before`)
    t.deepEqual((await waiting).response?.identify?.id, first.response?.identify?.id)
    t.true(during <= Math.max(TIMES * before, UNNOTICED_MS), `${before} ms before, ${during} ms meanwhile`)
    t.is(await world.hostPid('b'), other)
    t.is((await world.tenant('b')).crashes, 0)
    await world.audited('the host that hung', ({ event, tenant, action, reason = '' }) => event === 'host' && tenant === 'a' && /hung|heartbeat|answer/i.test(`${action} ${reason}`))
  })
})
