/**
 * Questions that a plugin answers: an app that serves `/p2pd/plugin/KIND/VERSION` under the daemon's identity.
 *
 * Owns what is believed of it, which is little: it is an app like any other. One stream a question; its answer is read as the
 * message it has to be and written anew, no faster than the program that asked reads; it ends with the question's time, with
 * the program, and with what was asked for. What a right answer is, the question says (dhtPlugin.ts). Whether the program may
 * ask has been decided before this is called.
 */
import { P2pdError, messageOf } from '../errors.ts'
import { MAX_DHT_VALUE_BYTES } from '../limits.ts'
import { safeText } from '../log.ts'
import { ResponseType, type Response } from '../wire/codec.ts'
import type { DaemonHost } from './daemonHost.ts'
import type { Outcome } from './operation.ts'
import { errorAnswer } from './operations/answers.ts'
import { answerFrom, endStream } from './relay.ts'
import { StreamFrames } from './streamFrames.ts'

export interface PluginQuestion {
  /** What the plugin is sent. */
  readonly message: Uint8Array
  /** What the program is told of its first answer, which is no ERROR. Throws ERR_MESSAGE where that is no answer to this. */
  readonly answered: (first: Response) => Answered
}

export interface Answered {
  readonly response: Response
  readonly series?: Series
}

/** What follows a first answer, message by message. */
export interface Series {
  /** Messages at most. */
  readonly most: number
  /** The message as the program is to have it; undefined for the plugin's last, which holds nothing. Throws where it is no message. */
  readonly read: (message: Uint8Array) => Uint8Array | undefined
  /** What the program is told at the end, whatever came before. */
  readonly end: Uint8Array
}

export interface PluginInit {
  readonly daemon: DaemonHost
  /** Aborted when the program that asked has gone. */
  readonly signal: AbortSignal
  /** For a sentence: `the DHT`. */
  readonly what: string
  readonly timeoutMs: number
}

/** Longest message of an answer: a value of 1 MiB, and what is around it. A plugin may leave each unfinished for as long as its question lasts. */
const MAX_ANSWER_BYTES = MAX_DHT_VALUE_BYTES + 16 * 1024

/** Rejects with ERR_UNAVAILABLE when nobody serves it, ERR_TIMEOUT, ERR_CLOSED when it went away, ERR_REMOTE when it answers nonsense. */
export async function askPlugin (protocol: string, { message, answered }: PluginQuestion, { daemon, signal: asker, what, timeoutMs }: PluginInit): Promise<Outcome> {
  using question = new DisposableStack()
  const signal = limited(question, asker, timeoutMs, what)
  try {
    const remote = await daemon.openStream(protocol, { signal })
    const frames = new StreamFrames(remote.stream, MAX_ANSWER_BYTES)
    question.defer(() => { frames.detach() })
    // Also when nobody looks at the signal, because the program that asked does not read.
    const end = (): void => { endStream(remote) }
    question.defer(() => { signal.removeEventListener('abort', end); end() })
    signal.addEventListener('abort', end)
    signal.throwIfAborted()
    frames.send(message)
    const first = await answerFrom(frames, signal)
    if (first.type === ResponseType.ERROR) return { response: errorAnswer(safeText(first.error?.msg ?? '') || `${what}: refused without a reason`) }
    const { response, series } = answered(first)
    return series === undefined ? { response } : { response, more: rest(frames, series, signal, question.move()) }
  } catch (error) {
    throw signal.aborted ? signal.reason : reasonOf(error, what)
  }
}

/** Once it has begun, its end is the only way to say anything: that it has failed or run out of time, too. */
async function * rest (frames: StreamFrames, { most, read, end }: Series, signal: AbortSignal, question: DisposableStack): AsyncGenerator<Uint8Array> {
  try {
    for (let count = 0; count < most; count++) {
      const frame = await frames.next(signal)
      const message = frame === undefined ? undefined : read(frame)
      if (message === undefined) break
      yield message
    }
  } catch {
    // Told as the end, see above.
  } finally {
    question.dispose()
  }
  yield end
}

/** The asker's signal, and the question's time, which is over at the latest when `question` is. */
function limited (question: DisposableStack, asker: AbortSignal, timeoutMs: number, what: string): AbortSignal {
  const ended = new AbortController()
  const timer = setTimeout(() => { ended.abort(new P2pdError('ERR_TIMEOUT', `${what}: no answer within ${timeoutMs / 1000} s`)) }, timeoutMs)
  const onAbort = (): void => { ended.abort(asker.reason) }
  asker.addEventListener('abort', onAbort, { once: true })
  question.defer(() => {
    clearTimeout(timer)
    asker.removeEventListener('abort', onAbort)
  })
  if (asker.aborted) onAbort()
  return ended.signal
}

function reasonOf (error: unknown, what: string): unknown {
  if (!(error instanceof P2pdError)) return new P2pdError('ERR_PEER', `${what}: ${messageOf(error)}`, { cause: error })
  switch (error.code) {
    case 'ERR_UNAVAILABLE': return new P2pdError(error.code, `${what} is not available: ${error.message}`, { cause: error })
    case 'ERR_CLOSED': return new P2pdError(error.code, `${what}: what provides it went away before it answered: ask again`, { cause: error })
    case 'ERR_MESSAGE':
    case 'ERR_FRAME': return new P2pdError('ERR_REMOTE', `${what}: what provides it answered what is no answer to this`, { cause: error })
    default: return error
  }
}
