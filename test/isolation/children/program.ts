/**
 * A program of some user, told what to do by its parent: `program.ts UID GID`. Speaks the control protocol as bytes, so that
 * it can ask for what no client would; see orders.ts for what it can do. Ends with its parent.
 */
import { once } from 'node:events'
import * as fs from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import * as os from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { readFrame } from '../../../src/client/connection.ts'
import type { SocketAddress } from '../../../src/wire/addresses.ts'
import { become } from './become.ts'
import { answerTo, exchange, messageOf, reach, sumOf } from './streams.ts'
import type { Asked, Attempted, Order, Seen } from './orders.ts'

const [uid = '', gid = ''] = process.argv.slice(2)
const MODULES: Readonly<Record<string, object>> = { fs, os, process }

const connections = new Map<string, Socket>()
/** Exchanges that are to end, by their names. */
const finished = new Set<string>()
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
    case 'exchange': return { result: await exchange(order, () => finished.has(order.id ?? '')) }
    case 'attempt': return { result: attempt(order.call, order.args) }
    case 'swap':
      await swap(order.link, order.targets, order.times)
      return { result: null }
    case 'finish':
      finished.add(order.id)
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
