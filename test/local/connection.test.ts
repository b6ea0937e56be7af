/** A socket as libp2p's connection: what is read when, what waits where, and how it ends. */
import test from 'ava'
import { once } from 'node:events'
import { createServer, connect, type Server, type Socket } from 'node:net'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { LocalConnection } from '../../src/local/connection.ts'
import { quietLogger } from '../../src/host/quietLogger.ts'
import { socketMultiaddr } from '../../src/wire/addresses.ts'
import { isPendingAfter, until, within } from '../helpers/deadlines.ts'
import { World } from '../helpers/world.ts'

const remotePeer = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
const log = quietLogger.forComponent('test')
const MiB = 1024 * 1024

/** A connection, and the bare socket that is its other end. */
class Line implements AsyncDisposable {
  readonly #world: World
  readonly #server: Server
  readonly near: LocalConnection
  readonly nearSocket: Socket
  readonly far: Socket

  private constructor (world: World, server: Server, nearSocket: Socket, far: Socket, path: string) {
    this.#world = world
    this.#server = server
    this.nearSocket = nearSocket
    this.far = far
    this.near = new LocalConnection({ socket: nearSocket, remotePeer, remoteAddr: socketMultiaddr({ path }) }, 'inbound', log)
  }

  static async create (): Promise<Line> {
    const world = await World.create()
    const path = world.path('s')
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(path)
    await once(server, 'listening')
    const accepted = once(server, 'connection') as Promise<[Socket]>
    const far = connect({ path, allowHalfOpen: true }).on('error', () => {}).pause()
    const [near] = await accepted
    return new Line(world, server, near, far, path)
  }

  /** How many bytes have come in, from now on. */
  count (): () => number {
    let bytes = 0
    this.near.addEventListener('message', ({ data }) => { bytes += data.byteLength })
    return () => bytes
  }

  /** As much as is taken; resolves with how much that was when nothing more is taken. */
  async fill (): Promise<number> {
    let sent = 0
    for (;;) {
      while (this.near.send(new Uint8Array(64 * 1024))) sent += 64 * 1024
      sent += 64 * 1024
      const drained = once(this.near, 'drain')
      if (await isPendingAfter(100, drained)) return sent
    }
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    this.near.abort(new Error('the test is over'))
    this.far.destroy()
    this.#server.close()
    await this.#world[Symbol.asyncDispose]()
  }
}

test('nothing is read before somebody wants it, and then all of it', async t => {
  await using line = await Line.create()
  const written = Promise.withResolvers<void>()
  line.far.write(Buffer.alloc(4 * MiB), () => { written.resolve() })
  t.true(await isPendingAfter(100, written.promise), 'more than a socket holds was read')
  t.is(line.near.readBufferLength, 0)
  const received = line.count()
  await until('the bytes', () => received() === 4 * MiB)
  t.pass()
})

test('a connection that is paused holds the other end up, and loses nothing', async t => {
  await using line = await Line.create()
  const received = line.count()
  line.near.pause()
  line.far.write(Buffer.alloc(16 * MiB))
  await until('a full socket', () => line.far.writableLength > 0)
  await isPendingAfter(100, new Promise(() => {}))
  t.is(received(), 0)
  t.true(line.near.readBufferLength < MiB)
  line.near.resume()
  await until('the bytes', () => received() === 16 * MiB)
  t.is(line.near.status, 'open')
})

test('a reader that does not read is waited for, with less than 2 MiB, and gets all when it reads', async t => {
  await using line = await Line.create()
  const sent = await line.fill()
  t.true(sent < 4 * MiB, `${sent} bytes were taken`)
  t.true(line.nearSocket.writableLength < 2 * MiB)
  let read = 0
  line.far.on('data', data => { read += data.length }).resume()
  await until('the bytes', () => read === sent)
  t.true(line.near.send(new Uint8Array(1)))
})

test('a peer that makes us answer and reads nothing is given up at 32 MiB', async t => {
  await using line = await Line.create()
  await line.fill()
  const closed = once(line.near, 'close') as Promise<[Event & { error?: Error }]>
  for (let i = 0; i < 33 * 16 && line.near.status === 'open'; i++) line.near.send(new Uint8Array(64 * 1024))
  const [{ error }] = await within('the end', closed)
  t.is(error?.name, 'StreamBufferError')
  t.true(line.nearSocket.destroyed)
})

test('all that is written in one turn of the event loop is written at once', async t => {
  await using line = await Line.create()
  for (let i = 0; i < 100; i++) line.near.send(new Uint8Array(12))
  t.is(line.nearSocket.writableLength, 1200, 'nothing has gone yet')
  const [data] = await within('the bytes', once(line.far.resume(), 'data')) as [Buffer]
  t.is(data.length, 1200)
})

test('closing delivers what was sent, reads to nowhere what still comes, and is over when the other end is', async t => {
  await using line = await Line.create()
  const received = line.count()
  line.near.send(new Uint8Array(4 * MiB))
  const closing = line.near.close()
  const ended = once(line.far, 'end')
  let read = 0
  line.far.on('data', data => { line.far.write('still talking'); read += data.length }).resume()
  await within('the end', ended)
  t.is(read, 4 * MiB)
  t.is(line.near.status, 'closing')
  line.far.end()
  await within('closing', closing)
  t.is(line.near.status, 'closed')
  t.is(received(), 0)
  t.true(line.nearSocket.destroyed)
})

test('an end that begins to read long after the other one has begun to close has every byte', async t => {
  await using line = await Line.create()
  line.count()
  const sent = 18 * 64 * 1024
  for (let i = 0; i < 18; i++) {
    line.near.send(new Uint8Array(64 * 1024))
    if (i % 4 === 3) await isPendingAfter(20, new Promise(() => {})) // in several turns, as more in one would have to drain first
  }
  await isPendingAfter(100, new Promise(() => {}))
  t.true(line.nearSocket.writableLength > 0, 'the kernel has not all of it')
  const closing = line.near.close()
  await isPendingAfter(1_500, new Promise(() => {}))
  t.is(line.near.status, 'closing')
  let read = 0
  line.far.on('data', data => { read += data.length }).resume()
  await within('the end', once(line.far, 'end'))
  t.is(read, sent)
  line.far.end()
  await within('closing', closing)
})

test('closing does not wait for an end that never comes, nor longer than its signal for a reader that does not read', async t => {
  await using line = await Line.create()
  line.count()
  line.near.send(new Uint8Array(1024))
  await within('closing', line.near.close(), 5_000)
  t.is(line.near.status, 'closed')
  await using other = await Line.create()
  other.count()
  await other.fill()
  await t.throwsAsync(other.near.close({ signal: AbortSignal.timeout(50) }))
  other.near.abort(new Error('as libp2p does then'))
  t.true(other.nearSocket.destroyed)
})

test('an end that goes, in order or not, is seen and closes the socket', async t => {
  for (const end of ['end', 'destroy'] as const) {
    await using line = await Line.create()
    const received = line.count()
    const closed = once(line.near, 'close')
    line.far.write('last words', () => { line.far[end]() })
    await within('the end', closed)
    t.is(received(), 'last words'.length)
    t.is(line.near.status, 'closed')
    t.true(line.nearSocket.destroyed)
    t.throws(() => line.near.send(new Uint8Array(1)), { name: 'StreamStateError' })
  }
})

test('a socket that fails is nobody\'s uncaught error', async t => {
  await using line = await Line.create()
  line.count()
  const closed = once(line.near, 'close') as Promise<[Event & { error?: Error }]>
  line.nearSocket.destroy(new Error('broken'))
  const [{ error }] = await within('the end', closed)
  t.is(error?.message, 'broken')
  t.is(line.near.status, 'aborted')
  t.throws(() => new LocalConnection({ socket: line.nearSocket, remotePeer, remoteAddr: line.near.remoteAddr }, 'inbound', log), { code: 'ERR_CLOSED' })
})
