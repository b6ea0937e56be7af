import test, { type ExecutionContext } from 'ava'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { makeWorld, withKeystore } from './world.ts'

const KILLS = 210
/** At the same time: while one is checked, the other's process starts. */
const LANES = 3
/** A fresh state directory after so many kills: its making is killed too. */
const KILLS_PER_STATE = 10
/** Opening takes about 15 ms, a change about 5. */
const LONGEST_LIFE_MS = 80

const Line = z.object({ begin: z.string().optional(), done: z.string().optional(), name: z.string(), id: z.string().optional(), peerId: z.string().optional() })
type Line = z.infer<typeof Line>

/** What has to be in the keystore: name -> id and peer ID. */
type Known = Map<string, string>

test(`of ${KILLS} SIGKILLs none loses or changes an identity that was acknowledged`, async t => {
  t.timeout(120_000)
  const world = await makeWorld(t)
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
      const lines = await runAndKill(stateDir, join(world, 'cache'))
      const pending = acknowledge(t, known, lines)
      const what = pending?.begin ?? 'nothing'
      cut.set(what, (cut.get(what) ?? 0) + 1)
      known = await check(t, stateDir, known, pending)
    }
  }
  await Promise.all(Array.from({ length: LANES }, async (_, number) => { await lane(number) }))
  t.log(`${kills} kills; in the midst of: ${[...cut].map(([what, count]) => `${what} ${count}`).join(', ')}`)
  t.true(kills >= 200)
  // Or the kills came too early or too late to prove anything.
  for (const what of ['open', 'enrol', 'import', 'replace', 'renew', 'remove']) t.true((cut.get(what) ?? 0) > 0, what)
})

/** What the process said until it was killed, at a random moment after it was told to begin. */
async function runAndKill (stateDir: string, cache: string): Promise<Line[]> {
  const script = fileURLToPath(new URL('./children/busy.ts', import.meta.url))
  const busy = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, NODE_COMPILE_CACHE: cache } })
  const ended = Promise.all([text(busy.stdout), once(busy, 'exit')])
  busy.stdout.once('data', () => {
    busy.stdin.write(`${stateDir}\n`)
    setTimeout(() => { busy.kill('SIGKILL') }, Math.random() * LONGEST_LIFE_MS)
  })
  const [output] = await ended
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
