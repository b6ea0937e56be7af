/** A host that crashes again and again: it waits longer each time and is parked in the end, and nobody else feels it. */
import test from 'ava'
import { join } from 'node:path'
import { unix } from '../../helpers/addresses.ts'
import { until } from '../../helpers/deadlines.ts'
import { connect, identify, streamHandler, streamOpen } from '../../helpers/requests.ts'
import type { World } from '../world.ts'
import { inWorld, killHost } from './helpers.ts'
import { Repeated } from './repeated.ts'

const [CRASHING, PARKED, SENDER, TAKER] = [41001, 41002, 41003, 41004]
const KILLS = 100
/** And then it stays down. */
const WAITS_MS = [1_000, 2_000, 4_000, 8_000]
const STREAM_BYTES = 4 * 1024 * 1024
/** Many times what it takes: the machine may be busy. */
const TIMEOUT_MS = 300_000

test.serial(`threat 30: ${KILLS} crashes of one host and the parking of another leave a third tenant's stream whole, its host running and its identity the same`, async t => {
  t.timeout(TIMEOUT_MS)
  const always = { start: 'always' }
  const tenants = { a: { uid: CRASHING, host: always }, p: { uid: PARKED, host: always }, s: { uid: SENDER }, b: { uid: TAKER } }
  await inWorld(t, { tenants }, async world => {
    const [a, p, s, b] = await Promise.all([CRASHING, PARKED, SENDER, TAKER].map(async uid => await world.program(uid))) as [P, P, P, P]
    const own = await b.askOne(world.socketOf('b'), identify())
    const { id = Buffer.alloc(0), addrs = [] } = own.response?.identify ?? {}
    const path = join(world.homeOf(TAKER), 'h')
    await b.listen('h', path)
    t.is((await b.askOne(world.socketOf('b'), streamHandler(unix(path), '/whole/1'))).error, '')
    t.is((await s.askOne(world.socketOf('s'), connect(id, addrs))).error, '')
    const before = [await world.hostPid('s'), await world.hostPid('b')]
    const identities = await peerIds(world)

    await using sending = new Repeated(async () => {
      const { opened, end, sent, text } = await s.exchange(world.socketOf('s'), streamOpen(id, '/whole/1'), STREAM_BYTES, 1)
      t.is(opened.error, '')
      t.is(end, 'end')
      t.deepEqual(JSON.parse(text), sent)
    })
    const [waits] = await Promise.all([parked(world), crashed(world)])
    await sending.stop()

    t.log(`restarts after ${waits.map(ms => (ms / 1000).toFixed(1)).join(', ')} s; ${sending.times} streams of the others meanwhile`)
    for (const [i, ms] of WAITS_MS.entries()) t.true((waits[i] ?? 0) >= ms, `restart ${i + 1} after ${waits[i]} ms`)
    const announced = world.log.split('\n').filter(line => line.includes('"tenant":"p"')).flatMap(line => /"restartInMs":(\d+)/.exec(line)?.[1] ?? [])
    t.deepEqual(announced.map(Number), WAITS_MS)
    const { state, crashes } = await world.tenant('p')
    t.is(state, 'parked')
    t.is(crashes, 5)
    t.regex((await p.askOne(world.socketOf('p'), identify())).error, /parked.*p2pctl tenant restart p/)
    await world.audited('the parking', ({ event, tenant, action, reason = '' }) => event === 'host' && tenant === 'p' && /park/.test(`${action} ${reason}`))
    t.is((await world.tenant('a')).crashes, KILLS)
    t.true(sending.times > 0)
    t.true((await a.askOne(world.socketOf('a'), identify())).ok)
    await world.ask('POST', '/v1/tenants/p/restart')
    t.true((await p.askOne(world.socketOf('p'), identify())).ok)
    t.deepEqual([await world.hostPid('s'), await world.hostPid('b')], before)
    t.deepEqual(await peerIds(world), identities)
  })
})

type P = Awaited<ReturnType<World['program']>>

async function peerIds (world: World): Promise<Array<string | undefined>> {
  return (await world.status()).tenants.map(({ peerId }) => peerId)
}

/** Kills the host of p until it is parked: how long it stayed away each time, milliseconds. */
async function parked (world: World): Promise<number[]> {
  const waits: number[] = []
  for (;;) {
    const alive = performance.now()
    if (await killHost(world, 'p') === 'parked') return waits
    await until('the next start', async () => (await world.tenant('p')).state === 'running', 20_000)
    waits.push(performance.now() - alive)
  }
}

/** Kills the host of a; an operator who is impatient starts it anew each time. */
async function crashed (world: World): Promise<void> {
  for (let kill = 1; kill <= KILLS; kill++) {
    await killHost(world, 'a')
    await world.ask('POST', '/v1/tenants/a/restart')
  }
}
