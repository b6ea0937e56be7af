/**
 * Load on a daemon, from a process of its own so that what it costs is not the measurer's: `load.ts UID`. Many connections
 * at once, requests as fast as they go, and the latencies that a quiet program sees meanwhile.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { dial } from '../../../../src/client/connection.ts'
import { decodeResponse } from '../../../../src/wire/codec.ts'
import { FrameReader } from '../../../../src/wire/frames.ts'
import type { SocketAddress } from '../../../../src/wire/addresses.ts'
import { frame } from '../../../helpers/protobuf.ts'
import { RawConnection } from '../../../helpers/rawConnection.ts'
import { identify } from '../../../helpers/requests.ts'
import { obey } from './obey.ts'

/** Milliseconds for each answer to IDENTIFY. */
export type Latencies = number[]

/** What became of the connections that are held. */
export interface Held {
  readonly open: number
  readonly closed: number
  /** Sentences of the ERRORs that came on them: how often each. */
  readonly said: Readonly<Record<string, number>>
}

/** Answers: how often each sentence of an ERROR came, under '' how often OK. */
export interface Flooded { readonly answers: Readonly<Record<string, number>>, readonly ms: number }

export type LoadOrder =
  | { readonly do: 'probe', readonly to: string, readonly ms: number }
  /**
   * Opens so many connections, writes the bytes (base64) on each and keeps it. In turn they come `from` these addresses, or
   * `as` these users, which takes root; `mute` ones read nothing.
   */
  | { readonly do: 'hold', readonly to: SocketAddress, readonly count: number, readonly bytes: string } & Manner
  | { readonly do: 'held' }
  | { readonly do: 'release' }
  /** Sends the request (base64) until `ms` have passed or `count` were answered, `ahead` of its answers on each connection. */
  | { readonly do: 'flood', readonly to: string, readonly request: string, readonly ms: number, readonly count: number, readonly connections: number, readonly ahead: number }

export interface Manner {
  readonly from?: readonly string[]
  readonly as?: readonly number[]
  readonly mute?: boolean
}

interface Holding { readonly socket: Socket, readonly reader: FrameReader }

/** Between two questions of a program that is in no hurry. */
const PROBE_PAUSE_MS = 1
/** How long connecting may take: a host may be starting, or busy with the others. */
const CONNECT_MS = 20_000
/** Connects under way at once. */
const CONNECTS_AT_ONCE = 64

const holding: Holding[] = []
const said = new Map<string, number>()

obey(async (order: LoadOrder): Promise<unknown> => {
  switch (order.do) {
    case 'probe': return await probe(order.to, order.ms)
    case 'hold': return await hold(order.to, order.count, Buffer.from(order.bytes, 'base64'), order)
    case 'held': return { open: holding.filter(({ socket }) => !socket.closed).length, closed: holding.filter(({ socket }) => socket.closed).length, said: Object.fromEntries(said) } satisfies Held
    case 'release':
      await Promise.all(holding.splice(0).map(async ({ socket }) => { if (!socket.closed) await once(socket.destroy(), 'close') }))
      said.clear()
      return
    case 'flood': return await flood(order)
  }
})

async function probe (path: string, ms: number): Promise<Latencies> {
  using control = await RawConnection.to({ path })
  const latencies: number[] = []
  for (const until = performance.now() + ms; performance.now() < until; await delay(PROBE_PAUSE_MS)) {
    const began = performance.now()
    const { identify: answer, error } = await control.ask(identify())
    if (answer === undefined) throw new Error(`IDENTIFY was answered with ${error?.msg}`)
    latencies.push(performance.now() - began)
  }
  return latencies
}

async function hold (to: SocketAddress, count: number, bytes: Buffer, { from, as, mute = false }: Manner): Promise<number> {
  let next = 0
  const some = async (): Promise<void> => {
    for (let mine = next++; mine < count; mine = next++) {
      const socket = await reach(to, from?.[mine % from.length], as?.[mine % as.length]).catch(() => undefined)
      if (socket === undefined) continue
      const held: Holding = { socket, reader: new FrameReader() }
      holding.push(held)
      if (!mute) socket.on('data', chunk => { hear(held.reader, chunk) }).on('end', () => { socket.destroy() })
      socket.write(bytes)
    }
  }
  await Promise.all(Array.from({ length: CONNECTS_AT_ONCE }, some))
  return holding.length
}

async function reach (to: SocketAddress, localAddress: string | undefined, uid: number | undefined): Promise<Socket> {
  if (localAddress === undefined) {
    // The kernel notes who calls connect(), which is within this call; then nobody else has run.
    if (uid !== undefined) process.seteuid?.(uid)
    const dialling = dial(to, AbortSignal.timeout(CONNECT_MS))
    if (uid !== undefined) process.seteuid?.(0)
    return await dialling
  }
  const socket = connect({ ...to, localAddress }).on('error', () => {})
  await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_MS) })
  return socket
}

function hear (reader: FrameReader, chunk: Buffer): void {
  reader.push(chunk)
  try {
    for (let body = reader.next(); body !== undefined; body = reader.next()) tally(said, decodeResponse(body).error?.msg ?? '')
  } catch {
    // What a peer's port says is no control protocol.
  }
}

async function flood ({ to, request, ms, count: most, connections, ahead }: Extract<LoadOrder, { do: 'flood' }>): Promise<Flooded> {
  const answers = new Map<string, number>()
  const batch = Buffer.concat(Array.from({ length: ahead }, () => frame(Buffer.from(request, 'base64'))))
  const began = performance.now()
  let left = most
  await Promise.all(Array.from({ length: connections }, async () => {
    using control = await RawConnection.to({ path: to })
    for (; performance.now() - began < ms && left > 0; left -= ahead) {
      await control.write(batch)
      for (let i = 0; i < ahead; i++) tally(answers, (await control.response()).error?.msg ?? '')
    }
  }))
  return { answers: Object.fromEntries(answers), ms: performance.now() - began }
}

function tally (counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
