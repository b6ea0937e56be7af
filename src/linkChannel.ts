/**
 * Messages over a socket: each one a frame of JSON.
 *
 * Owns what the two ends of a link may do to each other: no frame over the limit is held, what is no JSON ends the channel
 * with the reason, and one that talks too much is read more slowly. What a message means is link.ts's.
 */
import type { Socket } from 'node:net'
import { messageOf } from './errors.ts'
import { FrameReader, encodeFrame } from './wire/frames.ts'

/** Longest message a host may send, bytes: far above what any is, and bounds what the supervisor holds for it. */
export const MAX_FROM_HOST_BYTES = 1024 * 1024
/** Longest message to a host, bytes: a set of policies. */
export const MAX_TO_HOST_BYTES = 4 * 1024 * 1024

export interface LinkChannelInit {
  /** Connected; taken over. */
  readonly socket: Socket
  readonly maxInBytes: number
  readonly maxOutBytes: number
  readonly onMessage: (message: unknown) => void
  /** Once: nothing more will come, because the other end has gone, or, with a reason, has sent what is no message. */
  readonly onEnd: (reason?: string) => void
  /** Asked after each message, with its length: how long the next one has to wait, milliseconds. */
  readonly pace?: (bytes: number) => number
}

export class LinkChannel {
  readonly #init: LinkChannelInit
  readonly #reader: FrameReader
  #wait: NodeJS.Timeout | undefined
  #ended = false

  constructor (init: LinkChannelInit) {
    this.#init = init
    this.#reader = new FrameReader(init.maxInBytes)
    init.socket
      .on('data', (chunk: Buffer) => {
        this.#reader.push(chunk)
        this.#read()
      })
      .on('error', () => { /* `close` follows */ })
      .on('end', () => { this.#end() })
      .on('close', () => { this.#end() })
  }

  get ended (): boolean { return this.#ended }

  /** Bytes that wait because the other end does not read. */
  get unsentBytes (): number { return this.#init.socket.writableLength }

  /** Goes nowhere once the other end has gone; `onEnd` says so. Throws ERR_FRAME for a message that is too long. */
  send (message: object): void {
    const { socket, maxOutBytes } = this.#init
    const frame = encodeFrame(Buffer.from(JSON.stringify(message)), maxOutBytes)
    if (socket.writable) socket.write(frame)
  }

  close (): void {
    this.#end()
  }

  #read (): void {
    const { onMessage, pace } = this.#init
    try {
      while (!this.#ended && this.#wait === undefined) {
        const frame = this.#reader.next()
        if (frame === undefined) return
        onMessage(JSON.parse(Buffer.from(frame.buffer, frame.byteOffset, frame.length).toString('utf8')))
        const waitMs = pace?.(frame.length) ?? 0
        if (waitMs > 0) this.#readOnIn(waitMs)
      }
    } catch (error) {
      // Whatever is wrong with a message, it costs the end that sent it its channel, and this process nothing.
      this.#end(messageOf(error))
    }
  }

  /** Meanwhile the other end's writes fill the kernel's buffer, and then its own. */
  #readOnIn (waitMs: number): void {
    const { socket } = this.#init
    socket.pause()
    this.#wait = setTimeout(() => {
      this.#wait = undefined
      this.#read()
      if (this.#wait === undefined && !this.#ended) socket.resume()
    }, waitMs)
  }

  #end (reason?: string): void {
    if (this.#ended) return
    this.#ended = true
    clearTimeout(this.#wait)
    this.#init.socket.destroy()
    this.#init.onEnd(reason)
  }
}
