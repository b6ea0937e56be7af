/**
 * Frames over a libp2p stream: what two hosts of this machine say to each other before a stream becomes a program's.
 *
 * Owns back-pressure while frames are read (the stream is paused whenever nobody asks for the next one) and the bytes that
 * came behind the last frame. The stream itself stays its caller's to end.
 */
import type { Stream, StreamMessageEvent } from '@libp2p/interface'
import { P2pdError } from '../errors.ts'
import { FrameReader, encodeFrame } from '../wire/frames.ts'
import { Reading } from './reading.ts'

export class StreamFrames {
  readonly #stream: Stream
  readonly #reader: FrameReader
  readonly #reading: Reading
  /** Something came since it was last looked at. */
  #fresh = false
  #wake: (() => void) | undefined

  constructor (stream: Stream, maxFrameBytes?: number) {
    this.#stream = stream
    this.#reader = new FrameReader(maxFrameBytes)
    this.#reading = new Reading(stream, () => this.#fresh)
    this.#reading.pause()
    stream.addEventListener('message', this.#onMessage)
    for (const event of ['end', 'close', 'remoteCloseWrite'] as const) stream.addEventListener(event, this.#onChange)
  }

  /** Throws ERR_CLOSED when the other end takes no more. What it does not take at once waits in the stream. */
  send (message: Uint8Array): void {
    const { status, writeStatus } = this.#stream
    if (status !== 'open' || writeStatus !== 'writable') throw ended()
    this.#stream.send(encodeFrame(message))
  }

  /**
   * The next frame, good until the next call; undefined when the other end has ended its writing between two. Rejects with
   * ERR_FRAME, with ERR_CLOSED when it ended inside one or was reset, or with the signal's reason. One call at a time.
   */
  async next (signal: AbortSignal): Promise<Uint8Array | undefined> {
    for (;;) {
      signal.throwIfAborted()
      const frame = this.#reader.next()
      if (frame !== undefined) {
        this.#reading.pause()
        return frame
      }
      this.#fresh = false
      this.#reading.resume()
      if (this.#fresh) continue
      if (this.#hasEnded()) {
        if (this.#reader.midFrame || this.#stream.status === 'reset' || this.#stream.status === 'aborted') throw ended()
        return undefined
      }
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      signal.addEventListener('abort', this.#onChange, { once: true })
      await promise
      signal.removeEventListener('abort', this.#onChange)
    }
  }

  /** Ends the frames: the stream is left paused, and what came behind the last one is returned. */
  detach (): Uint8Array {
    this.#reading.pause()
    this.#stream.removeEventListener('message', this.#onMessage)
    for (const event of ['end', 'close', 'remoteCloseWrite'] as const) this.#stream.removeEventListener(event, this.#onChange)
    return this.#reader.takeRest()
  }

  readonly #onMessage = ({ data }: StreamMessageEvent): void => {
    if (data instanceof Uint8Array) this.#reader.push(data)
    else for (const part of data) this.#reader.push(part)
    this.#fresh = true
    // One that is asked for may need more; what is there is looked at first.
    this.#reading.pause()
    this.#onChange()
  }

  readonly #onChange = (): void => {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  /** `end` may have come before bytes that negotiation read ahead and put back. */
  #hasEnded (): boolean {
    const { readableEnded, readBufferLength, status } = this.#stream
    return readBufferLength === 0 && (readableEnded || status !== 'open')
  }
}

function ended (): P2pdError {
  return new P2pdError('ERR_CLOSED', 'the other end of the stream has gone')
}
