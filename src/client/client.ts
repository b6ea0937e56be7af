/**
 * The client of a control socket: one method a question.
 *
 * Speaks to p2pd and to go-libp2p-daemon alike. Owns no protocol: see requests.ts for connections, handlers.ts for inbound
 * streams, values.ts for how things are written.
 */
import { P2pdError } from '../errors.ts'
import { RequestType, type Request, type Response } from '../wire/codec.ts'
import { parseSocketAddress, type SocketAddress } from '../wire/addresses.ts'
import { blessingOf, type Blessing } from './blessing.ts'
import type { Handler, StreamListener } from './handler.ts'
import { Handlers } from './handlers.ts'
import { Requests } from './requests.ts'
import { addressBytes, answered, peerBytes, peerOf, peerStream, servicesOf, type Peer, type PeerStream, type Services } from './values.ts'

export interface ClientInit {
  /**
   * The daemon's peer ID: everything but services() and blessing(), which are the tenant's own, is then done on its host and in
   * its name, for which the tenant needs a blessing. A daemon that does not know of this does it in the tenant's own name;
   * asDaemon() finds out.
   */
  readonly onBehalfOf?: string | undefined
}

export interface CallOptions {
  /** Ends the call with the signal's reason. Has no effect on what the call has returned. */
  signal?: AbortSignal | undefined
}

export interface DialOptions extends CallOptions {
  /** What the daemon may take, in whole seconds; a part of one counts as one. Its default is 60. */
  timeoutSeconds?: number | undefined
}

export interface HandleOptions extends CallOptions {
  /**
   * Lets the daemon dial a socket of the program's for each stream, as every daemon can. Otherwise that is what happens with
   * a daemon that knows no better way (go-libp2p-daemon, for one). Default: false.
   */
  dialBack?: boolean | undefined
  /**
   * The directory to listen in when the daemon dials, for which it needs search permission; naming one means dialBack.
   * Default: the system's for temporary files.
   */
  listenOn?: string | undefined
  /**
   * Told what the listener throws, of connections that brought no stream, and why streams do not come for now: the handler
   * goes on trying. Nobody else is.
   */
  onError?: ((error: unknown) => void) | undefined
}

/**
 * Asks one daemon. Made without connecting; a connection is made when one is needed and again when it was lost, and an idle
 * one does not keep the program running.
 *
 * Every method throws P2pdError: ERR_REMOTE with the daemon's own words when it refused, ERR_SYSTEM when it cannot be
 * reached, ERR_CLOSED when it went away before it answered or the client is closed, ERR_TIMEOUT when it did not answer,
 * ERR_MESSAGE or ERR_FRAME when what it sent is no answer, ERR_REQUEST when an argument is none. Or the signal's reason, when
 * that aborted it.
 */
export class P2pdClient implements AsyncDisposable {
  readonly #address: SocketAddress
  readonly #isDaemon: boolean
  readonly #requests: Requests
  readonly #handlers: Handlers
  readonly #closing = new AbortController()
  /** Those of asDaemon() that are open. */
  readonly #asDaemon = new Set<P2pdClient>()

  /** A multiaddr (`/unix/run/p2pd.sock`, `/ip4/127.0.0.1/tcp/5000`) or its parts. */
  constructor (address: string | SocketAddress, { onBehalfOf }: ClientInit = {}) {
    this.#address = typeof address === 'string' ? parseSocketAddress(address) : address
    this.#isDaemon = onBehalfOf !== undefined
    this.#requests = new Requests(this.#address, onBehalfOf === undefined ? undefined : peerBytes(onBehalfOf))
    this.#handlers = new Handlers(this.#requests)
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
   * closed, also across restarts of the daemon. Several programs may do so for one protocol: each stream comes to one.
   *
   * p2pd refuses it while another program has the daemon dial for one of the protocols; with `dialBack` it is the other way
   * round: the new handler takes the place of what there was.
   */
  async handle (protocols: string | readonly string[], listener: StreamListener, options: HandleOptions = {}): Promise<Handler> {
    const { signal, onError, listenOn, dialBack = listenOn !== undefined } = options
    const proto = atLeastOne(protocols)
    signal?.throwIfAborted()
    this.#closing.signal.throwIfAborted()
    const handler = await this.#handlers.start({ protocols: proto, listener, onError, dialBack, listenOn, signals: [signal, this.#closing.signal] })
    this.#closing.signal.throwIfAborted()
    return handler
  }

  /** What is served under the daemon's identity and the tenant may use, by openStream() to the daemon's peer ID. */
  async services (options: CallOptions = {}): Promise<Services> {
    const { services } = await this.#send({ type: RequestType.SERVICES }, options)
    return servicesOf(answered(services, 'SERVICES'))
  }

  /** What the tenant may do in the daemon's name as it stands now, with the proof for others. ERR_REMOTE when it is not blessed. */
  async blessing (options: CallOptions = {}): Promise<Blessing[]> {
    const { blessing } = await this.#send({ type: RequestType.BLESSING }, options)
    return answered(blessing, 'BLESSING').envelopes.map(blessingOf)
  }

  /**
   * A client that does everything on the daemon's host and in its name, as far as the tenant is blessed: what it is not blessed
   * for is ERR_REMOTE when it is asked. It is its caller's to close, and is closed with this one. Such a client returns itself:
   * closing what it returns closes it.
   */
  async asDaemon (options: CallOptions = {}): Promise<P2pdClient> {
    if (this.#isDaemon) return this
    const { daemon } = await this.services(options)
    this.#closing.signal.throwIfAborted()
    const client = new P2pdClient(this.#address, { onBehalfOf: daemon })
    this.#asDaemon.add(client)
    client.#closing.signal.addEventListener('abort', () => { this.#asDaemon.delete(client) })
    return client
  }

  /**
   * Serves the protocols under the daemon's identity, as handle() does under the tenant's own. Whoever calls does so by the
   * daemon's peer ID; `incoming.peerId` is who it is: the tenant or the remote peer, as the daemon has verified it.
   */
  async provide (protocols: string | readonly string[], listener: StreamListener, options: HandleOptions = {}): Promise<Handler> {
    const proto = atLeastOne(protocols)
    if (this.#isDaemon) return await this.handle(proto, listener, options)
    await using opened = new AsyncDisposableStack()
    await opened.use(await this.asDaemon(options)).handle(proto, listener, options)
    const provided = opened.move()
    const close = async (): Promise<void> => { await provided.disposeAsync() }
    return { close, [Symbol.asyncDispose]: close }
  }

  /**
   * Ends what the client does: calls that wait throw ERR_CLOSED, handlers are closed, connections too. Streams that were
   * opened or came in go on: they are their holder's.
   */
  async close (): Promise<void> {
    this.#closing.abort(new P2pdError('ERR_CLOSED', 'the client was closed'))
    await Promise.all([this.#handlers.close(), ...[...this.#asDaemon].map(async client => { await client.close() })])
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

function atLeastOne (protocols: string | readonly string[]): string[] {
  const all = [protocols].flat()
  if (all.length === 0) throw new P2pdError('ERR_REQUEST', 'protocols: at least one is wanted')
  return all
}

/** The wire has whole seconds, and 0 there would mean the daemon's default. */
function wholeSeconds ({ timeoutSeconds }: DialOptions): number | undefined {
  if (timeoutSeconds === undefined) return undefined
  if (timeoutSeconds > 0 && Number.isFinite(timeoutSeconds)) return Math.ceil(timeoutSeconds)
  throw new P2pdError('ERR_REQUEST', `timeoutSeconds: must be a number above 0, found ${timeoutSeconds}`)
}
