/**
 * A connected socket, as libp2p's connection.
 *
 * Owns the bytes between the two: order, back-pressure both ways, bounds on what waits, and the end. Encrypts and frames nothing.
 *
 * What it has to know about sockets of this machine, to lose nothing and to be fast:
 * - Node throws away what is unread when a write fails, and a write fails as soon as the other end has gone. What it wrote before
 *   that is still due, so whether it has gone is asked before each write.
 * - Closing with unread input makes the other end's next read fail. So an end that closes goes on reading, to nowhere, until the
 *   other one has read its last byte and closes too.
 * - A write wakes the reader, and the reader asks for more with a small write that wakes the writer. All that is written in one
 *   turn of the event loop goes as one writev(2), and the kernel's buffer is large enough for the next one.
 */
import type { Socket } from 'node:net'
import type { AbortOptions, EventHandler, Logger, MessageStreamEvents } from '@libp2p/interface'
import { AbstractMultiaddrConnection, type SendResult } from '@libp2p/utils'
import { P2pdError } from '../errors.ts'
import { hasHungUp } from '../os/hangup.ts'
import { widenSendBuffer } from '../os/sendBuffer.ts'
import type { LocalEnd } from './switchboard.ts'

/**
 * Bytes handed to the socket and not yet in the kernel, at which streams are told to wait. Measured from 64 KiB to this: CPU a
 * byte differs by a tenth at most, and this is the best of them.
 */
const MAX_QUEUED_BYTES = 512 * 1024

/**
 * Bytes that may wait behind that before the connection is given up: what a muxer answers to a peer that does not read. Streams
 * stop well before it by their windows.
 */
const MAX_UNSENT_BYTES = 32 * 1024 * 1024

/** How long the other end may take for what was written before closing, where nobody says otherwise; and then to close, too. */
const CLOSE_FLUSH_MS = 10_000
const CLOSE_LINGER_MS = 1_000

/** As the library has them. */
type Bytes = Parameters<AbstractMultiaddrConnection['sendData']>[0]
type ListenerOptions = Parameters<AbstractMultiaddrConnection['addEventListener']>[2]

export class LocalConnection extends AbstractMultiaddrConnection {
  readonly #socket: Socket
  #isReading = false
  #isCorked = false
  /** The other end has closed: what it sent is still read, and nothing is written to it. */
  #hasRemoteGone = false

  /** Takes the socket over. Throws ERR_CLOSED when it has closed already. */
  constructor ({ socket, remotePeer, remoteAddr }: LocalEnd, direction: 'inbound' | 'outbound', log: Logger) {
    super({
      remoteAddr: remoteAddr.encapsulate(`/p2p/${remotePeer.toString()}`),
      direction,
      log,
      maxWriteBufferLength: MAX_UNSENT_BYTES
    })
    this.#socket = socket
    socket.on('error', error => { this.abort(error) })
    widenSendBuffer(socket)
    socket
      .on('drain', () => { this.safeDispatchEvent('drain') })
      .on('end', () => { this.onTransportClosed(); socket.destroy() })
      .on('close', () => { this.onTransportClosed() })
  }

  /** Nothing is read before somebody wants it: upgrading asks for leave first, and meanwhile the other end may send. */
  override addEventListener<K extends keyof MessageStreamEvents> (type: K, listener: EventHandler<MessageStreamEvents[K]> | null, options?: ListenerOptions): void
  override addEventListener (type: string, listener: EventHandler<Event>, options?: ListenerOptions): void
  override addEventListener (type: string, listener: EventHandler<Event>, options?: ListenerOptions): void {
    super.addEventListener(type, listener, options)
    if (type === 'message' && !this.#isReading) this.#startReading()
  }

  override sendData (data: Bytes): SendResult {
    const socket = this.#socket
    const sentBytes = data.byteLength
    if (this.#hasRemoteGone) return { sentBytes, canSendMore: false }
    if (!this.#isCorked) {
      this.#isCorked = true
      socket.cork()
      setImmediate(this.#flush)
    }
    for (const bytes of data) socket.write(bytes)
    // Node says `drain` only after a write that reached its own mark.
    return { sentBytes, canSendMore: socket.writableLength < Math.max(MAX_QUEUED_BYTES, socket.writableHighWaterMark) }
  }

  /** All is with the socket by now. Rejects with the signal's reason, or ERR_TIMEOUT, when that did not reach the kernel in time. */
  override async sendClose ({ signal }: AbortOptions = {}): Promise<void> {
    const socket = this.#socket
    if (socket.destroyed) return
    const closed = Promise.withResolvers<void>()
    const giveUp = (): void => { closed.resolve() }
    let patience = setTimeout(giveUp, CLOSE_FLUSH_MS)
    socket.once('close', giveUp)
    signal?.addEventListener('abort', giveUp, { once: true })
    try {
      socket.end(() => {
        clearTimeout(patience)
        patience = setTimeout(giveUp, CLOSE_LINGER_MS)
      })
      socket.resume()
      if (signal?.aborted !== true) await closed.promise
    } finally {
      clearTimeout(patience)
      signal?.removeEventListener('abort', giveUp)
      socket.destroy()
    }
    if (socket.writableFinished || this.#hasRemoteGone) return
    signal?.throwIfAborted()
    throw new P2pdError('ERR_TIMEOUT', `the other end took what was written to it neither when it was sent nor within ${CLOSE_FLUSH_MS / 1000} s of closing`)
  }

  override sendReset (): void { this.#socket.destroy() }

  override sendPause (): void { this.#socket.pause() }

  override sendResume (): void { if (this.#isReading) this.#socket.resume() }

  #startReading (): void {
    this.#isReading = true
    // While it closes nobody is there for it any more: a muxer would answer, and that fails.
    this.#socket.on('data', bytes => { if (this.status === 'open') this.onData(bytes) })
    if (this.readStatus === 'paused') this.#socket.pause()
    else this.#socket.resume()
  }

  readonly #flush = (): void => {
    this.#isCorked = false
    this.#hasRemoteGone ||= hasHungUp(this.#socket)
    if (!this.#hasRemoteGone) this.#socket.uncork()
  }
}
