/** p2pctl audit, on logs that the daemon's own code has written. */
import test from 'ava'
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { pino } from 'pino'
import { auditPath, type AuditEvent } from '../../src/audit.ts'
import { openAuditLog, type AuditLog } from '../../src/supervisor/auditLog.ts'
import { until } from '../helpers/deadlines.ts'
import { FakeClock } from '../helpers/fakeClock.ts'
import { World, type Ctl, type Finished } from './world.ts'

const PEER = '12D3KooWD4jcTQh3jA1tLtwNm1Yomp7vZZi5vYW68FWfEYKMg9Cv'

/** `p2pctl audit`, with nothing but the directories it needs. */
function start (world: World, ...args: string[]): Ctl {
  return world.startBare(['audit', '--state', world.stateDir, '--run', world.runDir, ...args])
}

async function run (world: World, ...args: string[]): Promise<Finished> {
  return await start(world, ...args).finished()
}

/** A world with a log in it, and the time its lines bear. */
function logged (init: { maxBytes?: number, now?: () => number } = {}): { world: World, audit: AuditLog, clock: FakeClock } {
  const world = new World()
  mkdirSync(world.stateDir, { mode: 0o700 })
  const clock = new FakeClock()
  return { world, clock, audit: openAuditLog({ stateDir: world.stateDir, level: 'all', log: pino({ level: 'silent' }), clock, ...init }) }
}

function denied (resource: string): AuditEvent {
  return { event: 'denied', uid: 1000, pid: 42, action: 'openStream', resource, peer: PEER, policy: 'default deny', epoch: 3 }
}

function resourcesIn (json: string): unknown[] {
  return json.trimEnd().split('\n').map(line => (JSON.parse(line) as { resource?: string }).resource)
}

test('for people it is a table, for programs the lines as they are', async t => {
  const { world, audit } = logged({ now: () => Date.parse('2026-11-22T12:00:00Z') })
  await using _ = world
  audit.record('chat', denied('Protocol /chat/1.0.0'))
  audit.record('chat', { event: 'denied', action: 'acceptStream', resource: 'Protocol /x', peer: PEER, address: '/ip4/192.0.2.1/tcp/1', policy: 'chat.cedar:3' })
  audit.record('chat', { event: 'handler', uid: 1000, action: 'register', resource: 'Protocol /x', decision: 'allow' })
  audit.record('chat', { event: 'host', action: 'start', pid: 4242 })
  audit.record(undefined, { event: 'reload', action: 'refuse', decision: 'deny', epoch: 3, reason: 'chat.cedar:3: unknown action' })
  audit.record('indexer', { event: 'limit', resource: 'limits.streams', reason: 'at most 512' })
  for (let i = 0; i < 3; i++) audit.record('indexer', { event: 'limit', resource: 'limits.streams', reason: 'at most 512' })
  audit.record('indexer', { event: 'blessing', action: 'give', resource: 'openStream on /a/', reason: 'until noon' })
  audit.record('daemon', { event: 'handler', actor: 'indexer', onBehalfOf: 'daemon', uid: 7, action: 'register', resource: 'Service /a/1', decision: 'allow' })
  audit[Symbol.dispose]()
  const { code, stdout, stderr } = await run(world)
  t.is(code, 0)
  t.is(stderr, '')
  const time = '2026-11-22T12:00:00.000Z'
  t.deepEqual(stdout.trimEnd().split('\n').map(line => line.split(/ {2,}/)), [
    ['TIME', 'TENANT', 'EVENT', 'ACTION', 'RESOURCE', 'BY', 'POLICY/REASON'],
    [time, 'chat', 'denied', 'openStream', `Protocol /chat/1.0.0 ${PEER}`, 'uid 1000 pid 42', 'default deny'],
    [time, 'chat', 'denied', 'acceptStream', 'Protocol /x /ip4/192.0.2.1/tcp/1', PEER, 'chat.cedar:3'],
    [time, 'chat', 'handler', 'register', 'Protocol /x', 'uid 1000', 'allow'],
    [time, 'chat', 'host', 'start', 'pid 4242'],
    [time, 'reload', 'refuse', 'deny, epoch 3, chat.cedar:3: unknown action'],
    [time, 'indexer', 'limit', 'limits.streams', 'at most 512'],
    [time, 'indexer', 'blessing', 'give', 'openStream on /a/', 'until noon'],
    [time, 'daemon (by indexer)', 'handler', 'register', 'Service /a/1', 'uid 7', 'allow'],
    [time, 'indexer', 'limit', 'limits.streams', 'at most 512, ×3']
  ])
  const json = await run(world, '--json')
  t.is(json.stdout, readFileSync(auditPath(world.stateDir), 'utf8'))
})

test('lines are chosen by tenant, by what was refused, by age and by number', async t => {
  let now = Date.now() - 2 * 3_600_000
  const { world, audit } = logged({ now: () => now })
  await using _ = world
  audit.record('chat', denied('/old'))
  now = Date.now()
  audit.record('chat', denied('/chat'))
  audit.record('sensor', denied('/sensor'))
  audit.record('sensor', { event: 'allowed', resource: '/allowed' })
  audit.record('sensor', { event: 'revoked', resource: '/revoked' })
  audit.record('sensor', { event: 'handler', resource: '/handler', decision: 'allow' })
  const chosen = async (...args: string[]): Promise<unknown[]> => resourcesIn((await run(world, '--json', ...args)).stdout)
  t.deepEqual(await chosen('--tenant', 'chat'), ['/old', '/chat'])
  t.deepEqual(await chosen('--denied'), ['/old', '/chat', '/sensor', '/revoked'])
  t.deepEqual(await chosen('--since', '10m'), ['/chat', '/sensor', '/allowed', '/revoked', '/handler'])
  t.deepEqual(await chosen('--since', '3h', '--tenant', 'chat'), ['/old', '/chat'])
  t.deepEqual(await chosen('--lines', '2'), ['/revoked', '/handler'])
  t.deepEqual(await chosen('--lines', '1', '--denied', '--tenant', 'chat'), ['/chat'])
  audit.record('daemon', { event: 'handler', actor: 'chat', onBehalfOf: 'daemon', resource: '/in-its-name' })
  t.deepEqual(await chosen('--tenant', 'chat'), ['/old', '/chat', '/in-its-name'])
  t.deepEqual(await chosen('--tenant', 'daemon'), ['/in-its-name'])
  t.is((await run(world, '--lines', '0')).stdout, '')
})

test('without being told how many it shows the last 50, and with an age all', async t => {
  const { world, audit } = logged({ maxBytes: 5_000 })
  await using _ = world
  for (let i = 0; i < 60; i++) audit.record('chat', denied(`/${i}`))
  const all = Array.from({ length: 60 }, (__, i) => `/${i}`)
  t.deepEqual(resourcesIn((await run(world, '--json')).stdout), all.slice(10))
  t.deepEqual(resourcesIn((await run(world, '--json', '--since', '1h')).stdout), all)
})

test('what is no whole line is left out, with a note', async t => {
  const { world, audit } = logged()
  await using _ = world
  audit.record('chat', denied('/a'))
  appendFileSync(auditPath(world.stateDir), 'garbage\n{"time":"yesterday"}\n[]\n')
  audit.record('chat', denied('/b'))
  appendFileSync(auditPath(world.stateDir), '{"time":"2026-11-22T12:0')
  const { code, stdout, stderr } = await run(world, '--json')
  t.is(code, 0)
  t.deepEqual(resourcesIn(stdout), ['/a', '/b'])
  t.deepEqual(JSON.parse(stderr), { event: 'broken', lines: 4 })
  t.is((await run(world)).stderr, 'left out 4 lines that are not whole: p2pd ended, or its disk was full, in the middle of writing\n')
})

test('nothing in a file can play tricks on a terminal, and JSON stays the same JSON', async t => {
  await using world = new World()
  mkdirSync(world.stateDir)
  const entry = { time: '2026-11-22T12:00:00Z', tenant: 'a\u202eb', event: '\u0085', resource: '\u2028\u{e0001}', uid: { toString: 1 }, reason: ['\u009b31m'] }
  writeFileSync(auditPath(world.stateDir), `${JSON.stringify(entry)}\n`)
  for (const args of [[], ['--json']]) {
    const { code, stdout } = await run(world, ...args)
    t.is(code, 0)
    t.is(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.exec(stdout.replaceAll('\n', '')), null)
    if (args.length > 0) t.deepEqual(JSON.parse(stdout), entry)
  }
})

test('it says when there is nothing yet, and when the directory is not there', async t => {
  await using world = new World()
  const missing = await run(world)
  t.is(missing.code, 1)
  t.is(missing.stderr, `p2pctl: ${world.stateDir} does not exist: name the --state directory of p2pd if it is another\n`)
  mkdirSync(world.stateDir)
  const empty = await run(world)
  t.is(empty.code, 0)
  t.is(empty.stdout, '')
  t.is(empty.stderr, `nothing has been recorded yet in ${auditPath(world.stateDir)}\n`)
})

for (const [what, args, sentence] of [
  ['a number of lines that is none', ['--lines', 'many'], /^p2pctl: option '--lines <count>' argument 'many' is invalid\. Wanted a whole number\.\n$/],
  ['a time that is none', ['--since', '10'], /^p2pctl: option '--since <time>' argument '10' is invalid: name a time such as 90s, 10m, 2h or 7d\n$/]
] as const) {
  test(`${what} is wrong usage`, async t => {
    const { world } = logged()
    await using _ = world
    const { code, stdout, stderr } = await run(world, ...args)
    t.is(code, 2)
    t.is(stdout, '')
    t.regex(stderr, sentence)
  })
}

/** p2pctl audit -f, and what it has shown so far. */
function following (world: World, ...args: string[]): { ctl: Ctl, shown: () => string } {
  const ctl = start(world, '-f', ...args)
  let text = ''
  ctl.stdout.setEncoding('utf8').on('data', (chunk: string) => { text += chunk })
  return { ctl, shown: () => text }
}

test('following goes on across rotations, each line once and in its order, until it is told to stop', async t => {
  const { world, audit } = logged({ maxBytes: 2_000 })
  await using _ = world
  audit.record('t0', denied('/0'))
  const { ctl, shown } = following(world, '--json')
  let count = 1
  for (let round = 1; round <= 20; round++) {
    await until(`line ${count - 1} is shown`, () => shown().includes(`"/${count - 1}"`))
    // Up to three files' worth between two looks.
    for (let i = 0; i < round; i++) audit.record(`t${round}`, denied(`/${count++}`))
  }
  await until('the last line is shown', () => shown().includes(`"/${count - 1}"`))
  ctl.signal('SIGINT')
  t.is(await ctl.code(), 0)
  t.deepEqual(resourcesIn(shown()), Array.from({ length: count }, (__, i) => `/${i}`))
  t.is(ctl.stderr, '')
})

test('following begins before there is a log, keeps to what was asked for, and goes on under the same columns', async t => {
  await using world = new World()
  mkdirSync(world.stateDir)
  const { ctl, shown } = following(world, '--tenant', 'chat')
  const audit = openAuditLog({ stateDir: world.stateDir, level: 'all', log: pino({ level: 'silent' }) })
  audit.record('sensor', denied('/sensor'))
  audit.record('chat', denied('/a'))
  await until('the first is shown', () => shown().includes('/a'))
  audit.record('chat', denied('/b'))
  await until('the second is shown', () => shown().includes('/b'))
  audit[Symbol.dispose]()
  ctl.signal('SIGTERM')
  t.is(await ctl.code(), 0)
  const [head = '', a = '', b = '', ...rest] = shown().split('\n')
  t.deepEqual(rest, [''])
  for (const column of ['TENANT', 'RESOURCE', 'BY']) t.is(a.slice(head.indexOf(column)).split(' ')[0]?.replace('/a', '/b'), b.slice(head.indexOf(column)).split(' ')[0])
  t.false(shown().includes('sensor'))
})

test('following ends when nobody reads any more', async t => {
  const { world, audit } = logged()
  await using _ = world
  audit.record('chat', denied('/a'))
  const { ctl, shown } = following(world)
  await until('the first is shown', () => shown().includes('/a'))
  ctl.stdout.destroy()
  audit.record('chat', denied('/b'))
  t.is(await ctl.code(), 0)
})

test('a running daemon’s own log is the one that is shown', async t => {
  await using world = new World('chat')
  await world.serve()
  const { code, stdout } = await world.startBare(['audit', '--run', world.runDir, '--json']).finished()
  t.is(code, 0)
  t.is(stdout, readFileSync(auditPath(world.stateDir), 'utf8'))
  t.true(stdout.includes('"event":"tenant"'))
})
