/**
 * One test's use of the pair: its connections, its handlers' sockets, its protocol ids. Closes what it opened.
 */
import { join } from 'node:path'
import { AppListener } from '../helpers/appListener.ts'
import { until } from '../helpers/deadlines.ts'
import type { SocketAddress } from '../helpers/addresses.ts'
import { RawConnection } from '../helpers/rawConnection.ts'
import * as requests from '../helpers/requests.ts'
import { ResponseType, type Response, type StreamInfo } from '../../src/wire/codec.ts'
import { parseMultiaddr } from '../../src/wire/addresses.ts'
import type { Pair, Side } from './pair.ts'

export interface Identity { id: Uint8Array, addrs: Uint8Array[] }

/** A stream from its opener's side. */
export interface Opened { stream: RawConnection, info: StreamInfo }

let named = 0

export class Scene implements AsyncDisposable {
  readonly pair: Pair
  readonly #opened = new AsyncDisposableStack()

  constructor (pair: Pair) {
    this.pair = pair
  }

  get a (): Side { return this.pair.a }
  get b (): Side { return this.pair.b }

  /** A protocol id that no other test has. */
  protocol (): string {
    return `/contract/${named++}/1.0.0`
  }

  /** A path that no other test has, with nothing there. */
  path (): string {
    return join(this.pair.directory, `h${named++}`)
  }

  async dial (side: Side = this.a): Promise<RawConnection> {
    return this.#opened.use(await RawConnection.to(side.control))
  }

  /** Asks on a connection of its own, as most clients do, and closes it. */
  async ask (request: Uint8Array, side: Side = this.a): Promise<Response> {
    using connection = await RawConnection.to(side.control)
    return await connection.ask(request)
  }

  /** The same; anything but OK is an error. */
  async ok (request: Uint8Array, side: Side = this.a): Promise<Response> {
    const response = await this.ask(request, side)
    if (response.type !== ResponseType.OK) throw new Error(`0x${Buffer.from(request).toString('hex')} was answered: ${response.error?.msg}`)
    return response
  }

  async identity (side: Side): Promise<Identity> {
    const { identify } = await this.ok(requests.identify(), side)
    if (identify === undefined) throw new Error('IDENTIFY was answered without an identity')
    return identify
  }

  /** Where others are connected to this side: where the daemon connects the two, or one of the addresses it listens on. */
  async reachedAt (side: Side): Promise<string[]> {
    if (side.localAddress !== undefined) return [Buffer.from(parseMultiaddr(side.localAddress).bytes).toString('hex')]
    return (await this.identity(side)).addrs.map(addr => Buffer.from(addr).toString('hex'))
  }

  /** Where this side is seen to come from: a port that nobody knows before, unless the daemon connects the two. */
  async comesFrom (side: Side): Promise<RegExp> {
    return side.localAddress === undefined ? /^047f000001[0]6[0-9a-f]{4}$/ : new RegExp(`^${(await this.reachedAt(side)).join('|')}$`)
  }

  /** b's identity; a is connected to it, and both know. */
  async connected (): Promise<Identity> {
    const b = await this.identity(this.b)
    await this.ok(requests.connect(b.id, b.addrs))
    await this.#whenListing(1)
    return b
  }

  /** b's identity; neither has a connection to the other, and both know. */
  async disconnected (): Promise<Identity> {
    const [a, b] = [await this.identity(this.a), await this.identity(this.b)]
    await this.ok(requests.disconnect(b.id))
    await this.ok(requests.disconnect(a.id), this.b)
    await this.#whenListing(0)
    return b
  }

  async #whenListing (peers: number): Promise<void> {
    for (const side of [this.a, this.b]) {
      await until(`${peers} peers on both sides`, async () => (await this.ok(requests.listPeers(), side)).peers.length === peers)
    }
  }

  async listen (address: SocketAddress = { path: this.path() }): Promise<AppListener> {
    return this.#opened.use(await AppListener.open(address))
  }

  /** A program of b's that handles the protocols; a is connected to b. */
  async handler (protocols: string | readonly string[] | Uint8Array, address?: SocketAddress): Promise<AppListener> {
    await this.connected()
    const listener = await this.listen(address)
    await this.ok(requests.streamHandler(listener.bytes, protocols), this.b)
    return listener
  }

  /** Opens a stream from a to b. */
  async open (protocols: string | readonly string[] | Uint8Array, stream?: RawConnection): Promise<Opened> {
    const { id } = await this.identity(this.b)
    stream ??= await this.dial()
    const { type, error, streamInfo } = await stream.ask(requests.streamOpen(id, protocols))
    if (type !== ResponseType.OK || streamInfo === undefined) throw new Error(`STREAM_OPEN was answered: ${error?.msg}`)
    return { stream, info: streamInfo }
  }

  /** Both ends of a new stream from a to b, each with nothing read of it. */
  async stream (): Promise<{ opener: RawConnection, handler: RawConnection }> {
    const protocol = this.protocol()
    const listener = await this.handler(protocol)
    const { stream } = await this.open(protocol)
    const handler = await listener.next()
    await handler.streamInfo()
    return { opener: stream, handler }
  }

  /** Something that takes connections and never says a word: where a dial goes on until it is given up. */
  async blackHole (): Promise<AppListener> {
    return await this.listen({ host: '127.0.0.1', port: 0 })
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    await this.#opened.disposeAsync()
  }
}
