/**
 * Length-prefixed frames over a byte stream: an unsigned varint, then as many bytes.
 *
 * Owns the limit on what one frame may hold, and the bytes left over when a connection stops being frames and becomes a
 * pipe. Knows nothing of protobuf: see codec.ts.
 */
import { P2pdError } from '../errors.ts'
import { MAX_FRAME_BYTES } from '../limits.ts'

/** First size of the buffer for a frame that comes in pieces: one read of Node's. It doubles, so what is held follows what came. */
const FIRST_BODY_BYTES = 64 * 1024

/** One message behind its length, in one piece. Throws ERR_FRAME when the other side would refuse it. */
export function encodeFrame (message: Uint8Array, maxFrameBytes = MAX_FRAME_BYTES): Uint8Array {
  if (message.length > maxFrameBytes) throw tooLong(message.length, maxFrameBytes)
  const prefix: number[] = []
  let rest = message.length
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) prefix.push(rest % 0x80 + 0x80)
  prefix.push(rest)
  const frame = new Uint8Array(prefix.length + message.length)
  frame.set(prefix)
  frame.set(message, prefix.length)
  return frame
}

/** Takes chunks as they come and gives whole frames. Work is linear in the bytes, however small the chunks are. */
export class FrameReader {
  readonly #maxFrameBytes: number
  readonly #maxPrefixBytes: number
  /** Chunks not looked at yet; the first one from #offset on. */
  #chunks: Uint8Array[] = []
  #first = 0
  #offset = 0
  #queuedBytes = 0
  /** The length as it came, and its value once it is whole. */
  #prefix: number[] = []
  #length: number | undefined
  /** What there is of a frame that lies in several chunks. */
  #body = new Uint8Array(0)
  #bodyBytes = 0
  #fault: P2pdError | undefined

  constructor (maxFrameBytes: number = MAX_FRAME_BYTES) {
    this.#maxFrameBytes = maxFrameBytes
    this.#maxPrefixBytes = Math.max(1, Math.ceil(Math.log2(maxFrameBytes + 1) / 7))
  }

  /** A frame was begun and was not whole at the last next(), which alone looks at what was pushed. */
  get midFrame (): boolean {
    return this.#prefix.length > 0
  }

  /** Bytes pushed that were neither returned as a frame nor taken. */
  get bufferedBytes (): number {
    return this.#queuedBytes + this.#prefix.length + this.#bodyBytes
  }

  push (chunk: Uint8Array): void {
    if (chunk.length === 0) return
    this.#chunks.push(chunk)
    this.#queuedBytes += chunk.length
  }

  /**
   * The next frame, or undefined until more is pushed. A frame that lies in one chunk is a view of it. Throws ERR_FRAME, and
   * from then on always, as nothing tells where the next frame would begin.
   */
  next (): Uint8Array | undefined {
    if (this.#fault !== undefined) throw this.#fault
    const length = this.#length ?? this.#readLength()
    if (length === undefined) return undefined
    const frame = this.#bodyBytes === 0 ? this.#view(length) : undefined
    if (frame === undefined && !this.#fill(length)) return undefined
    const body = this.#body
    this.#reset()
    return frame ?? body.subarray(0, length)
  }

  /** Everything that is not a frame yet, in order and as it came. The reader is empty afterwards. */
  takeRest (): Uint8Array {
    const parts: Uint8Array[] = [Uint8Array.from(this.#prefix), this.#body.subarray(0, this.#bodyBytes)].filter(part => part.length > 0)
    this.#reset()
    while (this.#queuedBytes > 0) parts.push(this.#take(this.#queuedBytes))
    const [only] = parts
    return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts)
  }

  #readLength (): number | undefined {
    while (this.#queuedBytes > 0) {
      const byte = this.#take(1)[0] ?? 0
      this.#prefix.push(byte)
      if (byte < 0x80) {
        const length = this.#prefix.reduceRight((value, part) => value * 0x80 + part % 0x80, 0)
        if (length > this.#maxFrameBytes) throw this.#fault = tooLong(length, this.#maxFrameBytes)
        return this.#length = length
      }
      if (this.#prefix.length === this.#maxPrefixBytes) {
        throw this.#fault = new P2pdError('ERR_FRAME', `a frame's length takes more than ${this.#maxPrefixBytes} bytes: a frame may have ${this.#maxFrameBytes} bytes at most`)
      }
    }
    return undefined
  }

  /** The frame without copying, when the first chunk has all of it. */
  #view (length: number): Uint8Array | undefined {
    if (length === 0) return new Uint8Array(0)
    const first = this.#chunks[this.#first]
    return first !== undefined && first.length - this.#offset >= length ? this.#take(length) : undefined
  }

  /** Moves what is there into the body; true when that makes it whole. Keeps no small chunks, which cost more than they hold. */
  #fill (length: number): boolean {
    while (this.#queuedBytes > 0 && this.#bodyBytes < length) {
      const part = this.#take(length - this.#bodyBytes)
      const needed = this.#bodyBytes + part.length
      if (needed > this.#body.length) {
        const grown = new Uint8Array(Math.min(length, Math.max(FIRST_BODY_BYTES, needed, this.#body.length * 2)))
        grown.set(this.#body.subarray(0, this.#bodyBytes))
        this.#body = grown
      }
      this.#body.set(part, this.#bodyBytes)
      this.#bodyBytes = needed
    }
    return this.#bodyBytes === length
  }

  /** At most so many bytes off the front, never across a chunk's end. */
  #take (most: number): Uint8Array {
    const chunk = this.#chunks[this.#first] ?? new Uint8Array(0)
    const part = chunk.subarray(this.#offset, this.#offset + most)
    this.#offset += part.length
    this.#queuedBytes -= part.length
    if (this.#offset === chunk.length) {
      this.#offset = 0
      this.#first++
      // Array.shift() on every chunk would be quadratic, and an array that only grows a leak.
      if (this.#first === this.#chunks.length) this.#chunks = []
      else if (this.#first >= 1024) this.#chunks = this.#chunks.slice(this.#first)
      else return part
      this.#first = 0
    }
    return part
  }

  #reset (): void {
    this.#prefix = []
    this.#length = undefined
    this.#body = new Uint8Array(0)
    this.#bodyBytes = 0
  }
}

function tooLong (length: number, maxFrameBytes: number): P2pdError {
  return new P2pdError('ERR_FRAME', `a frame of ${length} bytes is over the limit of ${maxFrameBytes}`)
}
