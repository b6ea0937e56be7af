/**
 * One test's use of a daemon and its tenants: what `a` does in the daemon's name by a blessing, and what `b` calls. Takes its
 * blessings back when it is over.
 */
import type { StreamInfo } from '../../src/wire/codec.ts'
import { message, type Field } from '../helpers/protobuf.ts'
import { RawConnection } from '../helpers/rawConnection.ts'
import * as requests from '../helpers/requests.ts'
import type { DaemonPair } from './pair.ts'
import { Scene, type Opened } from './scene.ts'

const ON_BEHALF_OF = 101

export const DHT_PLUGIN = '/p2pd/plugin/dht/1.0.0'
export const BLESSING_STATUS = '/p2pd/blessing-status/1.0.0'

export const services = (): Buffer => requests.request(101)
export const blessing = (): Buffer => requests.request(102)
export const streamAccept = (...protocols: string[]): Buffer => requests.request(100, [100, message(...protocols.map((protocol): Field => [1, protocol]))])

/** The request in this peer's name. */
export function onBehalfOf (peer: Uint8Array, request: Uint8Array): Buffer {
  return Buffer.concat([request, message([ON_BEHALF_OF, peer])])
}

/** A stream from both sides: the caller's connection, the provider's, and what the provider was told. */
export interface Called extends Opened {
  readonly provider: RawConnection
  readonly told: StreamInfo
}

export class DaemonScene extends Scene {
  readonly #pair: DaemonPair
  readonly #opened = new DisposableStack()
  readonly #grants: Array<{ tenant: string, id: string }> = []
  #daemon: Promise<Uint8Array> | undefined

  constructor (pair: DaemonPair) {
    super(pair)
    this.#pair = pair
  }

  /** What `a` is called, and `b`. */
  get name (): string { return this.#pair.names.a }
  get callerName (): string { return this.#pair.names.b }

  get asDaemonPath (): string { return 'path' in this.#pair.asDaemon ? this.#pair.asDaemon.path : '' }

  /** The daemon's peer ID, which every tenant may know. */
  async daemon (): Promise<Uint8Array> {
    return await (this.#daemon ??= (async () => {
      const { services: answer } = await this.ok(services())
      if (answer === undefined) throw new Error('SERVICES was answered without services')
      return answer.daemon
    })())
  }

  /** Blesses `a`, or `b`; returns the blessing's id. */
  async bless (actions: string[], resources: string[], tenant = this.name): Promise<string> {
    const { id } = await this.#pair.operator.bless(tenant, { actions, resources, seconds: 3_600 })
    this.#grants.push({ tenant, id })
    return id
  }

  /** Takes one of `a`'s blessings back, or all of them. */
  async unbless (id?: string): Promise<void> {
    const ended = await this.#pair.operator.unbless(this.name, id)
    for (const grant of ended) this.#grants.splice(this.#grants.findIndex(held => held.id === grant.id), 1)
  }

  /** The request in the daemon's name. */
  async inItsName (request: Uint8Array): Promise<Buffer> {
    return onBehalfOf(await this.daemon(), request)
  }

  /** On a connection to as-daemon.sock. */
  async dialAsDaemon (): Promise<RawConnection> {
    return this.#opened.use(await RawConnection.to(this.#pair.asDaemon))
  }

  /** A connection of `a`'s that waits in the daemon's name. */
  async providing (...protocols: string[]): Promise<RawConnection> {
    const connection = await this.dial()
    const { error } = await connection.ask(await this.inItsName(streamAccept(...protocols)))
    if (error !== undefined) throw new Error(`STREAM_ACCEPT was answered: ${error.msg}`)
    return connection
  }

  /** A stream of `b`'s to the daemon. */
  async call (protocols: string | readonly string[]): Promise<Opened> {
    const stream = await this.dial(this.b)
    const { error, streamInfo } = await stream.ask(requests.streamOpen(await this.daemon(), protocols))
    if (streamInfo === undefined) throw new Error(`STREAM_OPEN was answered: ${error?.msg}`)
    return { stream, info: streamInfo }
  }

  /** A stream of `b`'s to a service of `a`'s. */
  async called (protocol: string): Promise<Called> {
    const provider = await this.providing(protocol)
    const opened = await this.call(protocol)
    const { streamInfo } = await provider.response()
    if (streamInfo === undefined) throw new Error('the provider was not told of the stream')
    return { ...opened, provider, told: streamInfo }
  }

  override async [Symbol.asyncDispose] (): Promise<void> {
    this.#opened.dispose()
    for (const { tenant, id } of this.#grants.splice(0)) await this.#pair.operator.unbless(tenant, id)
    await super[Symbol.asyncDispose]()
  }
}
