/**
 * Questions that a plugin answers: an app that serves `/p2pd/plugin/KIND/VERSION` under the daemon's identity.
 *
 * Owns what is believed of it, which is little: it is an app like any other. One stream a question; its answer is read as the
 * message it has to be and written anew, no faster than the program that asked reads; it ends with the question's time, with
 * the program, and with what was asked for. Whether the program may ask has been decided before this is called.
 */
import { P2pdError, messageOf } from '../errors.ts'
import { safeText } from '../log.ts'
import { DHT_SERIES, DHTRequestType, DHTResponseType, ResponseType, decodeDHTResponse, encodeDHTRequest, encodeDHTResponse, type DHTRequest, type DHTResponse, type Response } from '../wire/codec.ts'
import type { DaemonHost } from './daemonHost.ts'
import type { Outcome } from './operation.ts'
import { OK, errorAnswer } from './operations/answers.ts'
import { answerFrom, endStream } from './relay.ts'
import { StreamFrames } from './streamFrames.ts'

/** Of those that are no series, those that have a value for an answer. */
const VALUED: ReadonlySet<number> = new Set([DHTRequestType.FIND_PEER, DHTRequestType.GET_PUBLIC_KEY, DHTRequestType.GET_VALUE])

/** Providers that are returned when the request does not say how many: go-libp2p-daemon's default. */
const DEFAULT_PROVIDERS = 20

export interface PluginQuestion {
  readonly daemon: DaemonHost
  /** Aborted when the program that asked has gone. */
  readonly signal: AbortSignal
  /** For a sentence: `the DHT`. */
  readonly what: string
  readonly timeoutMs: number
}

/** Rejects with ERR_UNAVAILABLE when nobody serves it, ERR_TIMEOUT, ERR_CLOSED when it went away, ERR_REMOTE when it answers nonsense. */
export async function askPlugin (protocol: string, request: DHTRequest, { daemon, signal, what, timeoutMs }: PluginQuestion): Promise<Outcome> {
  const limited = new Limited(signal, timeoutMs, what)
  try {
    const remote = await daemon.openStream(protocol, { signal: limited.signal })
    const frames = new StreamFrames(remote.stream)
    limited.onEnd(() => { frames.detach(); endStream(remote) })
    frames.send(encodeDHTRequest(request))
    const response = await answerFrom(frames, limited.signal)
    if (response.type === ResponseType.ERROR) return limited.end({ response: errorAnswer(safeText(response.error?.msg ?? '') || `${what}: refused without a reason`) })
    if (!DHT_SERIES.has(request.type)) return limited.end({ response: single(request, response, what) })
    if (response.dht?.type !== DHTResponseType.BEGIN) throw nonsense(what)
    return { response: { ...OK, dht: { type: DHTResponseType.BEGIN } }, more: values(frames, limited, mostOf(request)) }
  } catch (error) {
    limited.end(undefined)
    throw limited.reasonOf(error)
  }
}

function single ({ type }: DHTRequest, { dht }: Response, what: string): Response {
  if (!VALUED.has(type)) return OK
  if (dht?.type !== DHTResponseType.VALUE) throw nonsense(what)
  return { ...OK, dht: valueOf(dht) }
}

function valueOf ({ peer, value }: DHTResponse): DHTResponse {
  return { type: DHTResponseType.VALUE, ...peer !== undefined && { peer }, ...value !== undefined && { value } }
}

/** Once it has begun, END is the only way to say anything: that it has failed or run out of time, too. */
async function * values (frames: StreamFrames, limited: Limited, most: number): AsyncGenerator<Uint8Array> {
  try {
    for (let count = 0; count < most; count++) {
      const frame = await frames.next(limited.signal)
      const answer = frame === undefined ? undefined : decodeDHTResponse(frame)
      if (answer?.type !== DHTResponseType.VALUE) break
      yield encodeDHTResponse(valueOf(answer))
    }
  } catch {
    // Told as the end, see above.
  } finally {
    limited.end(undefined)
  }
  yield encodeDHTResponse({ type: DHTResponseType.END })
}

function mostOf ({ type, count = 0 }: DHTRequest): number {
  if (count > 0) return count
  return type === DHTRequestType.FIND_PROVIDERS ? DEFAULT_PROVIDERS : Infinity
}

function nonsense (what: string): P2pdError {
  return new P2pdError('ERR_REMOTE', `${what}: what provides it answered what is no answer to this`)
}

/** The time of one question, and what has to be let go of when it is over. */
class Limited {
  readonly #controller = new AbortController()
  readonly #outer: AbortSignal
  readonly #timer: NodeJS.Timeout
  readonly #what: string
  #release: () => void = () => {}
  #isOver = false

  constructor (outer: AbortSignal, timeoutMs: number, what: string) {
    this.#outer = outer
    this.#what = what
    this.#timer = setTimeout(() => { this.#controller.abort(new P2pdError('ERR_TIMEOUT', `${what}: no answer within ${timeoutMs / 1000} s`)) }, timeoutMs)
    outer.addEventListener('abort', this.#onAbort, { once: true })
    if (outer.aborted) this.#onAbort()
  }

  get signal (): AbortSignal { return this.#controller.signal }

  onEnd (release: () => void): void {
    this.#release = release
  }

  /** Returns what it is given. */
  end<T> (result: T): T {
    if (this.#isOver) return result
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#outer.removeEventListener('abort', this.#onAbort)
    this.#release()
    return result
  }

  reasonOf (error: unknown): unknown {
    if (this.signal.aborted) return this.signal.reason
    if (error instanceof P2pdError && error.code === 'ERR_UNAVAILABLE') return new P2pdError(error.code, `${this.#what} is not available: ${error.message}`, { cause: error })
    if (error instanceof P2pdError && error.code === 'ERR_CLOSED') return new P2pdError('ERR_CLOSED', `${this.#what}: what provides it went away before it answered: ask again`, { cause: error })
    if (error instanceof P2pdError && (error.code === 'ERR_MESSAGE' || error.code === 'ERR_FRAME')) return nonsense(this.#what)
    return error instanceof P2pdError ? error : new P2pdError('ERR_PEER', `${this.#what}: ${messageOf(error)}`, { cause: error })
  }

  readonly #onAbort = (): void => { this.#controller.abort(this.#outer.reason) }
}
