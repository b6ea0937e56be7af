import test from 'ava'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { AuditEvent } from '../src/audit.ts'
import { AuditLimiter, BURST_LINES, LINES_PER_SECOND, WINDOW_MS } from '../src/auditLimiter.ts'
import { FakeClock } from './helpers/fakeClock.ts'

function world (): { clock: FakeClock, limiter: AuditLimiter, passed: AuditEvent[] } {
  const clock = new FakeClock()
  const passed: AuditEvent[] = []
  return { clock, limiter: new AuditLimiter(event => { passed.push(event) }, clock), passed }
}

function denied (resource: string, rest: Partial<AuditEvent> = {}): AuditEvent {
  return { event: 'denied', action: 'openStream', resource, uid: 1000, ...rest }
}

/** How many events those that passed stand for. */
function counted (passed: readonly AuditEvent[]): number {
  return passed.reduce((sum, { dropped }) => sum + (dropped ?? 1), 0)
}

test('the first event passes at once, its repeats as one line with their number when the window ends', t => {
  const { clock, limiter, passed } = world()
  for (let count = 0; count < 10; count++) {
    limiter.record(denied('/a', { pid: count }))
    clock.advance(10)
  }
  t.deepEqual(passed, [denied('/a', { pid: 0 })])
  clock.advance(WINDOW_MS)
  t.deepEqual(passed, [denied('/a', { pid: 0 }), denied('/a', { pid: 9, dropped: 9 })])
})

test('what goes on all the time is one line a window', t => {
  const { clock, limiter, passed } = world()
  for (let ms = 0; ms < 10 * WINDOW_MS; ms += 100) {
    limiter.record(denied('/a'))
    clock.advance(100)
  }
  t.is(passed.length, 10)
  limiter[Symbol.dispose]()
  t.is(counted(passed), WINDOW_MS / 10)
})

test('once the window is over the next one is the first again', t => {
  const { clock, limiter, passed } = world()
  limiter.record(denied('/a'))
  clock.advance(WINDOW_MS)
  limiter.record(denied('/a'))
  t.deepEqual(passed, [denied('/a'), denied('/a')])
})

for (const [what, other] of [
  ['event', { event: 'limit' }], ['action', { action: 'connect' }], ['resource', { resource: '/b' }], ['peer', { peer: 'Q' }],
  ['uid', { uid: 1001 }], ['decision', { decision: 'allow' }]
] as const) {
  test(`another ${what} is no repeat`, t => {
    const { limiter, passed } = world()
    for (let count = 0; count < 3; count++) {
      limiter.record(denied('/a'))
      limiter.record(denied('/a', other))
    }
    t.deepEqual(passed, [denied('/a'), denied('/a', other)])
  })
}

test('another pid, address or reason is a repeat', t => {
  const { limiter, passed } = world()
  for (const rest of [{}, { pid: 2 }, { address: '/ip4/1.2.3.4' }, { reason: 'other' }]) limiter.record(denied('/a', rest))
  t.is(passed.length, 1)
})

test('what was closed after a reload, hosts and reloads have a line each', t => {
  const { limiter, passed } = world()
  const events = (['revoked', 'host', 'reload', 'tenant'] as const).flatMap(event => [1, 2, 3].map((): AuditEvent => ({ event, action: 'x' })))
  for (const event of events) limiter.record(event)
  t.deepEqual(passed, events)
})

test('a name cannot be made to look like another’s repeat', t => {
  const { limiter, passed } = world()
  limiter.record(denied('/a', { peer: 'Q' }))
  limiter.record(denied('/a","Q', {}))
  limiter.record(denied('/a\0Q'))
  t.is(passed.length, 3)
})

test('a flood of different events passes up to the burst and then at the rate, and a line a second says how many did not', t => {
  const { clock, limiter, passed } = world()
  const seconds = 20
  let recorded = 0
  for (let ms = 0; ms < seconds * 1000; ms++) {
    limiter.record(denied(`/${recorded++}`))
    clock.advance(1)
  }
  const gaps = passed.filter(({ event }) => event === 'audit')
  t.true(gaps.length >= seconds - 2 && gaps.length <= seconds)
  t.like(gaps[0], { action: 'drop', reason: `more than ${LINES_PER_SECOND} lines a second` })
  t.true(Math.abs(passed.length - gaps.length - (BURST_LINES + seconds * LINES_PER_SECOND)) <= 1)
  limiter[Symbol.dispose]()
  t.is(counted(passed), recorded)
})

test('while tokens last nothing new is hidden by a flood of repeats', t => {
  const { limiter, passed } = world()
  for (let count = 0; count < 100; count++) {
    for (let repeat = 0; repeat < 1000; repeat++) limiter.record(denied('/flood'))
    limiter.record(denied(`/new${count}`))
  }
  t.deepEqual(passed.map(({ resource }) => resource), ['/flood', ...Array.from({ length: 100 }, (_, i) => `/new${i}`)])
})

test('of what does not come again, the number that was dropped is told all the same', t => {
  const { clock, limiter, passed } = world()
  for (let count = 0; count < BURST_LINES + 7; count++) limiter.record(denied(`/${count}`))
  t.is(passed.length, BURST_LINES)
  clock.advance(1_000)
  t.like(passed.at(-1), { event: 'audit', dropped: 7 })
  t.is(clock.timers, 0)
})

test('no timer runs while nothing is held', t => {
  const { clock, limiter } = world()
  t.is(clock.timers, 0)
  limiter.record(denied('/a'))
  t.is(clock.timers, 0)
  limiter.record(denied('/a'))
  t.is(clock.timers, 1)
  clock.advance(WINDOW_MS)
  t.is(clock.timers, 0)
  limiter.record(denied('/a'))
  t.is(clock.timers, 1)
  limiter[Symbol.dispose]()
  t.is(clock.timers, 0)
})

test('what is held when it ends passes', t => {
  const { limiter, passed } = world()
  for (const resource of ['/a', '/b', '/b', '/a', '/a']) limiter.record(denied(resource))
  limiter[Symbol.dispose]()
  t.deepEqual(passed.slice(2), [denied('/a', { dropped: 2 }), denied('/b', { dropped: 1 })])
})

test('events that have been counted before count as many: a host’s summary among the supervisor’s repeats', t => {
  const { clock, limiter, passed } = world()
  limiter.record(denied('/a'))
  limiter.record(denied('/a', { dropped: 41 }))
  limiter.record(denied('/a'))
  clock.advance(WINDOW_MS)
  t.is(passed.at(-1)?.dropped, 42)
})

test('of a hundred thousand different events little is remembered, and none is left uncounted', t => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const used = (): number => {
    collect()
    return process.memoryUsage().heapUsed
  }
  const { clock, limiter, passed } = world()
  const text = 'x'.repeat(1_000)
  const before = used()
  let recorded = 0
  for (let second = 0; second < 1_000; second++) {
    for (let count = 0; count < 100; count++) limiter.record(denied(`${recorded++} ${text}`))
    clock.advance(1_000)
    if (passed.length > 100) passed.splice(0, passed.length, { event: 'audit', dropped: counted(passed) })
  }
  t.true(used() - before < 4 * 1024 * 1024)
  limiter[Symbol.dispose]()
  t.is(counted(passed), recorded)
})

test('random events: what passes stands for exactly what was recorded, and the first of its kind is early', t => {
  let seed = 42
  const random = (below: number): number => {
    seed = (seed * 1103515245 + 12345) % 2147483648
    return Math.floor(seed / 65536) % below
  }
  for (let round = 0; round < 50; round++) {
    const { clock, limiter, passed } = world()
    let recorded = 0
    for (let step = 0; step < 2_000; step++) {
      const weight = random(20) === 0 ? { dropped: random(5) + 1 } : {}
      recorded += weight.dropped ?? 1
      limiter.record(denied(`/${random(1 + round * 20)}`, weight))
      if (random(3) === 0) clock.advance(random(200))
    }
    limiter[Symbol.dispose]()
    t.is(counted(passed), recorded)
  }
})
