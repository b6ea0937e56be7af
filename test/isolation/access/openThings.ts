/**
 * All that can be open in the daemon's name at once, both ways a tenant can act so: streams that were opened, streams that are
 * being served, programs that wait, names, and connections on which nothing is asked. And when each of them has ended.
 */
import { once } from 'node:events'
import type { Server, Socket } from 'node:net'
import { join } from 'node:path'
import { RequestType, ResponseType } from '../../../src/wire/messages.ts'
import { unix } from '../../helpers/addresses.ts'
import { until, within } from '../../helpers/deadlines.ts'
import { message } from '../../helpers/protobuf.ts'
import type { RawConnection } from '../../helpers/rawConnection.ts'
import { connect, identify, request, streamHandler, streamOpen } from '../../helpers/requests.ts'
import { listenerOf } from './asUser.ts'
import { APP, type BlessedScene } from './blessedScene.ts'
import type { RemotePeer } from './remotePeer.ts'

/** What the app needs to be blessed for. */
export function scopeOf (remote: RemotePeer): [actions: string[], resources: string[]] {
  return [['provideService', 'openStream', 'connect'], ['/search/', '/wait/', '/idle/', '/out/', remote.peerId]]
}

export const NAMES = ['/search/1.0.0', '/wait/1', '/wait/2', '/idle/1', '/idle/2']

/** Longer than any blessing of these tests lasts. */
const LONG_MS = 60_000

interface Thing { readonly what: string, readonly end: Promise<number> }

export class OpenThings implements AsyncDisposable {
  readonly #scene: BlessedScene
  readonly #things: Thing[] = []
  readonly #connections: RawConnection[] = []
  readonly #served: Socket[] = []
  readonly #stay: boolean
  #server: Server | undefined
  #isOver = false

  private constructor (scene: BlessedScene, stay: boolean) {
    this.#scene = scene
    this.#stay = stay
  }

  /**
   * The remote peer takes streams on /out/1 and is where the app connects in the daemon's name.
   *
   * @param stay whether connections to as-daemon.sock outlast it, on which nothing is allowed any more
   */
  static async open (scene: BlessedScene, remote: RemotePeer, { stay = false } = {}): Promise<OpenThings> {
    const things = new OpenThings(scene, stay)
    await things.#open(remote)
    return things
  }

  /** How many milliseconds after that moment (of the wall clock) each had ended; those that had before it are below 0. */
  async ended (since: number): Promise<Array<readonly [what: string, ms: number]>> {
    const ended = await Promise.all(this.#things.map(async ({ what, end }) => [what, (await within(`the end of ${what}`, end, LONG_MS)) - since] as const))
    this.#isOver = true
    return ended
  }

  async #open (remote: RemotePeer): Promise<void> {
    const { world, daemon } = this.#scene
    const own = world.socketOf('app')
    const acting = this.#scene.asDaemonSocketOf('app')
    await remote.node.handle('/out/1', stream => { this.#watch(`what the remote peer has of ${stream.id}`, new Promise(resolve => { stream.addEventListener('close', () => { resolve(undefined) }, { once: true }) })) }, { force: true })

    // At an address, by a client that knows of nothing.
    const path = join(world.homeOf(APP), 'served')
    this.#server = await listenerOf(APP, path, socket => {
      this.#served.push(socket.resume())
      this.#watch('what the handler has of a stream', once(socket, 'close'))
      socket.on('end', () => { socket.end() })
    })
    await ok(await this.#connection(acting), streamHandler(unix(path), '/search/1.0.0'))
    const calls: Array<Promise<void>> = [this.#call('/search/1.0.0')]

    // Waiting, and served so.
    for (const [socket, protocol] of [[own, '/wait/1'], [acting, '/wait/2']] as const) {
      const waiting = await this.#connection(socket)
      await ok(waiting, this.#bytes(socket, accept(protocol)))
      calls.push(this.#call(protocol))
      const { streamInfo } = await waiting.response()
      if (streamInfo?.proto !== protocol) throw new Error(`no stream came on ${protocol}`)
      this.#watch(`what serves ${protocol}`, waiting.readToEnd(LONG_MS))
    }
    await Promise.all(calls)

    // Waiting in vain: on the own socket with an answer that says why no longer, in the other place with an end.
    const vain = await this.#connection(own)
    await ok(vain, this.#bytes(own, accept('/idle/1')))
    this.#watch('what waits on the own socket', told(vain))
    const other = await this.#connection(acting)
    await ok(other, accept('/idle/2'))
    this.#watch('what waits at as-daemon.sock', this.#stay ? told(other) : closed(other))

    // Streams out.
    await ok(await this.#connection(acting), connect(remote.id, remote.addresses, 5))
    for (const socket of [own, acting]) {
      const opened = await this.#connection(socket)
      await ok(opened, this.#bytes(socket, streamOpen(remote.id, '/out/1', 5)))
      this.#watch(`a stream opened on ${socket === own ? 'the own socket' : 'as-daemon.sock'}`, opened.readToEnd(LONG_MS))
    }

    // Nothing asked, ever; and nothing any more.
    const silent = await this.#connection(acting)
    const asked = await this.#connection(acting)
    await ok(asked, identify())
    if (!this.#stay) {
      this.#watch('a connection on which nothing was asked', closed(silent))
      this.#watch('a connection on which something was asked', closed(asked))
    }

    await until('all of it to be there', async () => (await this.#scene.services()).filter(({ owner }) => owner === 'app').length === NAMES.length && this.#served.length === 1)
    if (daemon.length === 0) throw new Error('there is no daemon')
  }

  /** A stream of the caller's to a service, which stays. */
  async #call (protocol: string): Promise<void> {
    const connection = await this.#scene.connection('caller')
    this.#connections.push(connection)
    await ok(connection, streamOpen(this.#scene.daemon, protocol, 5))
    await connection.write('some bytes')
    this.#watch(`what a caller has of ${protocol}`, connection.readToEnd(LONG_MS))
  }

  async #connection (socket: string): Promise<RawConnection> {
    const connection = await this.#scene.connection('app', socket)
    this.#connections.push(connection)
    return connection
  }

  #bytes (socket: string, plain: Uint8Array): Uint8Array {
    return socket === this.#scene.world.socketOf('app') ? this.#scene.inName(plain) : plain
  }

  /** What fails once all is over is nobody's concern. */
  #watch (what: string, end: Promise<unknown>): void {
    const at = end.then(() => Date.now())
    at.catch(() => {})
    if (!this.#isOver) this.#things.push({ what, end: at })
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    this.#isOver = true
    for (const connection of this.#connections) connection.destroy()
    for (const socket of this.#served) socket.destroy()
    const { promise, resolve } = Promise.withResolvers<void>()
    if (this.#server === undefined) resolve()
    else this.#server.close(() => { resolve() })
    await promise
  }
}

function accept (protocol: string): Buffer {
  return request(RequestType.STREAM_ACCEPT, [RequestType.STREAM_ACCEPT, message([1, protocol])])
}

async function ok (connection: RawConnection, bytes: Uint8Array): Promise<void> {
  const { error } = await connection.ask(bytes)
  if (error !== undefined) throw new Error(error.msg)
}

/** Why it waits no longer; or an end, with the host that it waits in. */
async function told (connection: RawConnection): Promise<void> {
  const { type } = await connection.response(LONG_MS).catch(async (error: unknown) => {
    if (connection.socket.readableEnded) return { type: ResponseType.ERROR }
    throw error
  })
  if (type !== ResponseType.ERROR) throw new Error('a stream came')
}

async function closed ({ socket }: RawConnection): Promise<void> {
  if (!socket.closed) await once(socket.on('end', () => { socket.end() }), 'close')
}
