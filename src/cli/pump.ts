/**
 * One direction of a joined stream: what is read from one is written to the other.
 *
 * Owns back-pressure, and that no byte is taken from a source that cannot be given on: what is left in `from` when it stops
 * is there for the next. Ends nothing and destroys nothing. Not pipeline(): that destroys stdin together with the first
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
  readonly bytes: number
  /** `gone`: there was more to write, and nobody to take it. */
  readonly why: 'ended' | 'stopped' | 'gone'
}

/** Which of the two failed; its error is the cause. */
export class PumpError extends Error {
  readonly side: 'from' | 'to'

  constructor (side: 'from' | 'to', cause: unknown) {
    super(`the ${side === 'from' ? 'source' : 'sink'} broke off`, { cause })
    this.side = side
  }
}

/** Rejects with a PumpError when either of the two fails, or is closed too early. */
export async function pump (from: Readable, to: Writable, { until, isGone = () => false }: PumpInit): Promise<Pumped> {
  let failure: PumpError | undefined
  const onFromError = (error: Error): void => { failure ??= new PumpError('from', error) }
  // Kept from events: process.stdout undestroys itself after an error and forgets it.
  const onToEnd = (error?: Error): void => { failure ??= new PumpError('to', error ?? to.errored) }
  from.on('error', onFromError)
  to.on('error', onToEnd).on('close', onToEnd)
  try {
    for (let bytes = 0; ;) {
      if (failure !== undefined) throw failure
      if (until.aborted) return { bytes, why: 'stopped' }
      const chunk = from.read() as Buffer | null
      if (chunk !== null) {
        if (isGone()) return { bytes, why: 'gone' }
        bytes += chunk.length
        if (!to.write(chunk)) await anyOf([[to, 'drain'], [to, 'error'], [to, 'close']], until)
      } else if (from.readableEnded) {
        return { bytes, why: 'ended' }
      } else if (from.destroyed) {
        throw new PumpError('from', from.errored)
      } else {
        await anyOf([[from, 'readable'], [from, 'end'], [from, 'error'], [from, 'close'], [to, 'error'], [to, 'close']], until)
      }
    }
  } finally {
    from.off('error', onFromError)
    to.off('error', onToEnd).off('close', onToEnd)
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
