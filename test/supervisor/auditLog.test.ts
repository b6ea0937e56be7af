import test from 'ava'
import { execFileSync, spawnSync } from 'node:child_process'
import { appendFileSync, chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, renameSync, rmSync, rmdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pino, type Logger } from 'pino'
import { auditPath, type AuditEvent } from '../../src/audit.ts'
import { BURST_LINES } from '../../src/auditLimiter.ts'
import { openAuditLog, type AuditLog, type AuditLogInit } from '../../src/supervisor/auditLog.ts'
import { FakeClock } from '../helpers/fakeClock.ts'

const CHILD = fileURLToPath(new URL('children/audit.ts', import.meta.url))
const NOON = Date.parse('2026-11-22T12:00:00Z')

type Line = Record<string, unknown>

class World implements Disposable {
  readonly stateDir = mkdtempSync(join(tmpdir(), 'p2pd-audit-'))
  readonly clock = new FakeClock()
  /** What was logged on stderr. */
  readonly said: Array<{ level: number, msg: string, reason?: string }> = []
  readonly log: Logger = pino({}, { write: line => { this.said.push(JSON.parse(line) as World['said'][number]) } })
  readonly #opened: AuditLog[] = []

  open (init: Partial<AuditLogInit> = {}): AuditLog {
    const audit = openAuditLog({ stateDir: this.stateDir, level: 'denials', log: this.log, clock: this.clock, now: () => NOON + this.clock.now(), ...init })
    this.#opened.push(audit)
    return audit
  }

  path (age = 0): string { return auditPath(this.stateDir, age) }
  text (age = 0): string { return readFileSync(this.path(age), 'utf8') }

  /** Every line of one file; throws if one does not parse, or the last has not ended. */
  lines (age = 0): Line[] {
    const lines = this.text(age).split('\n')
    if (lines.pop() !== '') throw new Error('the last line has not ended')
    return lines.map(line => JSON.parse(line) as Line)
  }

  [Symbol.dispose] (): void {
    for (const audit of this.#opened) audit[Symbol.dispose]()
    rmSync(this.stateDir, { recursive: true, force: true })
  }
}

function denied (resource: string, rest: Partial<AuditEvent> = {}): AuditEvent {
  return { event: 'denied', action: 'openStream', resource, ...rest }
}

test('a line holds what the event has, in an order that does not change', t => {
  using world = new World()
  const audit = world.open()
  audit.record('chat', {
    reason: 'why', epoch: 7, policy: 'chat.cedar:3', address: '/ip4/192.0.2.1/tcp/4001', peer: '12D3KooW', resource: 'Protocol /chat/1.0.0', action: 'openStream',
    pid: 4242, uid: 1000, event: 'denied'
  })
  audit.record(undefined, { event: 'reload', action: 'refuse', decision: 'deny' })
  t.is(world.text(), '{"time":"2026-11-22T12:00:00.000Z","tenant":"chat","event":"denied","uid":1000,"pid":4242,"action":"openStream","resource":"Protocol /chat/1.0.0",' +
    '"peer":"12D3KooW","address":"/ip4/192.0.2.1/tcp/4001","decision":"deny","policy":"chat.cedar:3","epoch":7,"reason":"why"}\n' +
    '{"time":"2026-11-22T12:00:00.000Z","event":"reload","action":"refuse","decision":"deny"}\n')
})

test('no text can forge a line, break one, colour a terminal or turn its order round', t => {
  using world = new World()
  const audit = world.open()
  const forged = '"}\n{"time":"2026-11-22T12:00:00.000Z","tenant":"victim","event":"allowed"}\n'
  const hostile = [forged, '\u001b[31m', '\u202e', '\u2028', '\u0000', '\r', '\ud800', 'x'.repeat(1_000_000), '__proto__', '\\', '"']
  for (const text of hostile) audit.record('chat', denied(text, { peer: text, address: text, policy: text, reason: text, action: text }))
  t.is(world.lines().length, hostile.length)
  for (const line of world.lines()) {
    t.is(line['tenant'], 'chat')
    t.is(line['event'], 'denied')
  }
  t.is(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.exec(world.text().replaceAll('\n', '')), null)
  t.true(world.text().length < 64 * 1024)
  t.is(world.lines()[7]?.['resource'], `${'x'.repeat(256)}…`)
})

test('the tenant is the one the supervisor names, and what is no number is no number', t => {
  using world = new World()
  const hostile = { ...denied('/a'), tenant: 'victim', time: 'now', junk: 1, uid: -1, pid: 1.5, epoch: NaN, dropped: Infinity }
  world.open().record('chat', hostile)
  t.deepEqual(world.lines(), [{ time: '2026-11-22T12:00:00.000Z', tenant: 'chat', event: 'denied', action: 'openStream', resource: '/a', decision: 'deny' }])
})

test('who acted in the daemon’s name is what the daemon’s own host says, and nobody else', t => {
  using world = new World()
  const audit = world.open()
  const acted = { actor: 'indexer', onBehalfOf: 'daemon' }
  for (const tenant of ['daemon', 'chat', undefined]) audit.record(tenant, denied('/a', acted))
  audit.record('daemon', denied('/b', { ...acted, actor: 'a\nb' }))
  const line = (rest: object): Line => ({ time: '2026-11-22T12:00:00.000Z', event: 'denied', action: 'openStream', decision: 'deny', ...rest })
  t.deepEqual(world.lines(), [
    line({ tenant: 'daemon', ...acted, resource: '/a' }), line({ tenant: 'chat', resource: '/a' }), line({ resource: '/a' }),
    line({ tenant: 'daemon', actor: 'a\\u000ab', onBehalfOf: 'daemon', resource: '/b' })
  ])
  t.true(world.text().startsWith('{"time":"2026-11-22T12:00:00.000Z","tenant":"daemon","event":"denied","actor":"indexer","onBehalfOf":"daemon","action":'))
})

test('what was allowed is recorded at the level that wants it', t => {
  using world = new World()
  const events: AuditEvent[] = [denied('/a'), { event: 'allowed', action: 'openStream' }, { event: 'handler', action: 'register' }]
  const denials = world.open()
  for (const event of events) denials.record('chat', event)
  t.deepEqual(world.lines().map(({ event }) => event), ['denied', 'handler'])
  const all = world.open({ level: 'all' })
  for (const event of events) all.record('chat', event)
  t.deepEqual(world.lines().map(({ event }) => event), ['denied', 'handler', 'denied', 'allowed', 'handler'])
})

test('a line is in the file before anything can follow from it', t => {
  using world = new World()
  const { signal } = spawnSync(process.execPath, [CHILD, 'killed', world.stateDir])
  t.is(signal, 'SIGKILL')
  t.deepEqual(world.lines().map(({ resource }) => resource), Array.from({ length: 100 }, (_, i) => `Protocol /${i}`))
})

test('it is nobody else’s to read, even where it was', t => {
  using world = new World()
  world.open().record('chat', denied('/a'))
  t.is(statSync(world.path()).mode & 0o777, 0o600)
  chmodSync(world.path(), 0o666)
  world.open()
  t.is(statSync(world.path()).mode & 0o777, 0o600)
})

const PLANTED: Record<string, { plant: (path: string, elsewhere: string) => void, message: RegExp }> = {
  'a symbolic link': { plant: (path, elsewhere) => { symlinkSync(elsewhere, path) }, message: /is a symbolic link, and p2pd writes only to a plain file of its own: move it away/ },
  'a link that leads nowhere': { plant: path => { symlinkSync('/nowhere/at/all', path) }, message: /is a symbolic link/ },
  'a directory': { plant: path => { mkdirSync(path) }, message: /is no regular file/ },
  'a fifo': { plant: path => { execFileSync('mkfifo', [path]) }, message: /is no regular file/ },
  ...process.geteuid?.() === 0 && {
    'a file of another user': { plant: path => { writeFileSync(path, ''); chownSync(path, 65534, 65534) }, message: /belongs to uid 65534/ }
  }
}

for (const [what, { plant, message }] of Object.entries(PLANTED)) {
  test(`${what} in its place is not written to, at the start or later`, t => {
    using world = new World()
    const elsewhere = join(world.stateDir, 'elsewhere')
    writeFileSync(elsewhere, 'precious')
    const audit = world.open()
    audit.record('chat', denied('/a'))
    rmSync(world.path())
    plant(world.path(), elsewhere)
    audit.record('chat', denied('/b'))
    t.regex(world.said[0]?.reason ?? '', message)
    t.throws(() => world.open(), { code: 'ERR_OCCUPIED', message })
    t.is(readFileSync(elsewhere, 'utf8'), 'precious')
    rmSync(world.path(), { recursive: true })
    world.clock.advance(1_000)
    audit.record('chat', denied('/c'))
    t.like(world.lines(), [{ event: 'audit', action: 'lose', dropped: 1 }, { resource: '/c' }])
  })
}

/** As many lines of a tenant each as the limits let through. */
function fill (audit: AuditLog, from: number, count: number): void {
  for (let i = from; i < from + count; i++) audit.record(`t${Math.floor(i / 100)}`, denied(`/${i}`))
}

test('a full file is kept under a number, the oldest goes, and no file grows beyond its size', t => {
  using world = new World()
  fill(world.open({ maxBytes: 4096, files: 3 }), 0, 1_000)
  t.deepEqual(readdirSync(world.stateDir).sort(), ['audit.jsonl', 'audit.jsonl.1', 'audit.jsonl.2'])
  const all = [2, 1, 0].flatMap(age => {
    t.true(statSync(world.path(age)).size <= 4096)
    return world.lines(age).map(({ resource }) => resource)
  })
  t.true(all.length > 60)
  t.deepEqual(all, Array.from({ length: all.length }, (_, i) => `/${1_000 - all.length + i}`))
  t.deepEqual(world.said, [])
})

test('a file that was full when the last daemon ended is kept under a number at the first line', t => {
  using world = new World()
  fill(world.open({ maxBytes: 1_000_000 }), 0, 100)
  world.open({ maxBytes: 4096 }).record('chat', denied('/next'))
  t.is(world.lines(1).length, 100)
  t.deepEqual(world.lines().map(({ resource }) => resource), ['/next'])
})

test('after a crash between two renames nothing is lost that did not have to be', t => {
  using world = new World()
  for (const age of [0, 2]) writeFileSync(world.path(age), `{"age":${age}}\n`)
  world.open({ maxBytes: 20, files: 3 }).record('chat', denied('/a'))
  t.deepEqual([world.text(1), world.text(2)], ['{"age":0}\n', '{"age":2}\n'])
})

test('where files cannot be moved the log goes on, and says so once', t => {
  using world = new World()
  mkdirSync(join(world.path(1), 'in the way'), { recursive: true })
  const audit = world.open({ maxBytes: 1_000, files: 2 })
  fill(audit, 0, 100)
  t.is(world.lines().length, 100)
  t.is(world.said.length, 1)
  t.regex(world.said[0]?.msg ?? '', /audit\.jsonl is full and cannot be rotated: it grows until what stands in the way is moved/)
  rmdirSync(join(world.path(1), 'in the way'))
  rmdirSync(world.path(1))
  fill(audit, 100, 1)
  t.is(world.lines(1).length, 100)
})

test('a file that is removed or moved away while p2pd runs is made anew, at the latest when it is full', t => {
  using world = new World()
  const audit = world.open({ maxBytes: 1_000 })
  fill(audit, 0, 1)
  rmSync(world.path())
  fill(audit, 1, 1)
  t.deepEqual(world.lines().map(({ resource }) => resource), ['/1'])
  renameSync(world.path(), join(world.stateDir, 'mine'))
  fill(audit, 2, 100)
  t.true(existsSync(world.path()))
  t.is(world.lines().at(-1)?.['resource'], '/101')
})

test('a line that a crash tore is ended before the next one begins', t => {
  using world = new World()
  world.open().record('chat', denied('/a'))
  appendFileSync(world.path(), '{"time":"2026-11-2')
  world.open().record('chat', denied('/b'))
  const lines = world.text().split('\n')
  t.is(lines.length, 4)
  t.is(lines[1], '{"time":"2026-11-2')
  t.like(JSON.parse(lines[2] ?? ''), { resource: '/b' })
})

test('a disk that refuses stops nothing: it is said once, and the first line after it says how many are missing', t => {
  using world = new World()
  const { status, stderr } = spawnSync(process.execPath, [CHILD, 'full', world.stateDir], { encoding: 'utf8' })
  t.is(status, 0, stderr)
  const said = stderr.trim().split('\n').map(line => JSON.parse(line) as { level: number, msg: string, reason?: string, lost?: number })
  t.is(said.length, 2)
  t.regex(said[0]?.msg ?? '', /audit\.jsonl cannot be written: make room on its disk, or mend what the reason names; what happens meanwhile is counted/)
  t.regex(said[0]?.reason ?? '', /EFBIG/)
  t.like(said[1], { lost: 15 })
  const resources = (from: number): string[] => Array.from({ length: 5 }, (_, i) => `Protocol /${from + i}`)
  const lines = world.lines()
  t.deepEqual([...lines.slice(0, 5), ...lines.slice(6)].map(({ resource }) => resource), [...resources(0), ...resources(20)])
  t.like(lines[5], { event: 'audit', action: 'lose', dropped: 15 })
  t.regex(String(lines[5]?.['reason']), /EFBIG/)
})

test('a state directory that is gone stops nothing either', t => {
  using world = new World()
  rmSync(world.stateDir, { recursive: true })
  const audit = world.open()
  audit.record('chat', denied('/a'))
  t.is(world.said.length, 1)
  mkdirSync(world.stateDir)
  world.clock.advance(1_000)
  audit[Symbol.dispose]()
  t.like(world.lines(), [{ event: 'audit', action: 'lose', dropped: 1 }])
})

test('one tenant’s flood takes no line from another, nor from what the supervisor sees of it', t => {
  using world = new World()
  const audit = world.open()
  for (let i = 0; i < 10 * BURST_LINES; i++) audit.record('noisy', denied(`/${i}`))
  for (let i = 0; i < 100; i++) audit.record('quiet', denied(`/${i}`))
  audit.record('noisy', { event: 'host', action: 'crash' })
  audit.record(undefined, { event: 'reload', action: 'apply' })
  const of = (tenant: string | undefined, kind: string): number => world.lines().filter(line => line['tenant'] === tenant && line['event'] === kind).length
  t.deepEqual([of('noisy', 'denied'), of('quiet', 'denied'), of('noisy', 'host'), of(undefined, 'reload')], [BURST_LINES, 100, 1, 1])
  world.clock.advance(1_000)
  t.like(world.lines().at(-1), { tenant: 'noisy', event: 'audit', action: 'drop', dropped: 9 * BURST_LINES })
})

test('one tenant’s flood in the daemon’s name takes no line from others there, and names that there are not get no more lines', t => {
  using world = new World()
  const audit = world.open()
  const act = (actor: string, resource: string): void => { audit.record('daemon', denied(resource, { actor, onBehalfOf: 'daemon' })) }
  for (const tenant of ['noisy', 'blessed']) audit.record(tenant, { event: 'tenant', action: 'add' })
  for (let i = 0; i < 2 * BURST_LINES; i++) act('noisy', `/${i}`)
  for (let i = 0; i < 2 * BURST_LINES; i++) act(`made-up-${i}`, `/${i}`)
  for (const event of ['revoked', 'denied', 'handler'] as const) audit.record('daemon', { event, action: 'provideService', actor: 'blessed', onBehalfOf: 'daemon' })
  const lines = world.lines().filter(({ tenant }) => tenant === 'daemon')
  t.deepEqual(lines.filter(({ actor }) => actor === 'blessed').map(({ event }) => event), ['revoked', 'denied', 'handler'])
  t.is(lines.filter(({ actor }) => actor === 'noisy').length, BURST_LINES)
  t.is(lines.filter(({ actor }) => String(actor).startsWith('made-up-')).length, BURST_LINES)
  world.clock.advance(1_000)
  t.like(world.lines().filter(({ event }) => event === 'audit'), [
    { tenant: 'daemon', action: 'drop', actor: 'noisy', onBehalfOf: 'daemon', dropped: BURST_LINES }, { tenant: 'daemon', action: 'drop', actor: undefined, dropped: BURST_LINES }
  ])
})

test('what is held is written at the end, and nothing after it', t => {
  using world = new World()
  const audit = world.open()
  for (let i = 0; i < 5; i++) audit.record('chat', denied('/a'))
  t.is(world.lines().length, 1)
  audit[Symbol.dispose]()
  t.like(world.lines()[1], { resource: '/a', dropped: 4 })
  audit.record('chat', denied('/b'))
  audit[Symbol.dispose]()
  t.is(world.lines().length, 2)
})

test('it holds one descriptor, and none once it has ended', t => {
  using world = new World()
  const audit = world.open({ maxBytes: 1_000 })
  fill(audit, 0, 500)
  t.deepEqual(openFilesIn(world.stateDir), [world.path()])
  audit[Symbol.dispose]()
  t.deepEqual(openFilesIn(world.stateDir), [])
})

/** What this process has open there. */
function openFilesIn (directory: string): string[] {
  return readdirSync('/proc/self/fd').flatMap(fd => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`)
      return path.startsWith(directory) ? [path] : []
    } catch {
      return [] // the directory's own, closed by now
    }
  })
}
