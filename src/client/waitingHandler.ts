/**
 * A protocol handler that pulls: connections on which it waits for streams (STREAM_ACCEPT), each of which becomes one.
 *
 * Owns that some always wait: the next is opened as one is taken, and those that end with the daemon's host come back by
 * themselves. Nothing is listened on and nothing lies in a directory, so who may reach whom is nobody's question. Making a
 * connection wait is the client's part, which it passes in.
 */
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { P2pdError } from '../errors.ts'
import { decodeResponse } from '../wire/codec.ts'
import { destroying, readFrame } from './connection.ts'
import type { Handler, Reception } from './handler.ts'
import { accepted } from './requests.ts'
import { answered } from './values.ts'

/**
 * Connections that wait at once: one is taken while others are on their way back, so that no stream waits for a connect and a
 * request. With sixteen peers' streams opened at a time one brought in 690 a second, two 790, four and eight 890; each costs the
 * daemon a descriptor.
 */
export const WAITING_CONNECTIONS = 4

/** Between attempts to wait again: at once for a daemon that was restarted, and no burden to one that stays away. */
const FIRST_RETRY_MS = 10
const LAST_RETRY_MS = 2_000

/** Refusals of several protocols together, while none of the connections waits, before each goes alone: a limit may be met once. */
const REFUSALS_BEFORE_SPLIT = 3

/** How long the daemon may take to let go of connections that are no longer to wait: it does so at once, unless it is hung. */
const CLOSE_MS = 1_000

export interface WaitingInit {
  readonly reception: Reception
  readonly protocols: readonly string[]
  /** A connection on which the daemon has said that it waits. Throws what the daemon said otherwise. */
  readonly enter: (protocols: readonly string[], signal: AbortSignal) => Promise<Socket>
}

export class WaitingHandler implements Handler {
  readonly #init: WaitingInit
  readonly #closing = new AbortController()
  /** Ends what closing alone does not. */
  readonly #abandoned = new AbortController()
  readonly #waiting = new Set<Socket>()
  #places: Array<Promise<void>> = []
  /** One for each protocol, once they could not be waited for together. */
  #parts: WaitingHandler[] | undefined
  #closed: Promise<void> | undefined
  /** The last failure that was reported and is not over: not each attempt is news. */
  #told: string | undefined

  constructor (init: WaitingInit) {
    this.#init = init
  }

  /** @param first waits already; the others do a moment later */
  start (first?: Socket): this {
    this.#places = Array.from({ length: WAITING_CONNECTIONS }, async (_, i) => { await this.#keepWaiting(i === 0 ? first : undefined) })
    return this
  }

  async close (): Promise<void> {
    this.#closed ??= (async () => {
      this.#closing.abort()
      // Ends the waiting in order: the daemon answers with its own end. What it gave before it knew is still read, and reset.
      for (const socket of this.#waiting) socket.end()
      const deadline = setTimeout(() => { this.#abandoned.abort(new P2pdError('ERR_CLOSED', 'the handler was closed')) }, CLOSE_MS)
      await Promise.all([...this.#places, ...(this.#parts ?? []).map(async part => { await part.close() })])
      clearTimeout(deadline)
    })()
    await this.#closed
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    await this.close()
  }

  /** One place among those that wait, taken again and again until the handler is closed. Never rejects. */
  async #keepWaiting (socket?: Socket): Promise<void> {
    const { enter, protocols } = this.#init
    for (let failures = 0; !this.#closing.signal.aborted && this.#parts === undefined;) {
      try {
        socket ??= await enter(protocols, this.#abandoned.signal)
        if (failures > 0) this.#told = undefined
        failures = 0
        await this.#receive(socket)
      } catch (error) {
        if (this.#closing.signal.aborted || this.#isSplit(error, socket !== undefined || (failures >= REFUSALS_BEFORE_SPLIT && this.#waiting.size === 0))) return
        this.#tell(error, failures)
        await delay(Math.min(FIRST_RETRY_MS * 2 ** failures++, LAST_RETRY_MS), undefined, { signal: this.#closing.signal }).catch(() => {})
      }
      socket = undefined
    }
  }

  /** Until the connection has become a stream, which is the listener's then. */
  async #receive (socket: Socket): Promise<void> {
    this.#waiting.add(socket)
    try {
      if (this.#closing.signal.aborted) socket.end()
      const { streamInfo } = await destroying(socket, this.#abandoned.signal, async () => accepted(decodeResponse(await readFrame(socket))))
      if (this.#closing.signal.aborted) socket.destroy()
      else void this.#init.reception.receive(answered(streamInfo, 'STREAM_ACCEPT'), socket)
    } catch (error) {
      socket.destroy()
      throw error
    } finally {
      this.#waiting.delete(socket)
    }
  }

  /** Several are refused when one of them is: then each is waited for by itself, so that the others do not suffer. */
  #isSplit (error: unknown, isForGood: boolean): boolean {
    const { protocols } = this.#init
    if (protocols.length === 1 || !isForGood || !(error instanceof P2pdError) || error.code !== 'ERR_REMOTE') return false
    this.#parts ??= protocols.map(protocol => new WaitingHandler({ ...this.#init, protocols: [protocol] }).start())
    return true
  }

  /** A connection that ends while it waits is the daemon's host being restarted, which is nobody's concern; not again and again. */
  #tell (error: unknown, failures: number): void {
    if (error instanceof P2pdError) {
      if (error.code === 'ERR_CLOSED' && failures === 0) return
      // It may come to each going alone, who will know which of them is meant.
      if (error.code === 'ERR_REMOTE' && this.#init.protocols.length > 1 && failures < REFUSALS_BEFORE_SPLIT) return
      if (error.message === this.#told) return
      this.#told = error.message
    }
    this.#init.reception.report(error)
  }
}
