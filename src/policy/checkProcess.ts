/**
 * Starts the process that checks policies (check.ts), and says what it means when that one dies.
 *
 * Owns what it may use: ten seconds, 256 MiB for the WebAssembly, nothing of the operator's environment. What comes back is
 * plain data; whatever a policy's text does to a parser has been done to a process that is gone.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { P2pdError, messageOf } from '../errors.ts'
import type { CheckInput, CheckOutput } from './check.ts'

/** Beside this file in the sources; in the bundle, beside the programs. */
const ENTRY = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? 'check.ts' : 'policyCheck.mjs', import.meta.url))

/** A thousand policies take about two on a slow machine. */
const DEADLINE_MS = 30_000

const LIMITS = ['--disable-sigusr1', '--max-old-space-size=128', '--wasm-max-mem-pages=4096']

/** Killed, crashed or said nothing sensible: with how, in words. */
export interface Died { readonly died: string }

/** The first letters of what it printed before it died. */
const MAX_REASON_CHARACTERS = 200

/** What the policies are worth; if they bring the process down, which files do so by themselves, and what the others are worth. */
export async function checkInProcess (input: CheckInput, entry = ENTRY): Promise<CheckOutput> {
  const whole = await run(input, entry)
  if (!('died' in whole)) return whole
  const culprits: CheckOutput['faults'][number][] = []
  for (const file of input.files) {
    const alone = await run({ ...input, files: [file], examples: [] }, entry)
    if ('died' in alone) culprits.push({ file: file.name, what: `cannot be checked: ${alone.died}; something in it is too long or nested too deeply, write it as several policies` })
    else culprits.push(...alone.faults)
  }
  const faults = culprits.length > 0 ? culprits : [{ file: '', what: `cannot be checked: ${whole.died}, though each file by itself can; make them fewer or shorter` }]
  return { policies: [], faults, warnings: [], examples: 0 }
}

async function run (input: CheckInput, entry: string): Promise<CheckOutput | Died> {
  const { NODE_COMPILE_CACHE } = process.env
  const child = spawn(process.execPath, [...LIMITS, entry], {
    env: NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: DEADLINE_MS,
    killSignal: 'SIGKILL'
  })
  child.stdin.on('error', () => { /* it died before it had read everything; its end says how */ })
  child.stdin.end(JSON.stringify(input))
  const started = performance.now()
  try {
    const [output, complaint, [code, signal]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close') as Promise<[number | null, string | null]>])
    if (code === 0) return JSON.parse(output) as CheckOutput
    if (signal !== null) return { died: performance.now() - started >= DEADLINE_MS ? `it takes more than ${DEADLINE_MS / 1000} s` : `the process that reads it was ended by ${signal}` }
    return { died: reasonIn(complaint) ?? `the process that reads it ended with ${code}` }
  } catch (cause) {
    throw new P2pdError('ERR_SYSTEM', `policies cannot be checked: ${messageOf(cause)}`, { cause })
  }
}

/** The error among what Node prints around it. */
function reasonIn (complaint: string): string | undefined {
  return /^(?:\w*Error)(?: \[\w+\])?: (.*)$/m.exec(complaint)?.[1]?.slice(0, MAX_REASON_CHARACTERS)
}
