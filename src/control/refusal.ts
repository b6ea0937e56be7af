/**
 * Telling a client no, so that it hears it: an ERROR answer, an orderly end, and its unread requests taken off its hands
 * first (closing a Unix socket with unread input shows the other end ECONNRESET instead of what was written).
 */
import type { Socket } from 'node:net'
import { encodeResponse } from '../wire/codec.ts'
import { encodeFrame } from '../wire/frames.ts'
import { errorAnswer } from './operations/answers.ts'

/** How long a refused client has to read its answer and go. */
const REFUSED_LINGER_MS = 2_000

/** Answers ERROR and closes; resolves when the socket is closed. */
export async function refuse (socket: Socket, message: string): Promise<void> {
  if (socket.destroyed) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const deadline = setTimeout(() => { socket.destroy() }, REFUSED_LINGER_MS)
  socket.on('error', () => {}).once('close', () => { clearTimeout(deadline); resolve() })
  socket.on('data', () => {}).resume()
  socket.end(encodeFrame(encodeResponse(errorAnswer(message))))
  return promise
}
