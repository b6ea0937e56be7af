/**
 * `node bench/main.ts [--quick] [--only MEASURE,..] [--with CONTENDER,..] [--runs N] [--json]`: p2pd beside the daemons it
 * stands in for, and by itself where there is nothing to put it beside.
 *
 * One run is each contender once through one measure; runs of a measure take turns and the order rotates, so that a slow
 * minute of the machine hits all of them. What is measured and how to read it: bench/README.md.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ConfigError, messageOf } from '../src/errors.ts'
import type { Contender } from './contenders/contender.ts'
import { go } from './contenders/go.ts'
import { js } from './contenders/js.ts'
import { local, ours } from './contenders/ours.ts'
import { goVersion } from './go.ts'
import { buildLoad, ceiling } from './load.ts'
import { measures, type Measure, type Size, type Turn } from './measures.ts'
import { ownBenchmarks, type OwnBenchmark } from './own.ts'
import { aims, collect, machine, table } from './report.ts'
import { rows, type Findings, type RowName } from './rows.ts'

const WHOLE: Size = {
  streamBytes: 512 * 2 ** 20, warmBytes: 128 * 2 ** 20,
  roundTrips: 5_000, opens: 500, requests: 5_000, limit: '4s', settleMs: 1_500, starts: 3
}

const QUICK: Size = {
  streamBytes: 64 * 2 ** 20, warmBytes: 16 * 2 ** 20,
  roundTrips: 500, opens: 50, requests: 500, limit: '2s', settleMs: 300, starts: 1
}

const WHOLE_RUNS = 5

const contenders: readonly Contender[] = [ours, local, js, go]

interface Choice {
  quick: boolean
  size: Size
  chosen: readonly Measure[]
  own: readonly OwnBenchmark[]
  entrants: readonly Contender[]
  runs: number
  json: boolean
}

/** Those of `all` that a list like `a,b` names; all of them without a list. */
function pick<T extends { name: string }> (flag: string, list: string | undefined, all: readonly T[]): T[] {
  const names = list?.split(',') ?? all.map(({ name }) => name)
  const unknown = names.filter(name => !all.some(one => one.name === name))
  if (unknown.length > 0) throw fault(flag, `must be of ${all.map(({ name }) => name).join(', ')}; found ${unknown.join(', ')}`)
  return all.filter(({ name }) => names.includes(name))
}

const fault = (path: string, what: string): ConfigError => new ConfigError([{ file: 'argv', path, what }])

function choose (argv: string[]): Choice {
  const { values } = parseArgs({
    args: argv,
    options: {
      quick: { type: 'boolean' },
      only: { type: 'string' },
      with: { type: 'string' },
      runs: { type: 'string' },
      json: { type: 'boolean' }
    }
  })
  const quick = values.quick ?? false
  const runs = Number(values.runs ?? (quick ? 1 : WHOLE_RUNS))
  if (!Number.isInteger(runs) || runs < 1) throw fault('--runs', `must be a whole number of at least 1, found ${values.runs}`)
  const picked = pick<Measure | OwnBenchmark>('--only', values.only, [...measures, ...ownBenchmarks])
  return {
    quick,
    size: quick ? QUICK : WHOLE,
    chosen: measures.filter(one => picked.includes(one)),
    own: ownBenchmarks.filter(one => picked.includes(one)),
    entrants: pick('--with', values.with, contenders),
    runs,
    json: values.json ?? false
  }
}

/** One contender once through one measure; what goes wrong is its finding for each row. */
async function runOnce (measure: Measure, turn: Turn): Promise<Findings> {
  const { dir } = turn
  mkdirSync(dir)
  // A daemon run by root has its hosts under other users, and they have to reach the handlers' sockets in here.
  chmodSync(dir, 0o755)
  try {
    return await measure.run(turn)
  } catch (error) {
    const failed = messageOf(error)
    return Object.fromEntries(measure.rows.map((row: RowName) => [row, { failed }]))
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Where everything of this run lives. */
function makeRoot (): string {
  const root = mkdtempSync(join(tmpdir(), 'p2pd-bench-'))
  chmodSync(root, 0o755)
  process.on('exit', () => { rmSync(root, { recursive: true, force: true }) })
  return root
}

async function runAll ({ size, chosen, runs }: Choice, present: readonly Contender[], root: string, remarks: Map<string, number>): Promise<Map<string, Findings[]>> {
  const found = new Map(present.map(({ name }) => [name, Array.from({ length: runs }, (): Findings => ({}))]))
  for (let run = 0; run < runs; run++) {
    for (const measure of chosen) {
      for (let turn = 0; turn < present.length; turn++) {
        const contender = present[(turn + run) % present.length]
        if (contender === undefined) continue
        console.error(`run ${run + 1} of ${runs}: ${measure.name}: ${contender.title}`)
        const remark = (text: string): void => {
          const line = `${contender.title}: ${text}`
          remarks.set(line, (remarks.get(line) ?? 0) + 1)
        }
        const findings = await runOnce(measure, { contender, dir: join(root, contender.name), size, remark })
        Object.assign(found.get(contender.name)?.[run] ?? {}, findings)
      }
    }
  }
  return found
}

/** The contenders side by side, and what is printed of them. */
async function compare (choice: Choice, root: string): Promise<{ json: object, text: string }> {
  const all = choice.entrants
  const absent = new Map(all.map(contender => [contender, contender.prepare()]))
  const remarks = new Map<string, number>()
  const found = await runAll(choice, all.filter(contender => absent.get(contender) === undefined), root, remarks)
  const cells = collect(found)
  const alone = await ceiling({ streams: 1, bytes: 2 ** 30 })
  const ceilingMBs = alone.received / 1e6 / alone.seconds
  const notes = Object.fromEntries(all.map(contender => [contender.name, absent.get(contender)]))
  const text = [table(cells, all)]
  for (const [contender, reason] of absent) if (reason !== undefined) text.push(`${contender.title}: ${reason}`)
  for (const [remark, times] of remarks) text.push(`${remark}${times > 1 ? ` (${times} times)` : ''}`)
  text.push(...aims(cells))
  text.push(`The generator alone, with no daemon between its ends, moves ${Math.round(ceilingMBs)} MB/s. ~ marks a ratio whose runs overlap.`)
  return {
    json: { runs: choice.runs, size: choice.size, generatorAloneMBs: ceilingMBs, absent: notes, remarks: Object.fromEntries(remarks), rows, cells },
    text: `${text.join('\n')}\n${choice.runs} run${choice.runs === 1 ? '' : 's'}.`
  }
}

async function main (): Promise<void> {
  const choice = choose(process.argv.slice(2))
  const missing = goVersion() === undefined ? 'the load generator is written in Go, and there is no Go (1.22 or later) here' : buildLoad()
  if (missing !== undefined) throw new ConfigError([{ file: 'bench', path: 'load', what: missing }])

  const root = makeRoot()
  const compared = choice.chosen.length > 0 ? await compare(choice, root) : undefined
  const own: Record<string, { json: unknown, text: string }> = {}
  for (const { name, prepare, run } of choice.own) {
    const absent = prepare()
    own[name] = absent === undefined ? await run(root, choice.quick, line => { console.error(line) }) : { json: { absent }, text: `${name}: ${absent}` }
  }

  if (choice.json) {
    const results = Object.fromEntries(Object.entries(own).map(([name, { json }]) => [name, json]))
    return console.log(JSON.stringify({ machine: machine(), ...compared?.json, ...results }, undefined, 2))
  }
  for (const text of [compared?.text, ...Object.values(own).map(one => one.text)]) if (text !== undefined) console.log(`${text}\n`)
  console.log(Object.entries(machine()).map(([name, value]) => `${name} ${value}`).join(', '))
}

for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => { process.exit(1) })

try {
  await main()
} catch (error) {
  console.error(messageOf(error))
  const usage = error instanceof ConfigError || (error instanceof TypeError && 'code' in error)
  process.exitCode = usage ? 2 : 1
}
