/**
 * One stream or one answer at a time, on sockets of the control protocol, as bytes.
 *
 * Owns what is sent (random bytes, so that a lost, doubled or crossed one changes the sum) and how an end is told from a
 * failure. Which orders there are is program.ts's.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { dial, readFrame } from '../../../src/client/connection.ts'
import type { SocketAddress } from '../../../src/wire/addresses.ts'
import { ResponseType, decodeResponse } from '../../../src/wire/codec.ts'
import { within } from '../../helpers/deadlines.ts'
import { frame } from '../../helpers/protobuf.ts'
import type { ExchangeOrder, Exchanged, Sum } from './orders.ts'

const BLOCK_BYTES = 64 * 1024
/** Of what came in on a stream, kept as text: a listener's sum is shorter. */
const TEXT_BYTES = 1024
/** The longest an answer or a connection may take: a host may be starting, and the machine may be busy. */
const PATIENCE_MS = 30_000

export async function reach (to: SocketAddress): Promise<Socket> {
  return await dial(to, AbortSignal.timeout(PATIENCE_MS))
}

export async function answerTo (socket: Socket, request: string): Promise<Buffer> {
  socket.write(frame(Buffer.from(request, 'base64')))
  return Buffer.from(await within('an answer', readFrame(socket), PATIENCE_MS))
}

export async function sumOf (socket: Socket, onBytes: (bytes: Buffer) => void = () => {}): Promise<Sum> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    bytes += chunk.length
    onBytes(chunk)
  }
  return { bytes, sha256: hash.digest('hex') }
}

/** From STREAM_OPEN to the end of both directions; `isFinished` ends what is sent, and is asked after each block. */
export async function exchange ({ to, request, bytes, pauseMs = 0 }: ExchangeOrder, isFinished: () => boolean): Promise<Exchanged> {
  let answer: string | undefined
  let text = ''
  let sent: Sum | undefined
  let received: Sum | undefined
  let end = 'end'
  let socket: Socket | undefined
  try {
    socket = await reach(to)
    const bare = await answerTo(socket, request)
    answer = bare.toString('base64')
    if (decodeResponse(bare).type !== ResponseType.OK) throw new Error('not opened')
    const reading = sumOf(socket, chunk => { if (text.length < TEXT_BYTES) text += chunk.toString('latin1') })
    ;[sent, received] = await Promise.all([send(socket, { bytes, pauseMs, isFinished }), reading])
  } catch (error) {
    end = messageOf(error)
  } finally {
    socket?.destroy()
  }
  return { text, end, endedAt: Date.now(), ...answer !== undefined && { answer }, ...sent !== undefined && { sent }, ...received !== undefined && { received } }
}

/** Stops early where nobody takes it any more; the sum then has only what was written. */
async function send (socket: Socket, { bytes, pauseMs, isFinished }: { bytes: number, pauseMs: number, isFinished: () => boolean }): Promise<Sum> {
  const hash = createHash('sha256')
  let sent = 0
  while (sent < bytes && socket.writable && !isFinished()) {
    const block = randomBytes(Math.min(BLOCK_BYTES, bytes - sent))
    hash.update(block)
    sent += block.length
    if (!socket.write(block)) await drained(socket)
    if (pauseMs > 0) await delay(pauseMs)
  }
  socket.end()
  return { bytes: sent, sha256: hash.digest('hex') }
}

export function messageOf (error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Resolves when more can be written, or nothing ever will be. */
async function drained (socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const done = (): void => { resolve(undefined) }
  socket.once('drain', done).once('close', done)
  await promise
  socket.off('drain', done).off('close', done)
}
