/**
 * The handlers of one client: which way each one's streams come, and that none outlives the client.
 *
 * They are pulled (waitingHandler.ts) from a daemon that knows how, which is found out once; otherwise the daemon is to dial
 * (dialBack.ts).
 */
import type { Socket } from 'node:net'
import { P2pdError } from '../errors.ts'
import { RequestType, encodeRemoveStreamHandlerRequest } from '../wire/codec.ts'
import { DialBackHandler } from './dialBack.ts'
import { Reception, type Handler, type ReceptionInit } from './handler.ts'
import type { Requests } from './requests.ts'
import { WaitingHandler } from './waitingHandler.ts'

/** How p2pd and @libp2p/daemon-server say that they do not know a request; any other ERROR is an answer to it. */
const UNKNOWN_TYPE = /unknown request type|ERR_INVALID_REQUEST_TYPE/

export interface HandlerRequest extends ReceptionInit {
  readonly protocols: string[]
  /** The daemon is to dial, whatever else it knows. */
  readonly dialBack: boolean
  readonly listenOn: string | undefined
  /** Ends the registration, not the handler. */
  readonly signals: ReadonlyArray<AbortSignal | undefined>
}

export class Handlers {
  readonly #requests: Requests
  readonly #open = new Set<Handler>()
  #isClosed = false
  /** Whether the daemon knows STREAM_ACCEPT, once that is known. */
  #accepts: boolean | undefined

  constructor (requests: Requests) {
    this.#requests = requests
  }

  async start (request: HandlerRequest): Promise<Handler> {
    const handler = (request.dialBack ? undefined : await this.#wait(request)) ?? await this.#dialBack(request)
    const held: Handler = {
      close: async () => {
        this.#open.delete(held)
        await handler.close()
      },
      [Symbol.asyncDispose]: async () => { await held.close() }
    }
    this.#open.add(held)
    // close() may have passed over it while it started.
    if (this.#isClosed) await held.close()
    return held
  }

  /** Closes all, and those that are being started. */
  async close (): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#open].map(async handler => { await handler.close() }))
  }

  /** Undefined for a daemon that does not know STREAM_ACCEPT. */
  async #wait ({ protocols, signals, ...init }: HandlerRequest): Promise<Handler | undefined> {
    const enter = async (proto: readonly string[], ...ends: ReadonlyArray<AbortSignal | undefined>): Promise<Socket> => {
      return (await this.#requests.open({ type: RequestType.STREAM_ACCEPT, streamAccept: { proto: [...proto] } }, { signals: ends })).socket
    }
    for (let attempt = 1; this.#accepts !== false; attempt++) {
      try {
        const first = await enter(protocols, ...signals)
        this.#accepts = true
        return new WaitingHandler({ reception: new Reception(init), protocols, enter }).start(first)
      } catch (error) {
        if (!(error instanceof P2pdError) || signals.some(signal => signal?.aborted === true)) throw error
        // go-libp2p-daemon hangs up on what it does not know. So does a daemon that is just being restarted, but once.
        if (error.code === 'ERR_CLOSED' && attempt === 1) continue
        if (this.#accepts === true || (error.code !== 'ERR_CLOSED' && !UNKNOWN_TYPE.test(error.message))) throw error
        this.#accepts = false
      }
    }
    return undefined
  }

  async #dialBack ({ protocols: proto, signals, listenOn, ...init }: HandlerRequest): Promise<Handler> {
    return await new DialBackHandler({
      reception: new Reception(init),
      directory: listenOn,
      register: async addr => {
        await this.#requests.send({ type: RequestType.STREAM_HANDLER, streamHandler: { addr, proto } }, { signals })
      },
      unregister: async addr => {
        // Daemons that do not know this answer ERROR or hang up, and a daemon that is gone has no handler.
        await this.#requests.send({ type: RequestType.REMOVE_STREAM_HANDLER, dialect: encodeRemoveStreamHandlerRequest({ addr, proto }) },
          { signals: [], timeoutMs: 0 }).catch(() => {})
      }
    }).start()
  }
}
