/**
 * The measures: each starts the daemons it needs, drives them once, and answers what it found for its rows.
 *
 * A measure knows one contender at a time; main.ts repeats and interleaves them.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { P2pdError } from '../src/errors.ts'
import type { Contender, Daemons } from './contenders/contender.ts'
import * as load from './load.ts'
import { cpuSeconds, privateBytes, residentBytes } from './processes.ts'
import type { Findings, RowName } from './rows.ts'

/** How much of everything: a whole run, or just enough to see that all of it works. */
export interface Size {
  /** Bytes in all for one throughput measure, and for the unmeasured one before it. */
  streamBytes: number
  warmBytes: number
  /** Samples of each kind; each also has a time limit, whichever comes first. */
  roundTrips: number
  opens: number
  requests: number
  limit: string
  /** How long memory may settle before it is weighed. */
  settleMs: number
  /** Starts timed in one run of a classic daemon. */
  starts: number
}

export interface Turn {
  contender: Contender
  /** An empty directory, gone after the turn. */
  dir: string
  size: Size
  /** Takes what a number cannot say; it is printed under the table with the contender's name. */
  remark: (text: string) => void
}

export interface Measure {
  name: string
  rows: RowName[]
  run: (turn: Turn) => Promise<Findings>
}

const KB = 1e3
const MB = 1e6
const GB = 1e9

/** Resident memory is looked at so often while bytes flow: a peak shorter than that goes unseen. */
const SAMPLE_MS = 50

const IDLE_STREAMS = 1_000

/** 25 idle streams a protocol: below the 32 that js-libp2p and the 64 that go-libp2p allow one peer on one protocol. */
const IDLE_PROTOCOLS = 40

/** Runs `use` with fresh daemons in a directory of their own, and ends them. */
async function withDaemons<T> (turn: Turn, use: (daemons: Daemons, flags: Record<string, string>) => Promise<T>): Promise<T> {
  const { contender, dir, remark } = turn
  const daemons = await contender.start(dir)
  try {
    const { a, b } = daemons
    return await use(daemons, { a, b, dir })
  } finally {
    const killed = await daemons.stop()
    if (killed > 0) remark(`${killed} of its processes did not end by themselves`)
  }
}

/** The highest resident memory seen while `work` runs. */
async function peakDuring<T> (pids: readonly number[], work: Promise<T>): Promise<{ result: T, peak: number }> {
  let peak = residentBytes(pids)
  const timer = setInterval(() => { peak = Math.max(peak, residentBytes(pids)) }, SAMPLE_MS)
  try {
    return { result: await work, peak }
  } finally {
    clearInterval(timer)
  }
}

const stream: Measure = {
  name: 'stream',
  rows: ['stream1', 'lost1', 'cpu1', 'stream8', 'lost8', 'cpu8', 'peak', 'end', 'privateEnd', 'generator'],
  run: async turn => withDaemons(turn, async (daemons, flags) => {
    const { size, remark } = turn
    const findings: Findings = {}
    await load.throughput({ ...flags, bytes: size.warmBytes })
    const pids = daemons.pids()
    let peak = 0
    let generatorCpu = 0
    let moved = 0
    for (const streams of [1, 8] as const) {
      const before = cpuSeconds(pids)
      const work = load.throughput({ ...flags, streams, bytes: size.streamBytes / streams })
      const { result, peak: seen } = await peakDuring(pids, work)
      if (!result.transport.endsWith(turn.contender.over)) throw new P2pdError('ERR_PEER', `the stream went over ${result.transport}, not ${turn.contender.over}`)
      if (result.damagedBlocks > 0) remark(`${streams} streams: ${result.damagedBlocks} blocks arrived damaged`)
      if (result.streamsCutShort > 0) remark(`${result.streamsCutShort} of ${streams} streams cut short`)
      if (result.error !== undefined) remark(`${streams} streams: ${result.error}`)
      peak = Math.max(peak, seen)
      generatorCpu += result.generatorCpuSeconds
      moved += result.received
      findings[`stream${streams}`] = result.received / MB / result.seconds
      findings[`lost${streams}`] = (size.streamBytes - result.received) / MB
      findings[`cpu${streams}`] = (cpuSeconds(pids) - before) / (result.received / GB)
    }
    await sleep(1_000)
    return {
      ...findings,
      peak: peak / MB,
      end: residentBytes(pids) / MB,
      privateEnd: privateBytes(pids) / MB,
      generator: generatorCpu / (moved / GB)
    }
  })
}

const roundtrip: Measure = {
  name: 'roundtrip',
  rows: ['rtt50', 'rtt99'],
  run: async turn => withDaemons(turn, async (_daemons, flags) => {
    const { size } = turn
    const { p50Us, p99Us } = await load.roundTrip({ ...flags, count: size.roundTrips, limit: size.limit })
    return { rtt50: p50Us, rtt99: p99Us }
  })
}

const open: Measure = {
  name: 'open',
  rows: ['open1p50', 'open1p99', 'open1rate', 'open1cpu', 'open1failed', 'open16p50', 'open16p99', 'open16rate', 'open16cpu', 'open16failed'],
  run: async turn => withDaemons(turn, async (daemons, flags) => {
    const { size, remark } = turn
    const findings: Findings = {}
    // Unmeasured: starts what starts on demand, and lets just-in-time compilers see the work once.
    await load.open({ ...flags, count: size.opens, limit: size.limit })
    const pids = daemons.pids()
    for (const streams of [1, 16] as const) {
      const count = streams === 1 ? size.opens : size.opens * 4
      const before = cpuSeconds(pids)
      const { samples, failed, done, p50Us, p99Us, perSecond, error } = await load.open({ ...flags, streams, count, limit: size.limit })
      if (failed > 0) remark(`opens failed, ${streams} at a time: ${error ?? ''}`)
      findings[`open${streams}p50`] = p50Us / 1_000
      findings[`open${streams}p99`] = p99Us / 1_000
      findings[`open${streams}rate`] = perSecond
      findings[`open${streams}cpu`] = (cpuSeconds(pids) - before) * 1_000 / done
      findings[`open${streams}failed`] = failed / (samples + failed) * 100
    }
    return findings
  })
}

const identify: Measure = {
  name: 'identify',
  rows: ['keptRate', 'keptP50', 'freshRate', 'freshP50'],
  run: async turn => withDaemons(turn, async (_daemons, { a }) => {
    const { contender, size } = turn
    const flags = { a: a ?? '', count: size.requests, limit: size.limit }
    const fresh = await load.identify(flags)
    const findings: Findings = { freshRate: fresh.perSecond, freshP50: fresh.p50Us }
    if (contender.oneRequestPerConnection) return findings
    const kept = await load.identify({ ...flags, kept: true })
    return { ...findings, keptRate: kept.perSecond, keptP50: kept.p50Us }
  })
}

const idle: Measure = {
  name: 'idle',
  rows: ['idleAll', 'idleHost', 'idle0', 'idle1000', 'perStream', 'held'],
  run: async turn => withDaemons(turn, async (daemons, flags) => {
    const { size } = turn
    for (const a of [daemons.a, daemons.b]) await load.identify({ a, count: 1 })
    const hosts = daemons.hosts()
    const weigh = async (): Promise<number> => {
      await sleep(size.settleMs)
      return privateBytes(hosts) / hosts.length / MB
    }
    const idleHost = await weigh()
    const idleAll = privateBytes(daemons.pids()) / MB
    await using streams = await load.IdleStreams.connect({ ...flags, count: IDLE_STREAMS, protocols: IDLE_PROTOCOLS })
    const idle0 = await weigh()
    const { opened, error } = await streams.open()
    const idle1000 = await weigh()
    return {
      idleHost,
      idleAll,
      idle0,
      idle1000: opened === IDLE_STREAMS ? idle1000 : { failed: `after ${opened} streams: ${error ?? 'no more'}` },
      perStream: (idle1000 - idle0) * MB / KB / opened,
      held: opened
    }
  })
}

/** From spawning a classic daemon to its first answer. */
async function timeClassic ({ contender, dir, size }: Turn): Promise<number> {
  const times: number[] = []
  for (let n = 0; n < size.starts; n++) {
    const own = join(dir, String(n))
    mkdirSync(own)
    const path = join(own, 's.sock')
    times.push(await load.start(path, contender.classic(path)))
  }
  return median(times)
}

const start: Measure = {
  name: 'start',
  rows: ['start'],
  async run (turn) {
    if (!turn.contender.onDemand) return { start: await timeClassic(turn) }
    return withDaemons(turn, async ({ a, b }) => {
      // The supervisor has just started; what it still does is not part of a tenant's start.
      await sleep(turn.size.settleMs)
      return { start: median([await load.start(a), await load.start(b)]) }
    })
  }
}

const classic: Measure = {
  name: 'classic',
  rows: ['startClassic'],
  run: async turn => ({ startClassic: await timeClassic(turn) })
}

export function median (values: readonly number[]): number {
  const sorted = values.toSorted((x, y) => x - y)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2
}

export const measures: readonly Measure[] = [stream, roundtrip, open, identify, idle, start, classic]
