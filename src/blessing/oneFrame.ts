/**
 * One message behind its length off a libp2p stream: all that the asker of the status protocol reads.
 *
 * Owns its bound in bytes and in time. The stream stays the caller's to end.
 */
import type { Stream, StreamMessageEvent } from '@libp2p/interface'
import { P2pdError } from '../errors.ts'
import { FrameReader } from '../wire/frames.ts'

/**
 * Rejects with ERR_FRAME for a longer one, with ERR_CLOSED when the stream ends first, and with the signal's reason. Whatever
 * came behind the frame is dropped.
 */
export async function readOneFrame (stream: Stream, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  signal.throwIfAborted()
  const reader = new FrameReader(maxBytes)
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
  /** `end` may have come before bytes that negotiation read ahead and put back. */
  const onChange = (): void => {
    if (stream.readBufferLength === 0 && (stream.readableEnded || stream.status !== 'open')) {
      reject(new P2pdError('ERR_CLOSED', 'the other end of the stream has gone before its message was whole'))
    }
  }
  const onMessage = ({ data }: StreamMessageEvent): void => {
    try {
      reader.push(data.subarray())
      const frame = reader.next()
      if (frame !== undefined) return resolve(frame)
    } catch (error) {
      return reject(error)
    }
    onChange()
  }
  const onAbort = (): void => { reject(signal.reason) }
  stream.addEventListener('message', onMessage)
  stream.addEventListener('end', onChange)
  // An abort drops what was put back, and `end` does not come twice.
  stream.addEventListener('close', onChange)
  signal.addEventListener('abort', onAbort)
  try {
    onChange()
    return await promise
  } finally {
    stream.removeEventListener('message', onMessage)
    stream.removeEventListener('end', onChange)
    stream.removeEventListener('close', onChange)
    signal.removeEventListener('abort', onAbort)
  }
}
