/**
 * The way into Cedar's WebAssembly.
 *
 * Owns when it is loaded (at the first use, or by preloadCedar), and how: a function is validated when it is first used and not with
 * all others at the start, which saves 14 ms; the package's code is no stranger's. V8 compiles it quickly at first and well where it is
 * used much: twice as fast then, for 10 to 25 MB, which only a host pays that is asked new questions all the time.
 */
import { createRequire } from 'node:module'
import { setFlagsFromString } from 'node:v8'
import type * as CedarModule from '@cedar-policy/cedar-wasm/nodejs'
import { P2pdError, messageOf } from '../errors.ts'

export type Cedar = typeof CedarModule

export type { AuthorizationAnswer, DetailedError, EntityJson, PolicyJson } from '@cedar-policy/cedar-wasm/nodejs'

let loaded: Cedar | undefined
let trap: unknown

/** Reads the WebAssembly, 4 MB. Later calls of anything here read no file. */
export function preloadCedar (): void {
  if (loaded !== undefined) return
  setFlagsFromString('--wasm-lazy-validation')
  try {
    loaded = createRequire(import.meta.url)('@cedar-policy/cedar-wasm/nodejs') as Cedar
  } finally {
    setFlagsFromString('--no-wasm-lazy-validation') // frames are encrypted by WebAssembly, too
  }
}

/**
 * Lets the function use Cedar. Cedar answers faults and does not throw them; if it does, the WebAssembly has trapped, half of
 * its memory may be from an unfinished call, and it is never asked again: this throws from then on, in the whole process.
 */
export function withCedar<T> (use: (cedar: Cedar) => T): T {
  preloadCedar()
  if (trap !== undefined) throw new P2pdError('ERR_SYSTEM', 'Cedar has failed in this process and is not asked again', { cause: trap })
  try {
    return use(loaded as Cedar)
  } catch (error) {
    trap = error
    throw new P2pdError('ERR_SYSTEM', `Cedar has failed: ${messageOf(error)}`, { cause: error })
  }
}
