/**
 * The decision benchmark: what one answer of policy takes in a host, at ten and at a hundred policies.
 *
 * The policies pass the same check as an operator's, and each set is measured in a process of its own that is started like a
 * host: same flags, same environment.
 */
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { P2pdError } from '../../src/errors.ts'
import type { PolicyDocument } from '../../src/policy/document.ts'
import { documentFor, loadPolicies } from '../../src/policy/load.ts'
import { spawnHost } from '../../src/supervisor/hostSpawn.ts'
import { percentile } from '../fairness/verdict.ts'
import type { mixes } from './asks.ts'
import { GROUP, oneTenantOf, realisticOf, worstOf } from './policies.ts'

/** What one process measures. */
export interface Job {
  document: PolicyDocument
  mix: keyof typeof mixes
  /** Decisions of each kind, after the first ones. */
  samples: number
  /** Decisions of a process that has only just started. */
  fresh: number
}

/** Microseconds, one by one. */
export interface Found {
  first: number[]
  uncached: number[]
  cached: number[]
  epochs: number[]
  privateBytes: number
  allowed: number
  asked: number
}

export interface DecisionResult {
  title: string
  policies: number
  /** Of them, those that the tenant's host is given. */
  given: number
  uncachedP50Us: number
  uncachedP99Us: number
  cachedP50Us: number
  cachedP99Us: number
  /** Of the first decisions after the process has started, and the very first. */
  firstP99Us: number
  veryFirstUs: number
  /** The first decision of a new epoch, median. */
  epochP50Us: number
  /** What loading policy and deciding adds to a process's private memory. */
  privateMB: number
}

/** One decision of those that are not kept, at a hundred policies, 99th percentile. */
export const AIM_US = 500
export const AIM_POLICIES = 100

const CHILD = fileURLToPath(new URL('child.ts', import.meta.url))

/** Memory limit of a host that has not been given another. */
const MEMORY_BYTES = 256 * 2 ** 20

const FRESH = 100

const TENANT = { name: 'app1', groups: [GROUP] }

const sets: ReadonlyArray<{ title: string, mix: Job['mix'], of: (count: number) => Map<string, string> }> = [
  { title: 'many tenants', mix: 'everything', of: realisticOf },
  { title: 'one tenant', mix: 'everything', of: oneTenantOf },
  { title: 'this very question', mix: 'streams', of: worstOf }
]

/** @param dir does not exist yet, and is the caller's to remove */
export async function decision (dir: string, samples: number, say: (line: string) => void): Promise<DecisionResult[]> {
  mkdirSync(dir)
  const results: DecisionResult[] = []
  for (const [n, { title, mix, of }] of sets.entries()) {
    for (const count of [10, AIM_POLICIES]) {
      say(`decision: ${count} policies, ${title}`)
      const { document, policies } = await load(join(dir, `${n}-${count}`), of(count))
      results.push(resultOf(title, policies, document, await run({ document, mix, samples, fresh: FRESH })))
    }
  }
  return results
}

/** Through the same check as an operator's directory. */
async function load (dir: string, files: ReadonlyMap<string, string>): Promise<{ document: PolicyDocument, policies: number }> {
  mkdirSync(dir, { mode: 0o755 })
  for (const [name, content] of files) writeFileSync(join(dir, name), content, { mode: 0o644 })
  const set = await loadPolicies(dir, [TENANT, { name: 'app2', groups: [GROUP] }])
  const neighbours = [{ peerId: '12D3KooWNeighbour', tenant: 'app2', groups: [GROUP] }]
  return { document: documentFor(set, { epoch: 1, tenant: TENANT, neighbours }), policies: set.policies.length }
}

async function run (job: Job): Promise<Found> {
  const nothing = openSync('/dev/null', 'r')
  const { child, startPipe, link, passingFd } = spawnHost({ controlFd: nothing, memoryBytes: MEMORY_BYTES, program: CHILD })
  closeSync(nothing)
  closeSync(passingFd)
  if (startPipe === undefined || link === undefined) throw new P2pdError('ERR_SYSTEM', 'no process was to be had')
  startPipe.end(JSON.stringify(job))
  const [said] = await Promise.all([text(link), once(child, 'exit')])
  if (child.exitCode !== 0) throw new P2pdError('ERR_SYSTEM', `the process that decides ended with ${child.exitCode ?? child.signalCode}`)
  return JSON.parse(said) as Found
}

function resultOf (title: string, policies: number, document: PolicyDocument, found: Found): DecisionResult {
  // Of nothing but denials the default would be measured, and of an error Cedar's sentence.
  if (found.allowed !== found.asked) throw new P2pdError('ERR_CONFIG', `${title}: ${found.asked - found.allowed} of ${found.asked} questions were denied, and none should be`)
  return {
    title,
    policies,
    given: document.policies.length,
    uncachedP50Us: percentile(found.uncached, 0.5),
    uncachedP99Us: percentile(found.uncached, 0.99),
    cachedP50Us: percentile(found.cached, 0.5),
    cachedP99Us: percentile(found.cached, 0.99),
    firstP99Us: percentile(found.first, 0.99),
    veryFirstUs: found.first[0] ?? Number.NaN,
    epochP50Us: percentile(found.epochs, 0.5),
    privateMB: found.privateBytes / 1e6
  }
}
