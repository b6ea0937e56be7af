/**
 * A control connection that waits for an inbound stream: from its OK to the stream, or to the end of its waiting.
 *
 * Owns that a stream is given to a program that is still there, and to no second one once a byte of it was given. Reads
 * nothing: what the program sends early stays where it is, for the pipe. See waiters.ts for whose turn it is.
 */
import type { Socket } from 'node:net'
import type { P2pdError } from '../errors.ts'
import { HANGUP_CHECK_MS } from '../limits.ts'
import { encodeResponse, type Response } from '../wire/codec.ts'
import { encodeFrame } from '../wire/frames.ts'
import { hasEnded } from './ended.ts'
import type { RemoteStream } from './host.ts'
import { OK, errorAnswer } from './operations/answers.ts'
import { streamInfoOf } from './streamInfo.ts'
import { Place, type Waiters } from './waiters.ts'

/** How a connection comes to its stream, once the first answer is written; see waitForStream() for what it resolves with. */
export type Wait = (socket: Socket) => Promise<RemoteStream | 'ended' | undefined>

export interface Waiting {
  readonly queues: readonly Waiters[]
  /** Takes who has to be called when a protocol may no longer be waited for, and returns how that is taken back. */
  readonly hold: (dismiss: (protocol: string, reason: P2pdError) => void) => () => void
}

/**
 * Resolves with the stream, of which a second answer has told, and which the caller joins to the socket before it does
 * anything else; with undefined when an ERROR has told why there will be none; with `ended` when the program has gone or
 * ended its writing.
 */
export async function waitForStream (socket: Socket, { queues, hold }: Waiting): Promise<RemoteStream | 'ended' | undefined> {
  const { promise, resolve } = Promise.withResolvers<RemoteStream | 'ended' | undefined>()
  const onEnd = (): void => { resolve('ended') }
  const say = (response: Response): void => { socket.write(encodeFrame(encodeResponse(response))) }
  const place = new Place(queues, {
    give (remote) {
      if (hasEnded(socket)) return false
      say({ ...OK, streamInfo: streamInfoOf(remote) })
      // A write that fails fails at once: the kernel knows who has gone, and there is room for so little.
      if (socket.errored !== null) return false
      resolve(remote)
      return true
    },
    dismiss (reason) {
      say(errorAnswer(reason.message))
      resolve(undefined)
    }
  })
  socket.on('end', onEnd).on('close', onEnd)
  // Also when so much was sent ahead that nothing is read any more, and Node would not come to the end.
  const watch = setInterval(() => { if (hasEnded(socket)) onEnd() }, HANGUP_CHECK_MS)
  place.enter()
  const release = hold((protocol, reason) => { place.dismiss(protocol, reason) })
  try {
    return await promise
  } finally {
    release()
    place.leave()
    clearInterval(watch)
    socket.off('end', onEnd).off('close', onEnd)
  }
}
