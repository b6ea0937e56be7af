/** How fast one host's messages are read: what it says costs the supervisor time, which is everybody's. */
import { TokenBucket } from '../tokenBucket.ts'

/** Far above what a host has to say; a start with a thousand handlers fits the burst. */
const MESSAGES = { perSecond: 500, burst: 1_000 }
/** Parsing takes about 10 ms a MiB. */
const BYTES = { perSecond: 512 * 1024, burst: 2 * 1024 * 1024 }

/** To be called with the length of each message: how long the next one has to wait, milliseconds. */
export function hostPace (): (bytes: number) => number {
  const messages = new TokenBucket(MESSAGES)
  const bytes = new TokenBucket(BYTES)
  return length => {
    messages.owe(1)
    bytes.owe(length)
    return Math.max(messages.owedMs(), bytes.owedMs())
  }
}
