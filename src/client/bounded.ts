/**
 * One signal out of all that may end a call: its caller's, its client's, and the clock.
 *
 * Not AbortSignal.any() and .timeout(): a client outlives its calls by far, and this leaves nothing behind on its signal.
 */
import { P2pdError } from '../errors.ts'

/** Above this setTimeout() fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

export interface Bounds {
  timeoutMs: number
  /** For the message of an ERR_TIMEOUT: `the daemon did not answer`. */
  what: string
  signals: ReadonlyArray<AbortSignal | undefined>
}

/**
 * Runs the call under a signal that aborts with ERR_TIMEOUT after so long, and with the reason of any of those given when it
 * aborts. Once the call is over, aborting has no effect on it.
 */
export async function bounded<T> ({ timeoutMs, what, signals }: Bounds, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const over = new AbortController()
  for (const signal of signals) {
    signal?.throwIfAborted()
    signal?.addEventListener('abort', () => { controller.abort(signal.reason) }, { signal: over.signal })
  }
  const timer = setTimeout(() => {
    controller.abort(new P2pdError('ERR_TIMEOUT', `${what} within ${timeoutMs / 1000} s`))
  }, Math.min(timeoutMs, MAX_TIMER_MS))
  try {
    return await call(controller.signal)
  } finally {
    clearTimeout(timer)
    over.abort()
  }
}

/** What the promise comes to, or the signal's reason when that aborts first. Leaves nothing behind on the signal. */
export async function orAborted<T> (promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => { aborted.reject(signal.reason) }
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort)
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
