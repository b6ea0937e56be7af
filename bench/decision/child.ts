/**
 * A process that decides as a host does: with the flags and the environment of one, and nothing else in it.
 *
 * Reads a document from stdin, writes what it measured to the channel that a host has to its supervisor.
 */
import { readFileSync, writeSync } from 'node:fs'
import { LINK_FD } from '../../src/link.ts'
import { createPolicy, preloadCedar } from '../../src/policy/engine.ts'
import type { Caller } from '../../src/policy/ask.ts'
import { privateBytes } from '../processes.ts'
import { mixes } from './asks.ts'
import type { Found, Job } from './decision.ts'

const { document, mix, samples, fresh } = JSON.parse(readFileSync(0, 'utf8')) as Job
const caller: Caller = { tenant: document.tenant.name, process: { uid: 1000, gid: 1000, pid: 1 } }
const ask = mixes[mix]
const memory = (): number => privateBytes([process.pid])

const before = memory()
let policy = createPolicy(document)
preloadCedar()

let allowed = 0
/** Microseconds of each of so many decisions, from this one on. */
function time (from: number, count: number, step = 1): number[] {
  const times: number[] = []
  for (let n = from; n < from + count; n++) {
    const question = ask(step === 0 ? from : n)
    const began = performance.now()
    const decision = policy.decide(caller, question)
    times.push((performance.now() - began) * 1_000)
    if (decision.allowed) allowed++
  }
  return times
}

const first = time(0, fresh)
const uncached = time(fresh, samples)
// The very last question, which is kept for sure.
const cached = time(fresh + samples - 1, samples, 0)
const after = memory()

// Each engine prepares its sets anew, so the first questions to it are those of a new epoch.
const epochs: number[] = []
for (let epoch = 1; epoch <= 20; epoch++) {
  policy = createPolicy({ ...document, epoch })
  epochs.push(...time(epoch * 1_000_000, 1))
}

const found: Found = { first, uncached, cached, epochs, privateBytes: after - before, allowed, asked: first.length + uncached.length + cached.length + epochs.length }
writeSync(LINK_FD, `${JSON.stringify(found)}\n`)
process.exit(0)
