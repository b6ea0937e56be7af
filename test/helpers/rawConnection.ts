/**
 * A socket as bytes: what is written goes out as it is, and what comes is kept until it is asked for.
 *
 * Serves for control connections and for the ones that bring a handler its stream. Every wait has a deadline, and an error
 * of the socket (ECONNRESET above all) fails whoever waits for bytes: where an end of file is due, only that will do.
 */
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { decodeResponse, decodeStreamInfo, type Response, type StreamInfo } from '../../src/wire/codec.ts'
import { fileDescriptor } from '../../src/os/credentials.ts'
import { PATIENCE_MS, within } from './deadlines.ts'
import { frame } from './protobuf.ts'
import type { SocketAddress } from './addresses.ts'

export class RawConnection implements Disposable {
  readonly socket: Socket
  #chunks: Buffer[] = []
  #bytes = 0
  #ended = false
  #error: Error | undefined
  #wake: (() => void) | undefined

  constructor (socket: Socket) {
    this.socket = socket
    socket
      .on('data', (chunk: Buffer) => { this.#chunks.push(chunk); this.#bytes += chunk.length; this.#wake?.() })
      .on('end', () => { this.#ended = true; this.#wake?.() })
      .on('error', error => { this.#error = error; this.#wake?.() })
      .on('close', () => { this.#error ??= this.#ended ? undefined : new Error('closed on this side'); this.#wake?.() })
  }

  static async to (address: SocketAddress): Promise<RawConnection> {
    const socket = connect({ ...address, allowHalfOpen: true, noDelay: true })
    await within(`a connection to ${JSON.stringify(address)}`, once(socket, 'connect'))
    return new RawConnection(socket)
  }

  /** Bytes that have come and were not asked for yet. */
  get available (): number { return this.#bytes }

  /** Resolves when the kernel has taken all of it. */
  async write (bytes: Uint8Array | string, deadlineMs?: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.socket.write(bytes, error => { if (error == null) resolve(); else reject(error) })
    await within('room for what is written', promise, deadlineMs)
  }

  /**
   * Hands the kernel what it takes at once, and says how much that was: 0 when there is no room, or nobody to take it. Queues
   * nothing: Node throws a socket's unread input away when a queued write fails, which a test of ends has to be able to read.
   */
  pour (bytes: Uint8Array): number {
    try {
      return writeSync(fileDescriptor(this.socket), bytes)
    } catch (error) {
      if (['EAGAIN', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '')) return 0
      throw error
    }
  }

  /** Sends a request behind its length. */
  async send (request: Uint8Array): Promise<void> {
    await this.write(frame(request))
  }

  async ask (request: Uint8Array, deadlineMs?: number): Promise<Response> {
    await this.send(request)
    return await this.response(deadlineMs)
  }

  /** The next frame as a Response. */
  async response (deadlineMs?: number): Promise<Response> {
    return decodeResponse(await this.readFrame(deadlineMs))
  }

  /** The next frame as a bare StreamInfo. */
  async streamInfo (): Promise<StreamInfo> {
    return decodeStreamInfo(await this.readFrame())
  }

  /** The next frame without its length. */
  async readFrame (deadlineMs: number = PATIENCE_MS): Promise<Buffer> {
    let length = 0
    for (let shift = 0; ; shift += 7) {
      const byte = (await this.read(1, deadlineMs)).readUInt8(0)
      length += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return await this.read(length, deadlineMs)
    }
  }

  /** Exactly so many bytes. */
  async read (length: number, deadlineMs: number = PATIENCE_MS): Promise<Buffer> {
    await this.#until(() => this.#bytes >= length, `${length} bytes`, deadlineMs)
    const [only = Buffer.alloc(0), ...more] = this.#chunks
    const all = more.length === 0 ? only : Buffer.concat(this.#chunks)
    const rest = all.subarray(length)
    this.#chunks = rest.length > 0 ? [rest] : []
    this.#bytes = rest.length
    return all.subarray(0, length)
  }

  /** Everything up to the end of file. Rejects when the connection ends any other way. */
  async readToEnd (deadlineMs: number = PATIENCE_MS): Promise<Buffer> {
    await this.#until(() => this.#ended, 'the end of file', deadlineMs)
    return await this.read(this.#bytes)
  }

  /** Ends the writing; reading goes on. */
  end (): void { this.socket.end() }

  destroy (): void { this.socket.destroy() }

  [Symbol.dispose] (): void { this.destroy() }

  async #until (ready: () => boolean, what: string, deadlineMs: number): Promise<void> {
    const wait = async (): Promise<void> => {
      while (!ready()) {
        if (this.#error !== undefined) throw new Error(`${what}: ${this.#error.message} after ${this.#bytes} bytes`, { cause: this.#error })
        if (this.#ended) throw new Error(`${what}: the end of file came after ${this.#bytes} bytes`)
        const { promise, resolve } = Promise.withResolvers<void>()
        this.#wake = resolve
        await promise
      }
    }
    await within(what, wait(), deadlineMs)
  }
}
