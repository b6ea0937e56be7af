/** What is left of blessings when the daemon is killed, at any moment. */
import test, { type ExecutionContext } from 'ava'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { Blessings } from '../../src/supervisor/blessings.ts'

const KILLS = 200
/** At the same time: while one is checked, the other's process starts. */
const LANES = 2
/** So many lives of one state directory; its beginning is among them. */
const KILLS_PER_STATE = 20
/** About twice what opening takes, and so many changes that some are always between two lines. */
const LONGEST_OPENING_MS = 30
const LONGEST_WORK_MS = 40

const MANIFESTS = [
  { name: 'chat', tenantId: 'id-of-chat', blessed: [] },
  { name: 'indexer', tenantId: 'id-of-indexer', blessed: Array.from({ length: 8 }, (_, i) => ({ actions: ['openStream'], resources: [`/manifest/${i}`], seconds: 3_600 })) }
]
const OF_MANIFESTS = MANIFESTS.flatMap(({ blessed }) => blessed.flatMap(({ resources }) => resources))

interface Line { begin?: string, done?: string, id?: string, resource?: string, epoch?: number }

/** What has to be so, by what was said to be done. Each resource is given once. */
class Known {
  readonly standing = new Set<string>()
  readonly revoked = new Set<string>()
  epoch = 0
}

test(`after ${KILLS} SIGKILLs nothing that was taken back stands, what was given does, and no number comes again`, async t => {
  t.timeout(180_000)
  const world = mkdtempSync(join(tmpdir(), 'p2pd-blessings-'))
  t.teardown(() => { rmSync(world, { recursive: true, force: true }) })
  const script = join(world, 'blesser.mjs')
  // In one file, since most of a short life would be loading.
  await build({
    entryPoints: [fileURLToPath(new URL('./children/blesser.ts', import.meta.url))],
    outfile: script, bundle: true, platform: 'node', format: 'esm', target: 'node24', logLevel: 'error',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" }
  })
  const cut = new Map<string, number>()
  let [kills, changes] = [0, 0]
  const lane = async (number: number): Promise<void> => {
    let [known, stateDir] = [new Known(), '']
    for (let round = 0; kills < KILLS; round++) {
      kills++
      if (round % KILLS_PER_STATE === 0) {
        [known, stateDir] = [new Known(), join(world, `${number}-${round}`)]
        mkdirSync(stateDir, { mode: 0o700 })
      }
      const lines = await runAndKill(script, stateDir)
      for (const line of lines) acknowledge(t, known, line)
      changes += lines.filter(({ done }) => done !== undefined).length
      const last = lines.at(-1)
      const pending = last?.begin === undefined ? undefined : last
      const what = pending?.begin ?? (lines.length === 0 ? 'open' : 'nothing')
      cut.set(what, (cut.get(what) ?? 0) + 1)
      await check(t, stateDir, known, pending)
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: LANES }, async (_, number) => {
    try {
      await lane(number)
    } finally {
      // Whoever failed: the other stops too, before its directory goes.
      kills = Math.max(kills, KILLS)
    }
  }))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
  t.log(`${kills} kills, ${changes} changes done; in the midst of: ${[...cut].map(([what, count]) => `${what} ${count}`).join(', ')}`)
  // Or the kills came too early or too late to prove anything.
  const within = (...names: string[]): number => names.reduce((sum, name) => sum + (cut.get(name) ?? 0), 0)
  t.true(within('give') >= KILLS / 20 && within('revoke') >= KILLS / 20, 'in the midst of changes')
  t.true(within('open', 'declare') >= KILLS / 20, 'in the midst of opening')
})

/** What the process said until it was killed: half of them while they open, half while they change something. */
async function runAndKill (script: string, stateDir: string): Promise<Line[]> {
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = Promise.all([text(child.stdout), once(child, 'exit')])
  const killWithin = (ms: number): void => { setTimeout(() => { child.kill('SIGKILL') }, Math.random() * ms) }
  const early = Math.random() < 0.4
  child.stdout.once('data', () => {
    child.stdin.write(`${stateDir}\n${JSON.stringify(MANIFESTS)}\n`)
    if (early) killWithin(LONGEST_OPENING_MS)
    else child.stdout.once('data', () => { killWithin(LONGEST_WORK_MS) })
  })
  const [output, [code, signal]] = await ended
  if (signal !== 'SIGKILL') throw new Error(`blesser.ts ended by itself, with ${code ?? signal}`)
  return output.split('\n').slice(1, -1).map(line => JSON.parse(line) as Line)
}

function acknowledge (t: ExecutionContext, known: Known, { done, resource = '', epoch = 0 }: Line): void {
  if (done === undefined) return
  t.true(done === 'declare' ? epoch >= known.epoch : epoch > known.epoch, `${done}: epoch ${epoch} after ${known.epoch}`)
  known.epoch = epoch
  if (done === 'give') known.standing.add(resource)
  if (done === 'revoke') {
    known.standing.delete(resource)
    known.revoked.add(resource)
  }
}

/** As somebody finds it who opens it next; what was under way has happened or has not. */
async function check (t: ExecutionContext, stateDir: string, known: Known, pending: Line | undefined): Promise<void> {
  await using blessings = await Blessings.open({ stateDir, onChange: () => {} })
  t.true(blessings.epoch >= known.epoch, `epoch ${blessings.epoch} after ${known.epoch}`)
  const standingNow = (): Set<string> => new Set(blessings.standing().flatMap(({ resources }) => resources))
  for (const resource of standingNow()) t.false(known.revoked.has(resource), `${resource} had been taken back`)
  await blessings.declare(MANIFESTS)
  const found = standingNow()
  for (const resource of new Set([...found, ...known.standing, ...OF_MANIFESTS])) {
    if (resource === pending?.resource) continue
    const wanted = known.standing.has(resource) || (OF_MANIFESTS.includes(resource) && !known.revoked.has(resource))
    t.is(found.has(resource), wanted, resource)
  }
  // What was under way is known by now.
  const { resource } = pending ?? {}
  if (resource !== undefined && found.has(resource) && !OF_MANIFESTS.includes(resource)) known.standing.add(resource)
  if (resource !== undefined && !found.has(resource)) {
    known.standing.delete(resource)
    known.revoked.add(resource)
  }
  known.epoch = blessings.epoch
}
