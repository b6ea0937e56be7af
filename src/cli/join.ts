/**
 * A stream joined to stdin and stdout, with half-close both ways.
 *
 * Owns when it is over. The end of stdin closes our direction and the other's goes on. When the other has ended, a terminal
 * is not waited for: nobody should have to type an end of file after it. A pipe is, since the other may still read: until it
 * has ended, or until nobody is there to read.
 */
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { finished } from 'node:stream/promises'
import { P2pdError, messageOf } from '../errors.ts'
import { HANGUP_CHECK_MS } from '../limits.ts'
import { hasHungUp } from '../os/hangup.ts'
import { PumpError, pump, type Pumped } from './pump.ts'

export interface Moved { readonly sentBytes: number, readonly receivedBytes: number }

/**
 * Takes the stream over; resolves when all is written both ways. Throws ERR_CLOSED when the stream broke off, was closed
 * before everything was sent, or `stopped` aborted it; ERR_SYSTEM when stdin or stdout fails.
 */
export async function join (stream: Duplex, stopped: AbortSignal): Promise<Moved> {
  const enough = new AbortController()
  const isGone = (): boolean => stream instanceof Socket && hasHungUp(stream)
  let hangupCheck: NodeJS.Timeout | undefined
  const send = async (): Promise<Pumped> => {
    const sent = await pump(process.stdin, stream, { until: AbortSignal.any([enough.signal, stopped]), isGone })
    if (sent.why === 'gone' || stopped.aborted) return sent
    stream.end()
    await finished(stream, { readable: false })
    return sent
  }
  const receive = async (): Promise<Pumped> => {
    const received = await pump(stream, process.stdout, { until: stopped })
    if (process.stdin.isTTY) enough.abort()
    else hangupCheck = setInterval(() => { if (isGone()) enough.abort() }, HANGUP_CHECK_MS)
    return received
  }
  try {
    const [sent, received] = await Promise.all([send().catch(failed('from', 'stdin')), receive().catch(failed('to', 'stdout'))])
    if (stopped.aborted) throw new P2pdError('ERR_CLOSED', 'stopped before the stream had ended')
    if (sent.why === 'gone') throw new P2pdError('ERR_CLOSED', 'the other end closed the stream before everything was sent')
    return { sentBytes: sent.bytes, receivedBytes: received.bytes }
  } finally {
    clearInterval(hangupCheck)
    stream.destroy()
  }
}

/** For the direction that has `ours` at this side: which of the two failed, in words. */
function failed (side: PumpError['side'], ours: string) {
  return (error: unknown): never => {
    if (error instanceof PumpError && error.side === side) {
      throw new P2pdError('ERR_SYSTEM', `${ours}: ${messageOf(error.cause)}`, { cause: error.cause })
    }
    throw new P2pdError('ERR_CLOSED', 'the stream broke off: the daemon was stopped, or the tenant\'s host was', { cause: error })
  }
}
