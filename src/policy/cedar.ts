/**
 * The way into Cedar's WebAssembly.
 *
 * Owns when it is loaded (at the first use, or by preloadCedar), and that it stays small. V8's optimising compiler would take
 * 25 MB more of every host for decisions that are cached anyway, so it is switched off while Cedar's code is compiled, which
 * is whenever one of its functions runs for the first time; and on again for all other WebAssembly of the process, which
 * encrypts frames. That costs about 1 us a call. Validating a function when it is first used instead of all of them at the
 * start saves 14 ms of a start; the package's code is no stranger's.
 */
import { createRequire } from 'node:module'
import { setFlagsFromString } from 'node:v8'
import type * as CedarModule from '@cedar-policy/cedar-wasm/nodejs'
import { P2pdError, messageOf } from '../errors.ts'

export type Cedar = typeof CedarModule

export type { AuthorizationAnswer, DetailedError, EntityJson, PolicyJson } from '@cedar-policy/cedar-wasm/nodejs'

/** Set one after the other: V8 takes no list. */
const SMALL = ['--no-wasm-tier-up', '--no-wasm-dynamic-tiering', '--wasm-lazy-validation']
const USUAL = ['--wasm-tier-up', '--wasm-dynamic-tiering', '--no-wasm-lazy-validation']

let loaded: Cedar | undefined
let trap: unknown

/** Reads the WebAssembly, 4 MB. Later calls of anything here read no file. */
export function preloadCedar (): void {
  loaded ??= small(() => createRequire(import.meta.url)('@cedar-policy/cedar-wasm/nodejs') as Cedar)
}

/**
 * Lets the function use Cedar. Cedar answers faults and does not throw them; if it does, the WebAssembly has trapped, half of
 * its memory may be from an unfinished call, and it is never asked again: this throws from then on, in the whole process.
 */
export function withCedar<T> (use: (cedar: Cedar) => T): T {
  preloadCedar()
  if (trap !== undefined) throw new P2pdError('ERR_SYSTEM', 'Cedar has failed in this process and is not asked again', { cause: trap })
  try {
    return small(() => use(loaded as Cedar))
  } catch (error) {
    trap = error
    throw new P2pdError('ERR_SYSTEM', `Cedar has failed: ${messageOf(error)}`, { cause: error })
  }
}

function small<T> (run: () => T): T {
  for (const flag of SMALL) setFlagsFromString(flag)
  try {
    return run()
  } finally {
    for (const flag of USUAL) setFlagsFromString(flag)
  }
}
