import test from 'ava'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, chmodSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { auditPath } from '../../src/audit.ts'
import { AuditTrail } from '../../src/cli/auditTrail.ts'

class World implements Disposable {
  readonly stateDir = mkdtempSync(join(tmpdir(), 'p2pd-audit-'))
  write (text: string, age = 0): void { appendFileSync(auditPath(this.stateDir, age), text) }
  /** As the daemon moves them. */
  rotate (files = 3): void {
    for (let age = files - 1; age > 0; age--) {
      try {
        renameSync(auditPath(this.stateDir, age - 1), auditPath(this.stateDir, age))
      } catch {
        // There is none of this age yet.
      }
    }
    writeFileSync(auditPath(this.stateDir), '')
  }

  [Symbol.dispose] (): void { rmSync(this.stateDir, { recursive: true, force: true }) }
}

const child = (name: string): string => fileURLToPath(new URL(`children/${name}`, import.meta.url))

test('files are read from the oldest on, and then what comes', t => {
  using world = new World()
  world.write('a\nb\n', 2)
  world.write('c\n', 1)
  world.write('d\n')
  using trail = new AuditTrail(world.stateDir)
  t.deepEqual([...trail.unread()], ['a', 'b', 'c', 'd'])
  t.deepEqual([...trail.unread()], [])
  world.write('e\n')
  world.rotate()
  world.write('f\n')
  t.deepEqual([...trail.unread()], ['e', 'f'])
})

test('several rotations between two looks lose and repeat nothing', t => {
  using world = new World()
  world.write('a\n')
  using trail = new AuditTrail(world.stateDir)
  t.deepEqual([...trail.unread()], ['a'])
  world.write('b\n')
  for (const line of ['c', 'd', 'e']) {
    world.rotate(4)
    world.write(`${line}\n`)
  }
  t.deepEqual([...trail.unread()], ['b', 'c', 'd', 'e'])
  world.rotate(4)
  t.deepEqual([...trail.unread()], [])
})

test('a file that is rotated out of existence is read to its end', t => {
  using world = new World()
  world.write('a\n')
  using trail = new AuditTrail(world.stateDir)
  t.deepEqual([...trail.unread()], ['a'])
  world.write('b\n')
  for (const line of ['c', 'd', 'e']) {
    world.rotate(3)
    world.write(`${line}\n`)
  }
  t.deepEqual([...trail.unread()], ['b', 'c', 'd', 'e'])
})

test('a log that is removed and begun anew goes on, without what was read before', t => {
  using world = new World()
  world.write('a\n', 1)
  world.write('b\n')
  using trail = new AuditTrail(world.stateDir)
  t.deepEqual([...trail.unread()], ['a', 'b'])
  rmSync(auditPath(world.stateDir))
  t.deepEqual([...trail.unread()], [])
  world.write('c\n')
  t.deepEqual([...trail.unread()], ['c'])
})

test('a gap that a crash left between the files ends nothing', t => {
  using world = new World()
  world.write('a\n', 3)
  world.write('b\n', 1)
  world.write('c\n')
  using trail = new AuditTrail(world.stateDir)
  t.deepEqual([...trail.unread()], ['a', 'b', 'c'])
})

test('half a line waits for its end, and is one when its file has ended', t => {
  using world = new World()
  using trail = new AuditTrail(world.stateDir)
  t.deepEqual([...trail.unread()], [])
  world.write('ab')
  t.deepEqual([...trail.unread()], [])
  t.is(trail.unfinished, 'ab')
  world.write('c\nd')
  t.deepEqual([...trail.unread()], ['abc'])
  world.rotate()
  world.write('e\n')
  t.deepEqual([...trail.unread()], ['d', 'e'])
  t.is(trail.unfinished, '')
})

test('characters and lines that lie across two reads come out whole; what has no end fills no memory', t => {
  using world = new World()
  const lines = Array.from({ length: 5_000 }, (_, i) => `${i} ${'ü€😀'.repeat(i % 50)}`)
  world.write(`${lines.join('\n')}\n`)
  using trail = new AuditTrail(world.stateDir)
  t.deepEqual([...trail.unread()], lines)
  for (let i = 0; i < 50; i++) world.write('x'.repeat(1024 * 1024))
  t.deepEqual([...trail.unread()], [])
  t.true(trail.unfinished.length <= 64 * 1024)
  world.write('\nnext\n')
  t.is([...trail.unread()].at(-1), 'next')
})

test('while another process writes and rotates as fast as it can, every line is read once and in its order', async t => {
  using world = new World()
  const count = 20_000
  const writer = spawn(process.execPath, [child('auditWriter.ts'), world.stateDir, String(count), '20000', '400'], { stdio: 'inherit' })
  const exit = once(writer, 'exit')
  using trail = new AuditTrail(world.stateDir)
  const read: string[] = []
  let looks = 0
  let ended = false
  while (read.length < count) {
    ended = writer.exitCode !== null
    const before = read.length
    for (const line of trail.unread()) {
      read.push((JSON.parse(line) as { resource: string }).resource)
      // Files are moved meanwhile, too.
      if (read.length % 100 === 0) await turn()
    }
    looks++
    if (ended && read.length === before) break
    await turn()
  }
  t.deepEqual(await exit, [0, null])
  t.deepEqual(read, Array.from({ length: count }, (_, i) => `/${i}`))
  t.true(looks > 3)
})

test('whoever may not read there is told who may', t => {
  using world = new World()
  world.write('secret\n')
  chmodSync(world.stateDir, 0o000)
  const said = execFileSync(process.execPath, [child('auditAsOther.ts'), world.stateDir], { encoding: 'utf8' })
  chmodSync(world.stateDir, 0o700)
  const path = auditPath(world.stateDir)
  t.is(said, `ERR_DENIED ${path} cannot be read: what is in ${world.stateDir} is for root and the user p2pd runs as; ask as one of them: \`sudo p2pctl audit\`\n`)
})

test('where there is no such directory that is said; where there is no log yet it is empty', t => {
  using world = new World()
  t.throws(() => new AuditTrail(join(world.stateDir, 'nowhere')), { code: 'ERR_UNAVAILABLE', message: /nowhere does not exist: name the --state directory/ })
  using trail = new AuditTrail(world.stateDir)
  t.deepEqual([...trail.unread()], [])
})

test('a link that leads in a circle is a fault that names it', t => {
  using world = new World()
  symlinkSync('audit.jsonl', auditPath(world.stateDir))
  t.throws(() => new AuditTrail(world.stateDir), { code: 'ERR_SYSTEM', message: /audit\.jsonl cannot be read: ELOOP/ })
})
