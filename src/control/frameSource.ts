/**
 * The frames of one control connection, in order.
 *
 * Owns the reading of the socket until the connection becomes a pipe: bounded read-ahead, and a deadline for a frame that
 * was begun. An idle connection may stay as long as it likes.
 */
import type { Socket } from 'node:net'
import { P2pdError } from '../errors.ts'
import { FRAME_DEADLINE_MS, MAX_PIPELINED_BYTES } from '../limits.ts'
import { FrameReader } from '../wire/frames.ts'

export class FrameSource {
  readonly #socket: Socket
  readonly #reader: FrameReader
  #wake: (() => void) | undefined
  #deadline: NodeJS.Timeout | undefined
  #late = false

  constructor (socket: Socket, maxFrameBytes?: number) {
    this.#reader = new FrameReader(maxFrameBytes)
    this.#socket = socket.on('data', this.#onData).on('end', this.#onChange).on('close', this.#onChange)
  }

  /** The next frame, or undefined once the client has ended. Rejects with ERR_FRAME. One call at a time. */
  async next (): Promise<Uint8Array | undefined> {
    for (;;) {
      const frame = this.#reader.next()
      if (frame !== undefined) {
        this.#clearDeadline()
        return frame
      }
      if (this.#socket.readableEnded || this.#socket.destroyed) {
        this.#clearDeadline()
        if (this.#reader.midFrame) throw new P2pdError('ERR_FRAME', 'the connection ended inside a frame')
        return undefined
      }
      if (this.#late) throw new P2pdError('ERR_FRAME', `a frame was begun and not finished within ${FRAME_DEADLINE_MS / 1000} s`)
      if (this.#reader.midFrame) this.#deadline ??= setTimeout(this.#onLate, FRAME_DEADLINE_MS)
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      this.#socket.resume()
      await promise
    }
  }

  /** Ends the frames: stops reading and returns what was read ahead. The socket is left paused. */
  detach (): Uint8Array {
    this.#clearDeadline()
    this.#socket.pause().off('data', this.#onData).off('end', this.#onChange).off('close', this.#onChange)
    return this.#reader.takeRest()
  }

  readonly #onData = (chunk: Uint8Array): void => {
    this.#reader.push(chunk)
    if (this.#wake === undefined && this.#reader.bufferedBytes > MAX_PIPELINED_BYTES) this.#socket.pause()
    this.#onChange()
  }

  readonly #onChange = (): void => {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  readonly #onLate = (): void => {
    this.#late = true
    this.#onChange()
  }

  #clearDeadline (): void {
    clearTimeout(this.#deadline)
    this.#deadline = undefined
  }
}
