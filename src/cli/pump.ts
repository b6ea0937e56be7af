/**
 * One direction of a joined stream: what is read from one is written to the other.
 *
 * Owns back-pressure, and that no byte is taken from a source that cannot be given on: what is left in `from` when it stops
 * is there for the next. Ends nothing and destroys nothing. Not pipeline(): that destroys a terminal's input with the first
 * stream it was joined to.
 */
import type { EventEmitter } from 'node:events'
import type { Readable, Writable } from 'node:stream'

export interface PumpInit {
  /** Stops it between two chunks. */
  readonly until: AbortSignal
  /** Asked before each write: a write to somebody who has gone would cost what they sent before. */
  readonly isGone?: () => boolean
}

export interface Pumped {
  bytes: number
  /** `gone`: there was more to write, and nobody to take it. */
  why: 'ended' | 'stopped' | 'gone'
}

/** Rejects with the error of whichever of the two fails, or undefined's where one was destroyed without any. */
export async function pump (from: Readable, to: Writable, { until, isGone = () => false }: PumpInit): Promise<Pumped> {
  let failed = false
  let failure: unknown
  // Kept from events: process.stdout forgets its errors (it undestroys itself).
  const fail = (error?: Error): void => { failed = true; failure ??= error }
  from.on('error', fail)
  to.on('error', fail).on('close', fail)
  try {
    for (let bytes = 0; ;) {
      if (failed) throw failure ?? new Error('closed')
      if (until.aborted) return { bytes, why: 'stopped' }
      const chunk = from.read() as Buffer | null
      if (chunk !== null) {
        if (isGone()) return { bytes, why: 'gone' }
        bytes += chunk.length
        if (!to.write(chunk)) await anyOf([[to, 'drain'], [to, 'error'], [to, 'close']], until)
      } else if (from.readableEnded) {
        return { bytes, why: 'ended' }
      } else if (from.destroyed) {
        throw from.errored ?? new Error('closed')
      } else {
        await anyOf([[from, 'readable'], [from, 'end'], [from, 'error'], [from, 'close'], [to, 'error'], [to, 'close']], until)
      }
    }
  } finally {
    from.off('error', fail)
    to.off('error', fail).off('close', fail)
  }
}

/** Resolves with the first of the events, or when the signal aborts. */
async function anyOf (events: ReadonlyArray<readonly [EventEmitter, string]>, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const settle = (): void => { resolve(undefined) }
  for (const [emitter, event] of events) emitter.on(event, settle)
  signal.addEventListener('abort', settle)
  await promise
  signal.removeEventListener('abort', settle)
  for (const [emitter, event] of events) emitter.off(event, settle)
}
