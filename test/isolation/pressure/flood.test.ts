/** Valid requests, as fast as they go: the flooder is told which limit it met, and nobody else feels it. */
import test, { type ExecutionContext } from 'ava'
import { tcp, unknownPeer } from '../../helpers/addresses.ts'
import { connect, identify, streamOpen } from '../../helpers/requests.ts'
import type { World } from '../world.ts'
import { inWorld, limitsReached } from './helpers.ts'
import { isUnharmed } from './latency.ts'
import { Load } from './load.ts'

const [ATTACKER, VICTIM] = [41001, 41002]
const PER_SECOND = 50
const WINDOW_MS = 600

test.serial('threat 13: a flood of requests is answered with the limit and counted, and another tenant\'s p99 does not double', async t => {
  const limits = { requestsPerSecond: PER_SECOND }
  await inWorld(t, { tenants: { a: { uid: ATTACKER, limits }, b: { uid: VICTIM } } }, async world => {
    await using load = await Load.start(ATTACKER)
    await using quiet = await Load.start(VICTIM)
    const answers: Array<Readonly<Record<string, number>>> = []
    const began = performance.now()
    await isUnharmed(t, {
      probe: async () => await quiet.probe(world.socketOf('b'), WINDOW_MS),
      attack: async () => {
        const flooding = load.flood(world.socketOf('a'), { request: identify(), ms: WINDOW_MS * 2 })
        return { [Symbol.asyncDispose]: async () => { answers.push((await flooding).answers) } }
      }
    })
    const seconds = (performance.now() - began) / 1000
    const served = answers.reduce((sum, { '': ok = 0 }) => sum + ok, 0)
    const refused = answers.flatMap(each => Object.entries(each).filter(([sentence]) => sentence !== ''))
    t.log(`${served} served, ${refused.reduce((sum, [, count]) => sum + count, 0)} refused in ${seconds.toFixed(1)} s`)
    t.true(served <= PER_SECOND * (seconds + 2), 'a burst of two seconds, and then the rate') 
    for (const [sentence] of refused) t.regex(sentence, /limits\.requestsPerSecond.*50/)
    await isCounted(t, world, 'requestsPerSecond', refused.reduce((sum, [, count]) => sum + count, 0))
    t.deepEqual(await limitsReached(world, 'b'), {})
  })
})

test.serial('threat 13: floods of dials and of opens meet limits of their own, by name', async t => {
  const limits = { dialsPerSecond: 5, streamsPerSecond: 10, requestsPerSecond: 100_000 }
  await inWorld(t, { tenants: { a: { uid: ATTACKER, limits }, b: { uid: VICTIM } } }, async world => {
    await using load = await Load.start(ATTACKER)
    const [a, b] = await Promise.all([world.program(ATTACKER), world.program(VICTIM)])
    const { response } = await b.askOne(world.socketOf('b'), identify())
    const { id = Buffer.alloc(0), addrs = [] } = response?.identify ?? {}
    const connected = await a.askOne(world.socketOf('a'), connect(id, addrs))
    t.true(connected.ok, connected.error)
    const request = { dials: connect(unknownPeer(), [tcp('127.0.0.1', 1)]), opens: streamOpen(id, '/nobody/1') }

    const dials = await load.flood(world.socketOf('a'), { request: request.dials, count: 100, connections: 1, ahead: 10 })
    t.true(countOf(dials.answers, /limits\.dialsPerSecond.*5/) >= 70, JSON.stringify(dials))
    const opens = await load.flood(world.socketOf('a'), { request: request.opens, count: 200, connections: 1, ahead: 10 })
    t.true(countOf(opens.answers, /limits\.streamsPerSecond.*10/) >= 140, JSON.stringify(opens))
    await isCounted(t, world, 'dialsPerSecond', 70)
    await isCounted(t, world, 'streamsPerSecond', 140)
    t.true((await b.askOne(world.socketOf('b'), identify())).ok)
  })
})

function countOf (answers: Readonly<Record<string, number>>, sentence: RegExp): number {
  return Object.entries(answers).reduce((sum, [text, count]) => sentence.test(text) ? sum + count : sum, 0)
}

/** In the status, and in the audit log. */
async function isCounted (t: ExecutionContext, world: World, limit: string, atLeast: number): Promise<void> {
  const { [limit]: count = 0 } = await limitsReached(world, 'a')
  t.true(count >= atLeast, `${limit} was met ${count} times, not ${atLeast}`)
  await world.audited(`limits.${limit}`, ({ event, tenant, resource }) => event === 'limit' && tenant === 'a' && resource === `limits.${limit}`)
}
