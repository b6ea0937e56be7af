/**
 * One control connection: dialling it, asking on it, and reading no byte more than the answer has.
 *
 * Owns what happens to the socket when a call is aborted: it is destroyed, since an answer that nobody waits for would be
 * taken for the next one's. Which connection a request goes over is requests.ts's business.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { P2pdError, messageOf } from '../errors.ts'
import { decodeResponse, encodeRequest, type Request, type Response } from '../wire/codec.ts'
import { FrameReader, encodeFrame } from '../wire/frames.ts'
import type { SocketAddress } from '../wire/addresses.ts'

/** A Unix socket whose backlog is full refuses at once (EAGAIN, connect(2)) where TCP would wait; so we wait, this long a time. */
const BACKLOG_RETRY_MS = 10

/**
 * A connected socket with half-close, whose errors show in whatever reads or writes it and are never uncaught. Throws
 * ERR_SYSTEM when nobody listens there.
 */
export async function dial (address: SocketAddress, signal: AbortSignal): Promise<Socket> {
  for (;;) {
    signal.throwIfAborted()
    const socket = connect({ ...address, allowHalfOpen: true, noDelay: true })
    socket.on('error', () => {})
    try {
      await once(socket, 'connect', { signal })
      return socket
    } catch (error) {
      socket.destroy()
      signal.throwIfAborted()
      if (!isBacklogFull(error)) throw new P2pdError('ERR_SYSTEM', `cannot reach the daemon: ${messageOf(error)}`, { cause: error })
    }
    // Its own abort is told by the loop, with the reason as it is.
    await delay(BACKLOG_RETRY_MS, undefined, { signal }).catch(() => {})
  }
}

/** Sends one request and reads its answer. On any failure the socket is destroyed; an ERROR is an answer, not a failure. */
export async function ask (socket: Socket, request: Request, signal: AbortSignal): Promise<Response> {
  return await destroying(socket, signal, async () => {
    socket.write(encodeFrame(encodeRequest(request)))
    return decodeResponse(await readFrame(socket))
  })
}

/** Runs the call; when it fails or the signal aborts first, the socket is destroyed. */
export async function destroying<T> (socket: Duplex, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  const destroy = (): void => { socket.destroy() }
  signal.addEventListener('abort', destroy)
  try {
    signal.throwIfAborted()
    return await call()
  } catch (error) {
    socket.destroy()
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', destroy)
  }
}

/**
 * The next frame. What came behind it in the same read is put back, so that the socket can be read on as a stream.
 *
 * The reads happen in microtasks, and so does everything up to the caller's next statement: an `end` that came along with
 * the frame is emitted only after that, and a caller that listens for it at once does not miss it.
 */
export async function readFrame (socket: Duplex): Promise<Uint8Array> {
  const reader = new FrameReader()
  for (;;) {
    const chunk = socket.read() as Buffer | null
    if (chunk === null) {
      if (socket.readableEnded || socket.destroyed) throw ended(socket)
      await readable(socket)
      continue
    }
    reader.push(chunk)
    const frame = reader.next()
    if (frame === undefined) continue
    const rest = reader.takeRest()
    if (rest.length > 0) socket.unshift(rest)
    return frame
  }
}

function ended (socket: Duplex): P2pdError {
  return new P2pdError('ERR_CLOSED', 'the daemon ended the connection where a message was due', { cause: socket.errored })
}

/** Until there is something to read, or never will be. */
async function readable (socket: Duplex): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const events = ['readable', 'end', 'close']
  const settle = (): void => { resolve(undefined) }
  for (const event of events) socket.on(event, settle)
  await promise
  for (const event of events) socket.off(event, settle)
}

function isBacklogFull (error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EAGAIN'
}
