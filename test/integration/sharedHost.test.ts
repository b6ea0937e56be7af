/** What one tenant does on the daemon's host, or leaves undone, is not what the others have to wait for; on real processes. */
import test from 'ava'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { BLESSING_STATUS_PROTOCOL, decodeStatusAnswer, encodeStatusQuestion } from '../../src/blessing/verify.ts'
import { P2pdClient, provideDht } from '../../src/client/index.ts'
import { DHTRequestType, RequestType, ResponseType, decodeResponse, encodeRequest } from '../../src/wire/codec.ts'
import { FrameReader, encodeFrame } from '../../src/wire/frames.ts'
import { socketMultiaddr } from '../../src/wire/addresses.ts'
import { World, eventually } from './world.ts'

const MANIFEST = 'host: { listen: [] }\n'
const MIB = 1024 * 1024
/** Twice what an unbless may take, for a machine that is busy. */
const REVOKED_MS = 2_000

async function started (tenants: readonly string[], daemon = ''): Promise<World> {
  const world = new World({ ...Object.fromEntries(tenants.map(name => [name, MANIFEST])), ...daemon !== '' && { daemon } })
  await world.start()
  return world
}

function client (world: World, name: string): P2pdClient {
  return new P2pdClient({ path: world.socketOf(name) })
}

/** As much as is taken, without end. */
function pour (stream: Duplex): void {
  const chunk = Buffer.alloc(64 * 1024)
  const write = (): void => { while (stream.write(chunk)); }
  stream.on('drain', write).on('error', () => { /* it is over */ })
  write()
}

/** Resident memory of a process, bytes. */
function residentOf (pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}

test.serial('callers who read nothing use up what may wait for themselves: others are served, the provider too', async t => {
  await using world = await started(['provider', 'greedy', 'other'], 'limits: { buffered: 16MiB }\n')
  await world.bless('provider', ['provideService'])
  await using provider = client(world, 'provider')
  await using greedy = client(world, 'greedy')
  await using other = client(world, 'other')
  await provider.provide('/big/1', ({ stream }) => { pour(stream) })
  await provider.provide('/small/1', ({ stream }) => { stream.end('served') })
  const { daemon } = await other.services()
  const open: Duplex[] = []
  await Promise.all(Array.from({ length: 120 }, async () => {
    const { stream } = await greedy.openStream(daemon, '/big/1')
    open.push(stream.on('error', () => { /* it is given up */ }).pause())
  }))
  await eventually('too much that waits', async () => (await world.daemon()).figures?.limitsReached['buffered'] ?? 0, times => times > 0)
  for (let i = 0; i < 20; i++) {
    t.is((await other.services()).services.length, 2)
    t.is(await text((await other.openStream(daemon, '/small/1')).stream), 'served')
    await delay(100)
  }
  await t.throwsAsync(greedy.openStream(daemon, '/small/1').then(async ({ stream }) => { t.is(await text(stream), ''); throw new Error('nothing') }), { message: /nothing|limits\.buffered/ })
  for (const stream of open) stream.destroy()
  await eventually('room', async () => { try { return await text((await greedy.openStream(daemon, '/small/1')).stream) } catch { return '' } }, answer => answer === 'served')
})

test.serial('a blessed app that registers as fast as it can fills no memory, and neither a service of another app nor an unbless waits for it', async t => {
  await using world = await started(['flood', 'chat', 'user'])
  await world.bless('flood', ['provideService'])
  await world.bless('chat', ['provideService'])
  await using chat = client(world, 'chat')
  await using user = client(world, 'user')
  await chat.provide('/c/1', ({ stream }) => { stream.end('hello') }, { dialBack: true })
  const { daemon } = await user.services()
  const addresses = Array.from({ length: 64 }, (_, i) => socketMultiaddr({ path: `/tmp/${'x'.repeat(90)}-${i}` }).bytes)
  let registered = 0
  let unanswered = 0
  const socket = connect(world.asDaemonSocketOf('flood')).on('error', () => { /* the test ends it */ })
  const register = (): void => {
    for (; unanswered < 20 && socket.writable; unanswered++) {
      const addr = addresses[registered % addresses.length] ?? new Uint8Array()
      socket.write(encodeFrame(encodeRequest({ type: RequestType.STREAM_HANDLER, streamHandler: { addr, proto: ['/flood/1'], balanced: true } })))
    }
  }
  const reader = new FrameReader()
  socket.on('data', (chunk: Buffer) => {
    reader.push(chunk)
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
      unanswered--
      if (decodeResponse(frame).type === ResponseType.OK) registered++
    }
    register()
  })
  register()
  const { pid = 0 } = await world.daemon()
  await delay(3_000)
  const before = residentOf(pid)
  for (let i = 0; i < 10; i++) {
    t.is(await text((await user.openStream(daemon, '/c/1')).stream), 'hello')
    await delay(500)
  }
  t.true(registered > 2_000, `${registered} registrations`)
  const grown = residentOf(pid) - before
  t.log(`${registered} registrations, ${Math.round(grown / MIB)} MiB more`)
  t.true(grown < 64 * MIB, `${grown} bytes more`)
  const begun = performance.now()
  await world.unbless('chat')
  t.true(performance.now() - begun < REVOKED_MS)
  t.is((await world.daemon()).pid, pid, 'it was not killed for being late')
  socket.destroy()
})

test.serial('the time of a DHT question ends it also where the program that asked reads nothing', async t => {
  await using world = await started(['store', 'asker'])
  await world.bless('store', ['provideService'])
  await using store = client(world, 'store')
  await using _ = await provideDht(store, { async * searchValue () { for (;;) yield Buffer.alloc(60_000) } })
  const request = encodeFrame(encodeRequest({ type: RequestType.DHT, dht: { type: DHTRequestType.SEARCH_VALUE, key: Buffer.from('k'), timeout: 2 } }))
  const asking = Array.from({ length: 10 }, () => connect(world.socketOf('asker')).on('error', () => { /* the test ends it */ }).pause())
  for (const socket of asking) socket.write(request)
  const streams = async (): Promise<number> => (await world.tenant('asker')).figures?.streams ?? 0
  await eventually('the questions', streams, open => open === 10)
  await eventually('their end', streams, open => open === 0, 6_000)
  for (const socket of asking) socket.destroy()
  t.pass()
})

test.serial('as many questions about a blessing as a peer likes are answered, one after the other', async t => {
  await using world = await started(['asker'])
  const { id } = await world.bless('asker', ['listPeers'], ['own'])
  await using asker = client(world, 'asker')
  const { daemon } = await asker.services()
  for (let i = 0; i < 20; i++) {
    const { stream } = await asker.openStream(daemon, BLESSING_STATUS_PROTOCOL)
    stream.end(encodeFrame(encodeStatusQuestion(id)))
    const reader = new FrameReader()
    reader.push(await buffer(stream))
    t.true(decodeStatusAnswer(reader.next() ?? new Uint8Array()).stands)
  }
})

test.serial('a byte that is relayed counts once against the daemon\'s bytes a second', async t => {
  await using world = await started(['a', 'b'], 'limits: { bytesPerSecond: 2MiB }\n')
  await world.bless('a', ['openStream', 'connect'])
  await using a = client(world, 'a')
  await using b = client(world, 'b')
  let came = 0
  await b.handle('/m/1', ({ stream }) => { stream.on('data', (chunk: Buffer) => { came += chunk.length }).on('error', () => { /* the test ends it */ }) })
  const { peerId } = await b.identify()
  await using acting = await a.asDaemon()
  const { stream } = await acting.openStream(peerId, '/m/1')
  pour(stream)
  await eventually('what passes at once', () => came, bytes => bytes > 4 * MIB)
  const [before, begun] = [came, performance.now()]
  await delay(3_000)
  const perSecond = (came - before) / (performance.now() - begun) * 1000
  t.true(perSecond > 1.5 * MIB && perSecond < 2.5 * MIB, `${perSecond / MIB} MiB/s`)
  const closed = once(stream, 'close')
  stream.destroy()
  await closed
})
