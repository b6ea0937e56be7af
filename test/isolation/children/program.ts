/**
 * A program of some user, told what to do by its parent: `program.ts UID GID`. Speaks the control protocol as bytes, so that
 * it can ask for what no client would; see orders.ts for what it can do. Ends with its parent.
 */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import * as os from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { dial, readFrame } from '../../../src/client/connection.ts'
import type { SocketAddress } from '../../../src/wire/addresses.ts'
import { ResponseType, decodeResponse } from '../../../src/wire/codec.ts'
import { within } from '../../helpers/deadlines.ts'
import { frame } from '../../helpers/protobuf.ts'
import { become } from './become.ts'
import type { Asked, Attempted, Exchanged, Order, Seen, Sum } from './orders.ts'

const BLOCK_BYTES = 64 * 1024
/** Of what came in on a stream, kept as text: a listener's sum is shorter. */
const TEXT_BYTES = 1024
/** The longest an answer or a connection may take: a host may be starting, and the machine may be busy. */
const PATIENCE_MS = 20_000

const [uid = '', gid = ''] = process.argv.slice(2)
const MODULES: Readonly<Record<string, object>> = { fs, os, process }

const connections = new Map<string, Socket>()
const listeners = new Map<string, { server: Server, sockets: Socket[], announced: string[] }>()

become(Number(uid), Number(gid))
process.on('disconnect', () => { process.exit(0) })
process.on('message', ({ number, order }: { number: number, order: Order }, handle?: Socket) => {
  obey(order, handle).then(
    ({ result, socket }) => { process.send?.({ number, result }, socket) },
    (error: unknown) => { process.send?.({ number, error: messageOf(error) }) }
  )
})
process.send?.({ number: 0, result: null })

async function obey (order: Order, handle: Socket | undefined): Promise<{ result: unknown, socket?: Socket }> {
  switch (order.do) {
    case 'ask': return { result: await askOnce(order.to, order.requests) }
    case 'askOn': return { result: await askOn(kept(order.id), order.requests) }
    case 'listen': return { result: await listen(order.id, order.at, order.mode) }
    case 'seen': return { result: seenBy(order.id) }
    case 'exchange': return { result: await exchange(order.to, order.request, order.bytes, order.pauseMs ?? 0) }
    case 'attempt': return { result: attempt(order.call, order.args) }
    case 'swap':
      await swap(order.link, order.targets, order.times)
      return { result: null }
    case 'unlisten':
      listeners.get(order.id)?.server.close()
      return { result: null }
    case 'connect':
      connections.set(order.id, await reach(order.to))
      return { result: null }
    case 'hand': return { result: null, socket: kept(order.id) }
    case 'take':
      if (handle === undefined) throw new Error('no connection came along')
      connections.set(order.id, handle.on('error', () => {}))
      return { result: null }
  }
}

async function reach (to: SocketAddress): Promise<Socket> {
  return await dial(to, AbortSignal.timeout(PATIENCE_MS))
}

function kept (id: string): Socket {
  const connection = connections.get(id)
  if (connection === undefined) throw new Error(`no connection ${id}`)
  return connection
}

async function askOnce (to: SocketAddress, requests: readonly string[]): Promise<Asked> {
  try {
    const socket = await reach(to)
    return await askOn(socket, requests).finally(() => { socket.destroy() })
  } catch (error) {
    return { answers: [], error: messageOf(error) }
  }
}

async function askOn (socket: Socket, requests: readonly string[]): Promise<Asked> {
  const answers: string[] = []
  try {
    for (const request of requests) answers.push((await answerTo(socket, request)).toString('base64'))
    return { answers }
  } catch (error) {
    return { answers, error: messageOf(error) }
  }
}

async function answerTo (socket: Socket, request: string): Promise<Buffer> {
  socket.write(frame(Buffer.from(request, 'base64')))
  return Buffer.from(await within('an answer', readFrame(socket), PATIENCE_MS))
}

async function listen (id: string, at: SocketAddress, mode: number | undefined): Promise<SocketAddress> {
  const sockets: Socket[] = []
  const announced: string[] = []
  const server = createServer({ allowHalfOpen: true }, socket => {
    sockets.push(socket)
    void take(socket, announced)
  })
  await once(server.listen(at), 'listening')
  if ('path' in at && mode !== undefined) fs.chmodSync(at.path, mode)
  listeners.set(id, { server, sockets, announced })
  const bound = server.address()
  return typeof bound === 'string' || bound === null ? at : { host: bound.address, port: bound.port }
}

function seenBy (id: string): Seen {
  const { sockets = [], announced = [] } = listeners.get(id) ?? {}
  return { accepted: sockets.length, bytes: sockets.reduce((sum, { bytesRead }) => sum + bytesRead, 0), announced }
}

async function take (socket: Socket, announced: string[]): Promise<void> {
  socket.on('error', () => {})
  try {
    announced.push(Buffer.from(await readFrame(socket)).toString('base64'))
    socket.end(JSON.stringify(await sumOf(socket)))
  } catch {
    socket.destroy() // it ended before it brought a stream, or in the middle of one
  }
}

async function sumOf (socket: Socket, onBytes: (bytes: Buffer) => void = () => {}): Promise<Sum> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    bytes += chunk.length
    onBytes(chunk)
  }
  return { bytes, sha256: hash.digest('hex') }
}

async function exchange (to: SocketAddress, request: string, bytes: number, pauseMs: number): Promise<Exchanged> {
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
    ;[sent, received] = await Promise.all([send(socket, bytes, pauseMs), reading])
  } catch (error) {
    end = messageOf(error)
  } finally {
    socket?.destroy()
  }
  return { text, end, endedAt: Date.now(), ...answer !== undefined && { answer }, ...sent !== undefined && { sent }, ...received !== undefined && { received } }
}

/** Stops early where nobody takes it any more; the sum then has only what was written. */
async function send (socket: Socket, bytes: number, pauseMs: number): Promise<Sum> {
  const hash = createHash('sha256')
  let left = bytes
  for (; left > 0 && socket.writable; left -= BLOCK_BYTES) {
    const block = randomBytes(Math.min(BLOCK_BYTES, left))
    hash.update(block)
    if (!socket.write(block)) await Promise.race([once(socket, 'drain'), once(socket, 'close')])
    if (pauseMs > 0) await delay(pauseMs)
  }
  socket.end()
  return { bytes: bytes - Math.max(left, 0), sha256: hash.digest('hex') }
}

/** By rename, so that the name is always there. Breathes after each, so that the swaps spread over what others do meanwhile. */
async function swap (link: string, targets: readonly string[], times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    fs.symlinkSync(targets[i % targets.length] ?? '', `${link}.new`)
    fs.renameSync(`${link}.new`, link)
    if (i % 3 === 0) await delay(1)
  }
}

function attempt (call: string, args: readonly unknown[]): Attempted {
  const [module = '', name = ''] = call.split('.')
  const called: unknown = Reflect.get(MODULES[module] ?? {}, name)
  if (typeof called !== 'function') throw new Error(`no ${call}`)
  try {
    const value: unknown = Reflect.apply(called, MODULES[module], args)
    return { value: value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value ?? null }
  } catch (error) {
    return { code: error instanceof Error && 'code' in error ? String(error.code) : messageOf(error) }
  }
}

function messageOf (error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
