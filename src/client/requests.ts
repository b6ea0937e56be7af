/**
 * Requests that are answered and over: which connection each one goes over.
 *
 * One idle connection is kept for the next request. It carries one request at a time, and requests that overlap get a
 * connection each, so that none waits for another's slow peer. A daemon that closes after every answer, as the JavaScript
 * one does, is noticed while idle and costs nothing but the reuse.
 */
import type { Socket } from 'node:net'
import { DEFAULT_REQUEST_TIMEOUT_MS } from '../limits.ts'
import { P2pdError } from '../errors.ts'
import { RequestType, ResponseType, type Request, type Response } from '../wire/codec.ts'
import type { SocketAddress } from '../wire/addresses.ts'
import { bounded } from './bounded.ts'
import { ask, dial } from './connection.ts'

/** What an answer may take beyond the time the daemon was given: its own timeout should be the one that fires. */
const ANSWER_GRACE_MS = 5_000

/** What an idle connection emits when it is good for nothing any more. */
const USELESS = ['readable', 'end', 'close']

/** What a program asks about itself, whomever else it acts for. */
const OF_ONESELF: ReadonlySet<number> = new Set([RequestType.SERVICES, RequestType.BLESSING])

export interface Limits {
  signals: ReadonlyArray<AbortSignal | undefined>
  /** What the daemon was given. It may take a little longer to say so. */
  timeoutMs?: number | undefined
}

export class Requests {
  readonly #address: SocketAddress
  readonly #onBehalfOf: Uint8Array | undefined
  #idle: Socket | undefined
  #closed = false

  /** @param onBehalfOf the daemon's peer ID, when it is in its name that everything is asked */
  constructor (address: SocketAddress, onBehalfOf?: Uint8Array) {
    this.#address = address
    this.#onBehalfOf = onBehalfOf
  }

  /**
   * The daemon's OK. Throws ERR_REMOTE with what the daemon said, ERR_CLOSED when it ended early.
   *
   * Only for requests that do no harm twice: on a connection that the daemon closed while it lay idle, one cannot tell
   * whether the request still reached it, so it is asked again on a fresh one.
   */
  async send (request: Request, limits: Limits): Promise<Response> {
    return await answerIn(limits, async signal => {
      const kept = this.#take()
      if (kept !== undefined) {
        try {
          return await this.#ask(kept, request, signal)
        } catch (error) {
          if (!(error instanceof P2pdError) || error.code !== 'ERR_CLOSED' || signal.aborted) throw error
        }
      }
      return await this.#ask(await dial(this.#address, signal), request, signal)
    })
  }

  /** As send(), on a connection of its own that is the caller's from then on. */
  async open (request: Request, limits: Limits): Promise<{ response: Response, socket: Socket }> {
    return await answerIn(limits, async signal => {
      const socket = await dial(this.#address, signal)
      const response = await ask(socket, this.#named(request), signal)
      try {
        return { response: accepted(response), socket }
      } catch (error) {
        socket.destroy()
        throw error
      }
    })
  }

  close (): void {
    this.#closed = true
    this.#take()?.destroy()
  }

  async #ask (socket: Socket, request: Request, signal: AbortSignal): Promise<Response> {
    const response = await ask(socket, this.#named(request), signal)
    this.#keep(socket)
    return accepted(response)
  }

  #named (request: Request): Request {
    return this.#onBehalfOf === undefined || OF_ONESELF.has(request.type) ? request : { ...request, onBehalfOf: this.#onBehalfOf }
  }

  #keep (socket: Socket): void {
    if (this.#closed || this.#idle !== undefined) {
      socket.destroy()
      return
    }
    this.#idle = socket
    // Readable while idle is an end, or bytes nobody asked for: useless both ways.
    for (const event of USELESS) socket.once(event, this.#drop)
    socket.unref()
  }

  #take (): Socket | undefined {
    const socket = this.#idle
    this.#idle = undefined
    for (const event of USELESS) socket?.off(event, this.#drop)
    socket?.ref()
    return socket
  }

  readonly #drop = (): void => {
    this.#take()?.destroy()
  }
}

async function answerIn<T> ({ signals, timeoutMs = DEFAULT_REQUEST_TIMEOUT_MS }: Limits, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  return await bounded({ signals, timeoutMs: timeoutMs + ANSWER_GRACE_MS, what: 'the daemon did not answer' }, call)
}

/** The response if it is OK; ERR_REMOTE with what the daemon said otherwise. */
export function accepted (response: Response): Response {
  if (response.type === ResponseType.OK) return response
  if (response.type === ResponseType.ERROR) throw new P2pdError('ERR_REMOTE', response.error?.msg ?? 'the daemon refused and gave no reason')
  throw new P2pdError('ERR_MESSAGE', `the daemon answered with a response of type ${response.type}, which is neither OK nor ERROR`)
}
