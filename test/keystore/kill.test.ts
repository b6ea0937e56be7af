import test, { type ExecutionContext } from 'ava'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { z } from 'zod'
import { makeWorld, withKeystore } from './world.ts'

const KILLS = 300
/** At the same time: while one is checked, the other's process starts. */
const LANES = 3
/** A fresh state directory after so many kills: its making is killed too. */
const KILLS_PER_STATE = 10
/** About twice what opening takes, and several times what a change takes, beside two others: every moment gets its kills. */
const LONGEST_OPENING_MS = 60
const LONGEST_WORK_MS = 30

const Line = z.object({ begin: z.string().optional(), done: z.string().optional(), name: z.string(), id: z.string().optional(), peerId: z.string().optional() })
type Line = z.infer<typeof Line>

/** What has to be in the keystore: name -> id and peer ID. */
type Known = Map<string, string>

test(`of ${KILLS} SIGKILLs none loses or changes an identity that was acknowledged`, async t => {
  t.timeout(120_000)
  const world = await makeWorld(t)
  const script = await bundle(world)
  const cut = new Map<string, number>()
  let kills = 0
  const lane = async (number: number): Promise<void> => {
    let known: Known = new Map()
    let stateDir = ''
    for (let round = 0; kills < KILLS; round++) {
      kills++
      if (round % KILLS_PER_STATE === 0) {
        known = new Map()
        stateDir = join(world, `state-${number}-${round}`)
      }
      const lines = await runAndKill(script, stateDir)
      const pending = acknowledge(t, known, lines)
      const what = pending?.begin ?? 'nothing'
      cut.set(what, (cut.get(what) ?? 0) + 1)
      known = await check(t, stateDir, known, pending)
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: LANES }, async (_, number) => {
    try {
      await lane(number)
    } finally {
      // Whoever failed: the others stop too, before their directory goes.
      kills = Math.max(kills, KILLS)
    }
  }))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
  t.log(`${kills} kills; in the midst of: ${[...cut].map(([what, count]) => `${what} ${count}`).join(', ')}`)
  t.true(kills >= 200)
  // Or the kills came too early or too late to prove anything.
  const changes = ['enrol', 'import', 'replace', 'renew', 'remove'].reduce((sum, what) => sum + (cut.get(what) ?? 0), 0)
  t.true(changes >= KILLS / 5, `${changes} in the midst of a change`)
  t.true((cut.get('open') ?? 0) >= KILLS / 20)
})

/** In one file, since most of a short life would be loading: 80 ms instead of 270. Level is native and stays where it is. */
async function bundle (world: string): Promise<string> {
  const outfile = join(world, 'busy.mjs')
  const level = createRequire(import.meta.url).resolve('level')
  await build({
    entryPoints: [fileURLToPath(new URL('./children/busy.ts', import.meta.url))],
    outfile, bundle: true, platform: 'node', format: 'esm', target: 'node24', alias: { level }, external: [level]
  })
  return outfile
}

/** What the process said until it was killed: half of them while they open, half while they change something. */
async function runAndKill (script: string, stateDir: string): Promise<Line[]> {
  const busy = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = Promise.all([text(busy.stdout), once(busy, 'exit')])
  const killWithin = (ms: number): void => { setTimeout(() => { busy.kill('SIGKILL') }, Math.random() * ms) }
  const early = Math.random() < 0.5
  busy.stdout.once('data', () => {
    busy.stdin.write(`${stateDir}\n`)
    if (early) killWithin(LONGEST_OPENING_MS)
    else busy.stdout.once('data', () => { killWithin(LONGEST_WORK_MS) })
  })
  const [output, [code, signal]] = await ended
  if (signal !== 'SIGKILL') throw new Error(`busy.ts ended by itself, with ${code ?? signal}`)
  return output.split('\n').slice(0, -1).map(line => Line.parse(JSON.parse(line)))
}

/** Takes in what was said to be done; gives back what was under way, if anything was. */
function acknowledge (t: ExecutionContext, known: Known, lines: Line[]): Line | undefined {
  for (const { done, name, id, peerId } of lines) {
    if (done === undefined || done === 'open') continue
    if (done === 'ask') t.is(known.get(name), `${id} ${peerId}`)
    if (done === 'remove') known.delete(name)
    else known.set(name, `${id} ${peerId}`)
  }
  const last = lines.at(-1)
  return last?.begin === undefined ? undefined : last
}

/** Everything acknowledged is there, nothing else is, and what was under way is as before or done: never anything between. */
async function check (t: ExecutionContext, stateDir: string, known: Known, pending: Line | undefined): Promise<Known> {
  const found: Known = new Map(await withKeystore({ stateDir, env: {} }, async keystore => (await keystore.list()).map(info => {
    t.is(info.fault, undefined)
    return [info.name, `${info.id} ${info.peerId}`] as const
  })))
  for (const name of new Set([...known.keys(), ...found.keys()])) {
    const [before, now] = [known.get(name), found.get(name)]
    if (name !== pending?.name) t.is(now, before, name)
    else t.true(now === before || isOutcome(pending, now), `${pending.begin}: ${before} -> ${now}`)
  }
  return found
}

function isOutcome ({ begin, peerId }: Line, now: string | undefined): boolean {
  if (begin === 'remove') return now === undefined
  if (begin === 'ask' || now === undefined) return false
  return peerId === undefined || now.endsWith(` ${peerId}`)
}
