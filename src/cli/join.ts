/**
 * A stream joined to stdin and stdout, with half-close both ways.
 *
 * Owns when it is over. The end of stdin closes our direction and the other's goes on. When the other has ended, a terminal
 * is not waited for: nobody should have to type an end of file after it. A pipe is, since the other may still read: until it
 * has ended, or until nobody is there to read.
 */
import { Socket } from 'node:net'
import { finished } from 'node:stream/promises'
import type { Duplex } from 'node:stream'
import { P2pdError } from '../errors.ts'
import { HANGUP_CHECK_MS } from '../limits.ts'
import { hasHungUp } from '../os/hangup.ts'
import { pump, type Pumped } from './pump.ts'

export interface Moved { readonly sentBytes: number, readonly receivedBytes: number }

/** Takes the stream over; resolves when all is written both ways. Throws ERR_CLOSED when one side went too early. */
export async function join (stream: Duplex, stopped: AbortSignal): Promise<Moved> {
  const enough = new AbortController()
  const isGone = (): boolean => stream instanceof Socket && hasHungUp(stream)
  const broken = (what: string) => (cause: unknown): never => { throw new P2pdError('ERR_CLOSED', what, { cause }) }
  let check: NodeJS.Timeout | undefined
  const send = async (): Promise<Pumped> => {
    const sent = await pump(process.stdin, stream, { until: AbortSignal.any([enough.signal, stopped]), isGone })
    if (sent.why === 'gone') return sent
    stream.end()
    await finished(stream, { readable: false })
    return sent
  }
  const receive = async (): Promise<Pumped> => {
    const received = await pump(stream, process.stdout, { until: stopped })
    if (process.stdin.isTTY) enough.abort()
    else check = setInterval(() => { if (isGone()) enough.abort() }, HANGUP_CHECK_MS)
    return received
  }
  try {
    const [sent, received] = await Promise.all([
      send().catch(broken('the stream broke off before everything was sent')),
      receive().catch(broken('the stream broke off, or nobody reads stdout any more'))
    ])
    if (sent.why === 'gone') throw new P2pdError('ERR_CLOSED', 'the other end closed the stream before everything was sent')
    return { sentBytes: sent.bytes, receivedBytes: received.bytes }
  } finally {
    clearInterval(check)
    stream.destroy()
  }
}
