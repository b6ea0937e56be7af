/**
 * Waiting for what happens elsewhere, never longer than a deadline that says what it was for.
 *
 * Nothing in the tests sleeps for a fixed time in the hope that something has happened by then.
 */
import { setTimeout as delay } from 'node:timers/promises'

/** What anything on this machine may take while other suites load it. A test that means a shorter time says so. */
export const PATIENCE_MS = 10_000

const POLL_MS = 10

/** The promise's result, or an error that says what did not come in time. The promise itself goes on. */
export async function within<T> (what: string, promise: Promise<T>, deadlineMs: number = PATIENCE_MS): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => { late.reject(new Error(`${what}: not after ${deadlineMs / 1000} s`)) }, deadlineMs)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

/** Asks again until the answer is something, which it returns. What `ask` throws ends the waiting. */
export async function until<T> (
  what: string, ask: () => T | undefined | false | Promise<T | undefined | false>, deadlineMs: number = PATIENCE_MS
): Promise<T> {
  const deadline = Date.now() + deadlineMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    if (Date.now() > deadline) throw new Error(`${what}: not after ${deadlineMs / 1000} s`)
    await delay(POLL_MS)
  }
}

/** Whether the promise is still pending after so long. For what must not happen, which no event tells. */
export async function isPendingAfter (ms: number, promise: Promise<unknown>): Promise<boolean> {
  const late = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => { late.resolve(true) }, ms)
  try {
    return await Promise.race([promise.then(() => false, () => false), late.promise])
  } finally {
    clearTimeout(timer)
  }
}
