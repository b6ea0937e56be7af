/**
 * A protocol handler that the daemon dials: the socket it brings streams to, from making it to taking it away.
 *
 * The socket lies in a fresh directory that only its owner may enter: whoever could connect to it could speak for any peer.
 * Telling the daemon about it is the client's part, which it passes in.
 */
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FRAME_DEADLINE_MS } from '../limits.ts'
import { P2pdError } from '../errors.ts'
import { decodeStreamInfo } from '../wire/codec.ts'
import { socketMultiaddr } from '../wire/addresses.ts'
import { bounded } from './bounded.ts'
import { destroying, readFrame } from './connection.ts'
import type { Handler, Reception } from './handler.ts'

export interface DialBackInit {
  readonly reception: Reception
  /** The directory to make the socket's own directory in. */
  readonly directory?: string | undefined
  /** Called with the socket's multiaddr, when it listens. */
  readonly register: (addr: Uint8Array) => Promise<void>
  /** Called before the socket goes away. May not fail. */
  readonly unregister: (addr: Uint8Array) => Promise<void>
}

export class DialBackHandler implements Handler {
  readonly #init: DialBackInit
  readonly #server: Server
  readonly #closing = new AbortController()
  #resources: AsyncDisposableStack | undefined
  #closed: Promise<void> | undefined

  constructor (init: DialBackInit) {
    this.#init = init
    this.#server = createServer({ allowHalfOpen: true }, socket => { void this.#accept(socket) })
  }

  /** Listens and registers; when either fails, nothing is left of it. */
  async start (): Promise<this> {
    await using opened = new AsyncDisposableStack()
    const directory = await mkdtemp(join(this.#init.directory ?? tmpdir(), 'p2pd-'))
    opened.defer(async () => { await rm(directory, { recursive: true, force: true }) })
    const path = join(directory, 'handler.sock')
    const address = socketMultiaddr({ path })
    // Not awaited to its end: that would be when the last stream has ended. The name is gone and nobody can connect at once.
    opened.defer(() => { this.#server.close() })
    await once(this.#server.listen(path), 'listening')
    this.#server.on('error', error => { this.#init.reception.report(error) })
    await chmod(path, 0o600)
    await this.#init.register(address.bytes)
    opened.defer(async () => { await this.#init.unregister(address.bytes) })
    this.#resources = opened.move()
    return this
  }

  /**
   * Takes the handler off the daemon, then the socket away. A daemon without a way to take a handler off (go-libp2p-daemon)
   * keeps the name, and resets streams that come for it.
   */
  async close (): Promise<void> {
    this.#closed ??= (async () => {
      await this.#resources?.disposeAsync()
      this.#closing.abort(new P2pdError('ERR_CLOSED', 'the handler was closed'))
    })()
    await this.#closed
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    await this.close()
  }

  async #accept (socket: Socket): Promise<void> {
    socket.on('error', () => {})
    const { reception } = this.#init
    try {
      const info = await bounded({ timeoutMs: FRAME_DEADLINE_MS, what: 'no StreamInfo came', signals: [this.#closing.signal] },
        async signal => await destroying(socket, signal, async () => decodeStreamInfo(await readFrame(socket))))
      await reception.receive(info, socket)
    } catch (error) {
      if (!this.#closing.signal.aborted || error !== this.#closing.signal.reason) reception.report(error)
    }
  }
}
