/**
 * The client of a control socket: one method a question.
 *
 * Speaks to p2pd and to go-libp2p-daemon alike. Owns no protocol: see requests.ts for connections, handler.ts for inbound
 * streams, values.ts for how things are written.
 */
import { P2pdError } from '../errors.ts'
import {
  RequestType, encodeRemoveStreamHandlerRequest,
  type Request, type Response, type StreamHandlerRequest
} from '../wire/codec.ts'
import { parseSocketAddress, type SocketAddress } from '../wire/addresses.ts'
import { Handler, type StreamListener } from './handler.ts'
import { Requests } from './requests.ts'
import { addressBytes, peerBytes, peerOf, peerStream, type Peer, type PeerStream } from './values.ts'

export interface CallOptions {
  /** Ends the call with the signal's reason. Has no effect on what the call has returned. */
  signal?: AbortSignal | undefined
}

export interface DialOptions extends CallOptions {
  /** What the daemon may take, in whole seconds; a part of one counts as one. Its default is 60. */
  timeoutSeconds?: number | undefined
}

export interface HandleOptions extends CallOptions {
  /** The directory to listen in, for which the daemon needs search permission. Default: the system's for temporary files. */
  listenOn?: string | undefined
  /** Told what the listener throws, and of connections that brought no stream. Nobody else is. */
  onError?: ((error: unknown) => void) | undefined
}

/**
 * Asks one daemon. Made without connecting; a connection is made when one is needed and again when it was lost, and an idle
 * one does not keep the program running.
 *
 * Every method throws P2pdError: ERR_REMOTE with the daemon's own words when it refused, ERR_SYSTEM when it cannot be
 * reached, ERR_CLOSED when it went away before it answered or the client is closed, ERR_TIMEOUT when it did not answer,
 * ERR_REQUEST when an argument is none. Or the signal's reason, when that aborted it.
 */
export class P2pdClient implements AsyncDisposable {
  readonly #requests: Requests
  readonly #handlers = new Set<Handler>()
  readonly #closing = new AbortController()

  /** A multiaddr (`/unix/run/p2pd.sock`, `/ip4/127.0.0.1/tcp/5000`) or its parts. */
  constructor (address: string | SocketAddress) {
    this.#requests = new Requests(typeof address === 'string' ? parseSocketAddress(address) : address)
  }

  /** The daemon's own peer ID, and where it listens. */
  async identify (options: CallOptions = {}): Promise<Peer> {
    const { identify } = await this.#send({ type: RequestType.IDENTIFY }, options)
    const { id, addrs } = answered(identify, 'IDENTIFY')
    return peerOf(id, addrs)
  }

  /** Is connected to the peer when it returns. Without addresses the daemon uses those it knows. */
  async connect (peerId: string, addresses: readonly string[] = [], options: DialOptions = {}): Promise<void> {
    const timeout = wholeSeconds(options)
    const connect = { peer: peerBytes(peerId), addrs: addresses.map(address => addressBytes(address, peerId)), timeout }
    await this.#send({ type: RequestType.CONNECT, connect }, options, timeout)
  }

  /** Closes every connection to the peer. Not being connected is no error. */
  async disconnect (peerId: string, options: CallOptions = {}): Promise<void> {
    await this.#send({ type: RequestType.DISCONNECT, disconnect: { peer: peerBytes(peerId) } }, options)
  }

  /** The peers the daemon is connected to. go-libp2p-daemon lists one once for each of its connections. */
  async listPeers (options: CallOptions = {}): Promise<Peer[]> {
    const { peers } = await this.#send({ type: RequestType.LIST_PEERS }, options)
    return peers.map(({ id, addrs }) => peerOf(id, addrs))
  }

  /** A new stream to the peer, on the first of the protocols that it speaks. Several are tried in their order. */
  async openStream (peerId: string, protocols: string | readonly string[], options: DialOptions = {}): Promise<PeerStream> {
    const timeout = wholeSeconds(options)
    const streamOpen = { peer: peerBytes(peerId), proto: [protocols].flat(), timeout }
    const { response, socket } = await this.#requests.open({ type: RequestType.STREAM_OPEN, streamOpen }, this.#limits(options, timeout))
    try {
      return peerStream(answered(response.streamInfo, 'STREAM_OPEN'), socket)
    } catch (error) {
      socket.destroy()
      throw error
    }
  }

  /**
   * Brings inbound streams of these protocols to the listener, from before it returns until the handler or the client is
   * closed. Takes the place of a handler that the daemon has for one of them.
   */
  async handle (protocols: string | readonly string[], listener: StreamListener, options: HandleOptions = {}): Promise<Handler> {
    const handled = (addr: Uint8Array): StreamHandlerRequest => ({ addr, proto: [protocols].flat() })
    options.signal?.throwIfAborted()
    this.#closing.signal.throwIfAborted()
    const handler = new Handler({
      listener,
      directory: options.listenOn,
      onError: options.onError,
      register: async addr => {
        await this.#send({ type: RequestType.STREAM_HANDLER, streamHandler: handled(addr) }, options)
      },
      unregister: async addr => {
        this.#handlers.delete(handler)
        // Daemons that do not know this answer ERROR or hang up, and a daemon that is gone has no handler.
        await this.#requests.send({ type: RequestType.REMOVE_STREAM_HANDLER, dialect: encodeRemoveStreamHandlerRequest(handled(addr)) },
          { signals: [], timeoutMs: 0 }).catch(() => {})
      }
    })
    await handler.start()
    this.#handlers.add(handler)
    // close() may have passed over it while it started.
    if (this.#closing.signal.aborted) await handler.close()
    this.#closing.signal.throwIfAborted()
    return handler
  }

  /**
   * Ends what the client does: calls that wait throw ERR_CLOSED, handlers are closed, connections too. Streams that were
   * opened or came in go on: they are their holder's.
   */
  async close (): Promise<void> {
    this.#closing.abort(new P2pdError('ERR_CLOSED', 'the client was closed'))
    await Promise.all([...this.#handlers].map(async handler => { await handler.close() }))
    this.#requests.close()
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    await this.close()
  }

  async #send (request: Request, options: CallOptions, timeoutSeconds?: number): Promise<Response> {
    return await this.#requests.send(request, this.#limits(options, timeoutSeconds))
  }

  #limits ({ signal }: CallOptions, timeoutSeconds: number | undefined): { signals: Array<AbortSignal | undefined>, timeoutMs: number | undefined } {
    return { signals: [signal, this.#closing.signal], timeoutMs: timeoutSeconds === undefined ? undefined : timeoutSeconds * 1000 }
  }
}

/** The wire has whole seconds, and 0 there would mean the daemon's default. */
function wholeSeconds ({ timeoutSeconds }: DialOptions): number | undefined {
  if (timeoutSeconds === undefined) return undefined
  if (timeoutSeconds > 0 && Number.isFinite(timeoutSeconds)) return Math.ceil(timeoutSeconds)
  throw new P2pdError('ERR_REQUEST', `timeoutSeconds: must be a number above 0, found ${timeoutSeconds}`)
}

function answered<T> (submessage: T | undefined, request: string): T {
  if (submessage === undefined) throw new P2pdError('ERR_MESSAGE', `the daemon answered ${request} with OK and nothing else`)
  return submessage
}
