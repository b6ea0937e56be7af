/**
 * Serving as the daemon's DHT: the plugin kind `dht`, in which the daemon asks a program what tenants without a DHT of their
 * own want to know. One stream is one question.
 *
 * Owns the life of a question: its request, its time, its end, what the asker is told when something fails, and how many
 * there are at once. Askers are programs that trust nobody and are trusted by nobody; each is held to its own share. What is
 * asked and answered is dhtAnswers.ts's.
 */
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { DHT_PLUGIN_PROTOCOL } from '../wire/protocols.ts'
import { P2pdError } from '../errors.ts'
import { DEFAULT_REQUEST_TIMEOUT_MS, FRAME_DEADLINE_MS, LINGER_MS, MAX_REQUEST_TIMEOUT_MS } from '../limits.ts'
import { decodeDHTRequest, type DHTRequest } from '../wire/codec.ts'
import { bounded, orAborted } from './bounded.ts'
import type { HandleOptions, P2pdClient } from './client.ts'
import { readFrame } from './connection.ts'
import { END, answersTo, errorFrame, isSeries, type DhtPlugin, type DhtQuestion } from './dhtAnswers.ts'
import { report, type Handler } from './handler.ts'
import type { PeerStream } from './values.ts'

/** Longest ERROR, in characters: a method's words may quote a key, and a key may be as long as a message. */
const MAX_ERROR_LENGTH = 512

export interface DhtPluginOptions extends HandleOptions {
  /** Questions of one caller that may be open at once; one more is an ERROR. Default: 64. */
  maxQuestionsPerCaller?: number | undefined
  /** Questions of all callers that may be open at once. Default: 1024. */
  maxQuestions?: number | undefined
}

/**
 * Answers the DHT requests of tenants, in the daemon's name: the tenant has to be blessed with `provideService` on
 * DHT_PLUGIN_PROTOCOL, and is the only one that does so. Throws as P2pdClient.provide() does.
 *
 * Closing it takes no more questions and cancels those that are open: their askers get an ERROR, or the END of what has begun.
 * `onError` is told also of what the plugin's methods throw and no asker hears.
 */
export async function provideDht (client: P2pdClient, plugin: DhtPlugin, options: DhtPluginOptions = {}): Promise<Handler> {
  const provider = new DhtProvider(plugin, options)
  return await provider.start(client)
}

class DhtProvider implements Handler {
  readonly #plugin: DhtPlugin
  readonly #options: DhtPluginOptions
  readonly #closing = new AbortController()
  readonly #open = new Map<Duplex, Promise<void>>()
  /** Questions that are open and were not refused at once: how many of each caller. */
  readonly #admitted = new Map<string, number>()
  #handler: Handler | undefined
  #closed: Promise<void> | undefined

  constructor (plugin: DhtPlugin, options: DhtPluginOptions) {
    this.#plugin = plugin
    this.#options = options
  }

  async start (client: P2pdClient): Promise<this> {
    this.#handler = await client.provide(DHT_PLUGIN_PROTOCOL, async incoming => {
      const over = this.#serve(incoming)
      this.#open.set(incoming.stream, over)
      await over.finally(() => { this.#open.delete(incoming.stream) })
    }, this.#options)
    return this
  }

  async close (): Promise<void> {
    this.#closed ??= (async () => {
      await this.#handler?.close()
      this.#closing.abort(new P2pdError('ERR_CLOSED', 'the DHT plugin was stopped'))
      const late = setTimeout(() => { for (const stream of this.#open.keys()) stream.destroy() }, LINGER_MS)
      await Promise.allSettled(this.#open.values())
      clearTimeout(late)
    })()
    await this.#closed
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    await this.close()
  }

  /** One question, until its stream is closed. */
  async #serve ({ peerId: caller, address, stream }: PeerStream): Promise<void> {
    using held = new DisposableStack()
    const closed = once(stream, 'close').catch(() => {})
    const gone = goneFrom(stream)
    const signals = [gone, this.#closing.signal]
    let deadlineMs = 0
    let last: Uint8Array | undefined
    try {
      this.#admit(caller, held)
      const request = await bounded({ timeoutMs: FRAME_DEADLINE_MS, what: 'no whole question came', signals },
        async signal => decodeDHTRequest(await orAborted(readFrame(stream), signal)))
      // What else the asker says is of no interest, but its end is.
      stream.resume()
      const timeoutMs = timeoutOf(request)
      deadlineMs = performance.now() + timeoutMs
      last = await bounded({ timeoutMs, what: 'the DHT plugin did not answer', signals },
        async signal => await this.#give(stream, request, { caller, address, signal }))
    } catch (error) {
      deadlineMs = 0
      last = errorFrame(error instanceof P2pdError ? error.message.slice(0, MAX_ERROR_LENGTH) : 'the DHT plugin failed')
    }
    stream.resume().end(last)
    // Whoever neither reads nor goes is not waited for without end.
    const leftMs = gone.aborted ? 0 : Math.max(0, deadlineMs - performance.now())
    const late = setTimeout(() => { stream.destroy() }, leftMs + LINGER_MS)
    await closed
    clearTimeout(late)
  }

  /** Throws ERR_LIMIT; otherwise it counts until `held` is over. */
  #admit (caller: string, held: DisposableStack): void {
    const { maxQuestionsPerCaller = 64, maxQuestions = 1024 } = this.#options
    const asking = this.#admitted.get(caller) ?? 0
    if (asking >= maxQuestionsPerCaller) {
      throw new P2pdError('ERR_LIMIT', `${asking} of this tenant's questions to the DHT plugin are open, which is all it may have: wait for an answer`)
    }
    if ([...this.#admitted.values()].reduce((sum, count) => sum + count, 0) >= maxQuestions) {
      throw new P2pdError('ERR_LIMIT', 'the DHT plugin has as many questions as it takes at once: ask again later')
    }
    this.#admitted.set(caller, asking + 1)
    held.defer(() => {
      const left = (this.#admitted.get(caller) ?? 1) - 1
      if (left > 0) this.#admitted.set(caller, left)
      else this.#admitted.delete(caller)
    })
  }

  /**
   * Writes the answer as fast as it is read, and gives what has to come last. Throws what the asker is to be told, as long as
   * nothing was written.
   */
  async #give (stream: Duplex, request: DHTRequest, question: DhtQuestion): Promise<Uint8Array | undefined> {
    const { signal } = question
    const frames = answersTo(this.#plugin, request, question)
    const last = isSeries(request) ? END : undefined
    let hasBegun = false
    try {
      for (;;) {
        const { done, value } = await orAborted(frames.next(), signal)
        if (done === true) return last
        hasBegun = true
        if (!stream.write(value)) await once(stream, 'drain', { signal })
      }
    } catch (error) {
      // Not waited for: a method that does not look at its signal may take as long as it likes.
      frames.return().catch(this.#report)
      if (!signal.aborted && (hasBegun || !(error instanceof P2pdError))) this.#report(error)
      if (hasBegun) return last
      signal.throwIfAborted()
      throw error
    }
  }

  readonly #report = (error: unknown): void => {
    report(this.#options, error)
  }
}

/** Aborts when the asker ends its side or resets the stream: either way it wants no answer any more. */
function goneFrom (stream: Duplex): AbortSignal {
  const gone = new AbortController()
  const leave = (): void => { gone.abort(new P2pdError('ERR_CLOSED', 'the asker has ended its side, which cancels the question')) }
  for (const event of ['end', 'error', 'close']) stream.once(event, leave)
  return gone.signal
}

function timeoutOf ({ timeout = 0 }: DHTRequest): number {
  return timeout > 0 ? Math.min(timeout * 1000, MAX_REQUEST_TIMEOUT_MS) : DEFAULT_REQUEST_TIMEOUT_MS
}
