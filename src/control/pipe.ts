/**
 * The pipe: a client's socket and a libp2p stream, joined.
 *
 * Owns the bytes between them. Both directions are back-pressured with finite buffers; half-close passes both ways; every
 * byte is delivered before the end is signalled; a reset stream is shown to the client as end of file; both ends are always
 * released. Knows nothing of requests or handlers.
 *
 * The rules it keeps about its two ends, each learnt from lost bytes, beside those of reading.ts:
 * - `end` follows the last byte; `remoteCloseWrite` does not. And `end` comes once: when data and the end arrived together
 *   while the protocol was being negotiated, it has come already, before bytes that negotiation read ahead and put back.
 * - Node throws a socket's unread input away when a write to it fails. So a client that has gone is noticed before writing,
 *   and what it wrote before it went is still delivered.
 */
import type { Socket } from 'node:net'
import type { Stream, StreamMessageEvent } from '@libp2p/interface'
import { HANGUP_CHECK_MS, LINGER_MS, MAX_PENDING_STREAM_BYTES, STUCK_MS } from '../limits.ts'
import { hasHungUp, shutDown } from '../os/hangup.ts'
import type { ByteMeter } from './byteMeter.ts'
import { Reading } from './reading.ts'

export interface PipeInit {
  /** Both are taken over, paused or not. */
  readonly socket: Socket
  readonly stream: Stream
  readonly meter: ByteMeter
  /** Ends both at once: the stream is reset, the socket destroyed. */
  readonly signal: AbortSignal
  /** Called when both are closed and everything is released. */
  readonly onDone: () => void
}

export class Pipe {
  readonly #socket: Socket
  readonly #stream: Stream
  readonly #init: PipeInit
  readonly #meter: ByteMeter
  readonly #reading: Reading
  /** The socket's buffer is full: the stream is to be paused. */
  #socketFull = false
  /** The client has closed its end altogether: nothing is written to it any more. */
  #clientGone = false
  /** The client has ended its writing, so its going altogether has to be looked for. */
  #hangupCheck: NodeJS.Timeout | undefined
  #linger: NodeJS.Timeout | undefined
  /** Watches whether what is due still moves, once one end has gone. */
  #progressCheck: NodeJS.Timeout | undefined
  #socketClosed = false
  #streamClosed = false
  #moved = 0
  /** When the last byte of the client went to the stream; undefined when none has. */
  #lastWriteMs: number | undefined

  constructor (init: PipeInit) {
    this.#socket = init.socket
    this.#stream = init.stream
    this.#meter = init.meter
    this.#reading = new Reading(init.stream, () => this.#socketFull || this.#clientGone || this.#isThrottled(0))
    this.#init = init
  }

  /** Bytes taken from one end for the other since it began. */
  get movedBytes (): number { return this.#moved }

  /** Bytes that one end has sent and the other has not taken. */
  get waitingBytes (): number { return this.#socket.writableLength + this.#stream.writeBufferLength + this.#stream.readBufferLength }

  /** Ends both at once. */
  giveUp (): void { this.#onAbort() }

  /** Once. */
  start (head?: Uint8Array): void {
    const { signal } = this.#init
    signal.addEventListener('abort', this.#onAbort, { once: true })
    this.#socket
      .on('data', this.#toStream)
      .on('drain', this.#onSocketDrain)
      .on('end', this.#onSocketEnd)
      .on('error', () => { /* `close` follows and says all there is to do */ })
      .on('close', this.#onSocketClose)
    this.#stream.addEventListener('message', this.#onMessage)
    this.#stream.addEventListener('drain', this.#onStreamDrain)
    this.#stream.addEventListener('idle', this.#onStreamDrain)
    this.#stream.addEventListener('remoteCloseWrite', this.#takeAll)
    this.#stream.addEventListener('end', this.#endAfterLastByte)
    this.#stream.addEventListener('close', this.#onStreamClose)

    if (head !== undefined && head.byteLength > 0) this.#toStream(head)
    // Either end may have finished before we listened.
    if (signal.aborted) return this.#onAbort()
    this.#reading.resume()
    this.#endAfterLastByte()
    if (this.#stream.status !== 'open') this.#onStreamClose()
    if (this.#socket.destroyed) this.#onSocketClose()
    else if (this.#socket.readableEnded) this.#onSocketEnd()
    else if (!this.#stream.writableNeedsDrain) this.#socket.resume()
  }

  // ---- client to remote

  readonly #toStream = (chunk: Uint8Array): void => {
    if (!this.#isStreamWritable()) return // reset: what the client still writes goes nowhere, but is read, see #onStreamClose
    this.#lastWriteMs = performance.now()
    try {
      if (!this.#stream.send(chunk)) this.#socket.pause()
    } catch {
      // The connection broke under it; the stream is closed already and has said so.
    }
    if (this.#isThrottled(chunk.length)) this.#socket.pause()
  }

  readonly #onStreamDrain = (): void => {
    if (!this.#socket.isPaused() || this.#stream.writableNeedsDrain || this.#isThrottled(0)) return
    if (this.#stream.writeBufferLength <= MAX_PENDING_STREAM_BYTES) this.#socket.resume()
  }

  /** So many bytes have passed: whether no more may for now. Both directions go on by themselves later. */
  #isThrottled (bytes: number): boolean {
    this.#moved += bytes
    this.#meter.count(bytes)
    if (this.#meter.isOpen) return false
    this.#meter.whenOpen(this.#onMeterOpen)
    return true
  }

  readonly #onMeterOpen = (): void => {
    this.#onStreamDrain()
    if (!this.#socketFull) this.#reading.resume()
  }

  readonly #onSocketEnd = (): void => {
    this.#closeStreamWrite()
    if (hasHungUp(this.#socket)) return this.#onClientGone()
    this.#hangupCheck ??= setInterval(() => { if (hasHungUp(this.#socket)) this.#onClientGone() }, HANGUP_CHECK_MS)
  }

  #closeStreamWrite (): void {
    if (!this.#isStreamWritable()) return
    const hasMoreToSend = this.#stream.writeBufferLength > 0
    // Resolves when all is sent, which may take as long as the remote takes to read. It fails only when the stream has closed.
    this.#stream.close().then(() => {
      if (hasMoreToSend) this.#lastWriteMs = performance.now()
      if (this.#clientGone) this.#lingerThenReset()
    }, () => {})
  }

  #isStreamWritable (): boolean {
    return this.#stream.status === 'open' && this.#stream.writeStatus === 'writable'
  }

  // ---- remote to client

  readonly #onMessage = ({ data }: StreamMessageEvent): void => {
    const socket = this.#socket
    if (this.#clientGone || socket.destroyed || socket.writableEnded) return
    if (hasHungUp(this.#socket)) return this.#onClientGone()
    if (data instanceof Uint8Array) {
      this.#socketFull = !socket.write(data)
    } else {
      socket.cork()
      for (const buffer of data) this.#socketFull = !socket.write(buffer)
      socket.uncork()
    }
    this.#endAfterLastByte()
    if (this.#isThrottled(data.byteLength) || this.#socketFull) this.#reading.pause()
  }

  readonly #onSocketDrain = (): void => {
    this.#socketFull = false
    if (!this.#isThrottled(0)) this.#reading.resume()
  }

  /** The remote has written its last: what is left in the stream goes to the socket now, see reading.ts. */
  readonly #takeAll = (): void => { this.#reading.resume() }

  readonly #endAfterLastByte = (): void => {
    if (!this.#stream.readableEnded || this.#stream.readBufferLength > 0) return
    if (!this.#socket.writableEnded) this.#socket.end()
  }

  // ---- ends

  readonly #onStreamClose = (): void => {
    if (this.#streamClosed) return
    this.#streamClosed = true
    clearTimeout(this.#linger)
    this.#takeAll()
    this.#watchProgress()
    if (!this.#socket.writableEnded) this.#socket.end()
    if (this.#clientGone) {
      this.#socket.destroy()
    } else if (!this.#socket.readableEnded) {
      // Reset while the client was still writing: closing now, with unread input, would show it ECONNRESET for an end of file.
      // So its input is read to nowhere until it ends.
      this.#socket.resume()
      if (this.#socket.writableFinished) this.#endInput()
      else this.#socket.once('finish', this.#endInput)
    }
    this.#finishWhenBothClosed()
  }

  /** The client has its last byte: its own writes fail from now on, where the kernel can do that, or end after a while. */
  readonly #endInput = (): void => {
    if (!shutDown(this.#socket)) this.#linger = setTimeout(() => { this.#socket.destroy() }, LINGER_MS)
  }

  readonly #onSocketClose = (): void => {
    if (this.#socketClosed) return
    this.#socketClosed = true
    this.#onClientGone()
    this.#closeStreamWrite()
    this.#finishWhenBothClosed()
  }

  /** Nobody reads any more. What the client wrote before it went is still delivered, then the stream is given up. */
  #onClientGone (): void {
    clearInterval(this.#hangupCheck)
    this.#clientGone = true
    // No window updates from here on: a remote that goes on writing stops by itself instead of writing to nobody.
    this.#reading.pause()
    if (this.#streamClosed) this.#socket.destroy()
    else if (this.#stream.writeStatus === 'closed') this.#lingerThenReset()
    else this.#watchProgress()
  }

  /** One end has gone and the other does not take what is due to it: without progress for long enough, that is given up too. */
  #watchProgress (): void {
    const due = (): number => this.#socket.writableLength + this.#stream.writeBufferLength
    let last = due()
    let since = performance.now()
    this.#progressCheck ??= setInterval(() => {
      const now = due()
      if (now !== last) since = performance.now()
      last = now
      if (performance.now() - since > STUCK_MS) this.#onAbort()
    }, STUCK_MS / 10)
  }

  #lingerThenReset (): void {
    if (this.#streamClosed) return
    const sinceMs = this.#lastWriteMs === undefined ? LINGER_MS : performance.now() - this.#lastWriteMs
    this.#linger ??= setTimeout(() => { this.#stream.abort(new Error('the client has gone')) }, Math.max(0, LINGER_MS - sinceMs))
  }

  readonly #onAbort = (): void => {
    this.#stream.abort(new Error('given up'))
    this.#socket.destroy()
  }

  #finishWhenBothClosed (): void {
    if (!this.#socketClosed || !this.#streamClosed) return
    clearInterval(this.#hangupCheck)
    clearInterval(this.#progressCheck)
    clearTimeout(this.#linger)
    this.#init.signal.removeEventListener('abort', this.#onAbort)
    this.#meter.forget(this.#onMeterOpen)
    this.#init.onDone()
  }
}
