/**
 * The asker's side of /p2pd/blessing-status/1.0.0: one message behind its length each way, and the stream is over.
 *
 * An answer is worth what the connection is that it came by: ask on a stream to the issuer's peer ID.
 */
import type { Stream } from '@libp2p/interface'
import { P2pdError } from '../errors.ts'
import { decodeBlessingStatusResponse, encodeBlessingStatusRequest, type BlessingStatusResponse } from '../wire/codec.ts'
import { encodeFrame } from '../wire/frames.ts'
import { grantIdBytes } from './grantId.ts'
import { readOneFrame } from './oneFrame.ts'

export { BLESSING_STATUS_PROTOCOL } from '../wire/protocols.ts'

/** Longest message of the protocol, bytes: an answer with two 64-bit numbers has 24, a question 18. */
export const MAX_STATUS_BYTES = 64

/** How long an answer may take unless something else is said, milliseconds: the daemon looks it up in memory. */
const STATUS_TIMEOUT_MS = 10_000

export interface AskOptions {
  readonly signal?: AbortSignal
  /** 10 seconds when absent. */
  readonly timeoutMs?: number
}

/** Epoch and expires (seconds since 1970) are those of the grant as it stands, and 0 when it does not. */
export type BlessingStatus = Readonly<BlessingStatusResponse>

/**
 * What to ask, without its length. ERR_REQUEST for what is no grant's id.
 *
 * @param grant the blessing's `grant`: 32 hexadecimal digits
 */
export function encodeStatusQuestion (grant: string): Uint8Array {
  return encodeBlessingStatusRequest({ grant: grantIdBytes(grant) })
}

/** What was answered, without its length. ERR_MESSAGE for what is no answer. */
export function decodeStatusAnswer (answer: Uint8Array): BlessingStatus {
  const { stands, epoch, expires } = decodeBlessingStatusResponse(answer)
  return { stands, epoch, expires }
}

/**
 * Asks on a fresh stream of BLESSING_STATUS_PROTOCOL, and ends it. Rejects with ERR_TIMEOUT, with the signal's reason, and with
 * ERR_CLOSED, ERR_FRAME or ERR_MESSAGE when what comes is no answer; the stream is then reset.
 */
export async function askBlessingStatus (stream: Stream, grant: string, { signal, timeoutMs = STATUS_TIMEOUT_MS }: AskOptions = {}): Promise<BlessingStatus> {
  const deadline = new AbortController()
  const timer = setTimeout(() => {
    deadline.abort(new P2pdError('ERR_TIMEOUT', `the issuer did not say within ${timeoutMs} ms whether the blessing stands: ask again`))
  }, timeoutMs)
  const limit = signal === undefined ? deadline.signal : AbortSignal.any([signal, deadline.signal])
  try {
    const question = encodeFrame(encodeStatusQuestion(grant))
    // Heard from before it is asked, so that nothing can come unheard.
    const [answer] = await Promise.all([readOneFrame(stream, MAX_STATUS_BYTES, limit), say(stream, question, limit)])
    return decodeStatusAnswer(answer)
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error(String(error)))
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** All there is to say, and that it is all. */
async function say (stream: Stream, question: Uint8Array, signal: AbortSignal): Promise<void> {
  try {
    stream.send(question)
    await stream.close({ signal })
  } catch (cause) {
    signal.throwIfAborted()
    throw new P2pdError('ERR_CLOSED', 'the stream was over before the issuer could be asked: open another one', { cause })
  }
}
