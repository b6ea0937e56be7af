/**
 * A policy directory -> the set of policies in force next, or every fault in it.
 *
 * A whole or nothing. Owns which files count, how large they may be and who may write them; what they say is checked in a
 * process of its own (checkProcess.ts), so that whoever loads policies never has Cedar in its memory.
 */
import { readdirSync, statSync } from 'node:fs'
import { extname, join } from 'node:path'
import { readOperatorFile, whyOpenToAll } from '../config/manifestFile.ts'
import { parsePolicyExamples, type PolicyExample } from '../config/policyExamples.ts'
import { ConfigError, messageOf, type Fault } from '../errors.ts'
import { checkInProcess } from './checkProcess.ts'
import type { PolicyFile, ScopedPolicy } from './checkPolicies.ts'
import type { Neighbour, PolicyDocument } from './document.ts'
import { DAEMON_NAME } from './document.ts'
import { EXAMPLES_NAME, SCHEMA_FILE, SCHEMA_NAME, schemaText } from './files.ts'
import { sliceFor } from './slice.ts'

export type { ScopedPolicy }

/** Plain JSON. */
export interface PolicySet {
  readonly policies: readonly ScopedPolicy[]
  /** What is no fault and may be a mistake, for the operator. */
  readonly warnings: readonly string[]
  /** How many examples hold. */
  readonly examples: number
}

export interface LoadPoliciesOptions {
  /** The uid p2pd runs as; this process's own, if left out. */
  readonly uid?: number
}

/** Ten times the longest anybody should want to read. */
const MAX_FILE_BYTES = 256 * 1024
/** All policies together: what a reload parses within a second or two. */
const MAX_TOTAL_BYTES = 1024 * 1024

const EXTENSION = '.cedar'

interface Read {
  readonly files: PolicyFile[]
  readonly examples: PolicyExample[]
  readonly faults: Fault[]
}

/** Rejects with a ConfigError that holds every fault. */
export async function loadPolicies (dir: string, tenants: ReadonlyArray<{ readonly name: string, readonly groups: readonly string[] }>, { uid = process.geteuid?.() ?? 0 }: LoadPoliciesOptions = {}): Promise<PolicySet> {
  const { files, examples, faults } = readPolicyDirectory(dir, uid)
  const known = withDaemon(tenants.map(({ name, groups }) => ({ name, groups })))
  const { policies, faults: findings, warnings, examples: tried } = await checkInProcess({ files, examples, tenants: known })
  faults.push(...findings.map(({ file, what }) => ({ file: join(dir, file), path: '', what })))
  if (faults.length > 0) throw new ConfigError(faults)
  return { policies, warnings, examples: tried }
}

/** What one tenant's host decides by. */
export function documentFor ({ policies }: Pick<PolicySet, 'policies'>, rest: Omit<PolicyDocument, 'policies'> & { readonly neighbours: readonly Neighbour[] }): PolicyDocument {
  const { epoch, tenant: { name, groups }, neighbours } = rest
  return { epoch, tenant: { name, groups }, policies: sliceFor(policies, { name, groups }), neighbours }
}

/** The daemon's own host is there without a manifest, too. */
export function withDaemon<T extends { readonly name: string }> (tenants: readonly T[]): Array<T | { readonly name: string, readonly groups: readonly string[] }> {
  return tenants.some(({ name }) => name === DAEMON_NAME) ? [...tenants] : [...tenants, { name: DAEMON_NAME, groups: [] }]
}

function readPolicyDirectory (dir: string, uid: number): Read {
  const faults: Fault[] = []
  const files: PolicyFile[] = []
  let examples: PolicyExample[] = []
  const read = (entry: string, maxBytes = MAX_FILE_BYTES): string | undefined => {
    const result = readOperatorFile(join(dir, entry), uid, maxBytes)
    if ('text' in result) return result.text
    faults.push(result.fault)
    return undefined
  }
  for (const entry of namesIn(dir, uid)) {
    const file = join(dir, entry)
    const wrongName = rename(entry)
    if (wrongName !== undefined) faults.push({ file, path: '', what: `is not read; rename it to ${wrongName}` })
    if (extname(entry) === EXTENSION) {
      const text = read(entry)
      if (text !== undefined) files.push({ name: entry, text })
    } else if (entry === EXAMPLES_NAME) {
      const parsed = parsePolicyExamples(read(entry) ?? '', file)
      examples = parsed.examples
      faults.push(...parsed.faults)
    } else if (entry === SCHEMA_NAME) {
      const text = read(entry)
      if (text !== undefined && text !== schemaText) faults.push({ file, path: '', what: `differs from what this p2pd knows; copy it again from ${SCHEMA_FILE}, or take it out: only editors need it here` })
    }
  }
  const total = files.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0)
  // And then it is not parsed either.
  if (total > MAX_TOTAL_BYTES) throw new ConfigError([...faults, { file: dir, path: '', what: `all policies together must be at most ${MAX_TOTAL_BYTES} bytes, found ${total}` }])
  return { files, examples, faults }
}

/** Sorted by code unit: the same order on every machine. Dot files are what editors leave beside what is being edited. */
function namesIn (dir: string, uid: number): string[] {
  const fault = (what: string): ConfigError => new ConfigError([{ file: dir, path: '', what }])
  try {
    const entries = readdirSync(dir)
    const open = whyOpenToAll(statSync(dir).mode, uid)
    if (open !== undefined) throw fault(open)
    return entries.filter(entry => !entry.startsWith('.')).sort()
  } catch (error) {
    if (error instanceof ConfigError) throw error
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT') throw fault('no such directory; make it, and put a policy into it: without one everything is denied')
    if (code === 'ENOTDIR') throw fault('is no directory')
    throw fault(`cannot be read (${messageOf(error)})`)
  }
}

/** The names people write and wonder why nothing happens. */
function rename (entry: string): string | undefined {
  const extension = extname(entry)
  if (extension !== EXTENSION && extension.toLowerCase() === EXTENSION) return entry.slice(0, -extension.length) + EXTENSION
  return /^examples?\.ya?ml$/i.test(entry) && entry !== EXAMPLES_NAME ? EXAMPLES_NAME : undefined
}
