/** What programs and peers say, on its way into the log and the audit log. */
import test from 'ava'
import { readFileSync } from 'node:fs'
import { until } from '../../helpers/deadlines.ts'
import { unix } from '../../helpers/addresses.ts'
import { connect, identify, removeStreamHandler, streamHandler, streamOpen } from '../../helpers/requests.ts'
import { ALLOW_ALL, type World } from '../world.ts'
import { inWorld } from './helpers.ts'
import { EVERY_NAME, UNSAFE } from './hostileNames.ts'
import { Load } from './load.ts'

const [ATTACKER, VICTIM] = [41001, 41002]
const limits = { requestsPerSecond: 100_000, handlers: 1_000 }
const TENANTS = { a: { uid: ATTACKER, limits }, b: { uid: VICTIM, limits } }
const policies = { 'all.cedar': `${ALLOW_ALL}forbid (principal, action == Action::"openStream", resource in ProtocolFamily::"/secret/");\n` }

/** Longest text from outside, and the sign that it was cut. */
const MAX_CHARACTERS = 256 + 1
const FLOOD = 5_000

test.serial('threat 20: whatever a name holds, each line of log and audit is one line of JSON, printable and short', async t => {
  await inWorld(t, { tenants: TENANTS, policies }, async world => {
    const [a, b] = await Promise.all([world.program(ATTACKER), world.program(VICTIM)])
    const own = await b.askOne(world.socketOf('b'), identify())
    const { id = Buffer.alloc(0), addrs = [] } = own.response?.identify ?? {}
    t.true((await a.askOne(world.socketOf('a'), connect(id, addrs))).ok)
    const home = world.homeOf(VICTIM)
    for (const [i, name] of EVERY_NAME.entries()) {
      const secret = Buffer.concat([Buffer.from('/secret/'), Buffer.from(name)])
      await a.ask(world.socketOf('a'), streamOpen(id, name), streamOpen(id, secret))
      // A handler whose path holds the name: nobody listens there, which is found out, and logged, when a stream comes.
      const path = Buffer.concat([Buffer.from(`${home}/`), Buffer.from(name).subarray(0, 50)])
      const [registered] = await b.ask(world.socketOf('b'), streamHandler(unix(path), `/at/${i}`), streamHandler(unix(path), secret), removeStreamHandler(unix(path), secret))
      if (registered?.ok === true) await a.exchange(world.socketOf('a'), streamOpen(id, `/at/${i}`), 0)
    }
    await world.audited('the last denial', ({ event, resource = '' }) => event === 'denied' && resource.includes('/secret/*'))

    const lines = world.log.split('\n').slice(1).filter(line => line !== '')
    t.true(lines.some(line => line.includes('not delivered')), 'some of it was logged')
    const audit = readFileSync(world.auditFile, 'utf8')
    t.notRegex(audit.replaceAll('\n', ''), UNSAFE)
    t.notRegex(lines.join(''), UNSAFE)
    for (const line of lines) {
      const parsed = JSON.parse(line) as Record<string, unknown>
      t.is(parsed['forged'], undefined)
      t.notRegex(line, /x{257}/)
    }
    for (const line of world.audit()) {
      t.false('forged' in line)
      t.deepEqual(Object.entries(line).filter(([, value]) => typeof value === 'string' && value.length > MAX_CHARACTERS), [])
    }
  })
})

test.serial('threat 20: a flood of one denial is a few lines that say how many they stand for, and so is a flood of different ones', async t => {
  await inWorld(t, { tenants: TENANTS, policies }, async world => {
    await using load = await Load.start(ATTACKER)
    const b = await world.program(VICTIM)
    const { response } = await b.askOne(world.socketOf('b'), identify())
    const { id = Buffer.alloc(0) } = response?.identify ?? {}
    const same = await load.flood(world.socketOf('a'), { request: streamOpen(id, '/secret/same'), count: FLOOD, connections: 1, ahead: 100 })
    t.deepEqual(Object.keys(same.answers), ['openStream denied on Protocol /secret/same'])

    // Their line comes when ten seconds are over; after the second flood there might be no room for it, and it would only be counted.
    await until('the repeats as one line', () => world.audit().some(({ resource = '', dropped = 0 }) => resource.endsWith('same') && dropped > 0), 20_000)
    const a = await world.program(ATTACKER)
    const began = performance.now()
    await a.ask(world.socketOf('a'), ...Array.from({ length: FLOOD }, (_, i) => streamOpen(id, `/secret/${i}`)))
    const seconds = (performance.now() - began) / 1000
    const lines = await stoppedAudit(world)

    const denied = lines.filter(({ event, resource = '' }) => event === 'denied' && resource.includes('/secret/'))
    const ofSame = denied.filter(({ resource = '' }) => resource.endsWith('same'))
    t.log(`${ofSame.length} lines for ${FLOOD} of the same, ${denied.length - ofSame.length} for ${FLOOD} that differ, in ${seconds.toFixed(1)} s`)
    t.true(ofSame.length <= 5)
    t.is(weightOf(ofSame), FLOOD)
    // A burst, and then so many a second.
    t.true(denied.length <= 200 + 50 * (seconds + 15))
    t.is(weightOf(denied) + weightOf(lines.filter(({ event, action }) => event === 'audit' && action === 'drop')), 2 * FLOOD)
  })
})

/** Of a daemon that has stopped in order: what is held back is written then. */
async function stoppedAudit (world: World): Promise<ReturnType<World['audit']>> {
  await world.stop()
  return await until('the audit log', () => world.audit())
}

function weightOf (lines: ReadonlyArray<{ readonly dropped?: number }>): number {
  return lines.reduce((sum, { dropped = 1 }) => sum + dropped, 0)
}
