/** Who gets a connection over sockets in the file system, and who does not hear a single byte. */
import test from 'ava'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { LocalEnd } from '../../src/local/switchboard.ts'
import { unixSockets, type Vouch } from '../../src/local/unixSockets.ts'
import { parseMultiaddr, socketMultiaddr } from '../../src/wire/addresses.ts'
import { Child } from '../helpers/child.ts'
import { until, within } from '../helpers/deadlines.ts'
import { descriptorsOf } from '../helpers/memory.ts'
import { World } from '../helpers/world.ts'

const peer = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
const stranger: Vouch = ({ pid }) => { throw new Error(`${pid} is unknown here`) }
const hanging: Vouch = async () => await new Promise(() => {})
const signal = new AbortController().signal

/** Where to listen, what has come in there, and all of it closed in the end. */
class Place implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack()
  readonly path: string
  readonly address: Multiaddr
  readonly ends: LocalEnd[] = []

  private constructor (world: World) {
    this.#stack.use(world)
    this.path = world.path('s')
    this.address = socketMultiaddr({ path: this.path })
  }

  static async create (): Promise<Place> { return new Place(await World.create()) }

  async listen (vouch: Vouch, vouchTimeoutMs?: number): Promise<AsyncDisposable> {
    const listening = await unixSockets({ vouch, ...vouchTimeoutMs !== undefined && { vouchTimeoutMs } }).listen(this.address, end => { this.ends.push(end) })
    return this.#stack.use(listening)
  }

  async dial (vouch: Vouch, init: { signal?: AbortSignal, vouchTimeoutMs?: number } = {}): Promise<LocalEnd> {
    const end = await unixSockets({ vouch, ...init }).dial(this.address, { signal, ...init })
    this.ends.push(end)
    return end
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    for (const { socket } of this.ends) socket.destroy()
    await this.#stack.disposeAsync()
  }
}

test.serial('both sides are told which process is there, and what follows is read from its first byte', async t => {
  await using place = await Place.create()
  const asked: unknown[] = []
  const vouch: Vouch = ({ pid, uid }, direction) => { asked.push([pid, uid, direction]); return peer }
  await place.listen(vouch)
  const dialled = await place.dial(vouch)
  const accepted = await until('the connection', () => place.ends.find(end => end !== dialled))
  t.deepEqual(asked.sort(), [[process.pid, process.getuid?.(), 'inbound'], [process.pid, process.getuid?.(), 'outbound']])
  t.deepEqual([dialled, accepted].map(({ remotePeer, remoteAddr }) => [remotePeer, remoteAddr.equals(place.address)]), [[peer, true], [peer, true]])
  for (const [from, to] of [[dialled, accepted], [accepted, dialled]] as const) {
    from.socket.write('first')
    const [data] = await within('the bytes', once(to.socket.resume(), 'data')) as [Buffer]
    t.is(data.toString(), 'first')
  }
})

test.serial('a program that is not vouched for gets no byte and the end of the connection', async t => {
  await using place = await Place.create()
  await place.listen(stranger)
  const script = `let n = 0; require('net').connect(${JSON.stringify(place.path)}).on('data', d => { n += d.length }).on('close', () => { console.log('bytes', n) })`
  await using child = new Child(process.execPath, ['-e', script])
  t.is((await child.printed(/bytes (\d+)/, 'the end', 10_000))[1], '0')
  t.deepEqual(place.ends, [])
})

test.serial('a program that listens in another\'s place gets no byte', async t => {
  await using place = await Place.create()
  let heard = 0
  const impostor = createServer(socket => { socket.on('data', data => { heard += data.length }).on('error', () => {}) }).listen(place.path)
  await once(impostor, 'listening')
  const met = once(impostor, 'connection')
  await t.throwsAsync(place.dial(stranger), { code: 'ERR_DENIED', message: `process ${process.pid} of uid ${process.getuid?.()} at the other end is nobody to talk with: ${process.pid} is unknown here` })
  await met
  await new Promise(resolve => { impostor.close(resolve) })
  t.is(heard, 0)
})

test.serial('who is not vouched for on the other side is told so, and does not take a closed connection for one', async t => {
  await using place = await Place.create()
  await place.listen(stranger)
  await t.throwsAsync(place.dial(() => peer), { code: 'ERR_DENIED', message: `whoever listens at ${place.path} does not vouch for this process and closed the connection` })
  t.deepEqual(place.ends, [])
})

test.serial('a vouch that hangs is waited for no longer than its limit, on either side', async t => {
  await using place = await Place.create()
  const listening = await place.listen(() => peer)
  const before = descriptorsOf(process.pid)
  await t.throwsAsync(place.dial(hanging, { vouchTimeoutMs: 50 }), { code: 'ERR_TIMEOUT' })
  await listening[Symbol.asyncDispose]()
  await place.listen(hanging, 50)
  await t.throwsAsync(place.dial(() => peer), { code: 'ERR_DENIED' })
  for (const { socket } of place.ends) socket.destroy()
  await until('descriptors', () => descriptorsOf(process.pid) <= before)
  t.pass()
})

test.serial('a dial ends when its signal says so, with the signal\'s reason and without a descriptor', async t => {
  await using place = await Place.create()
  await place.listen(hanging, 60_000)
  const before = descriptorsOf(process.pid)
  for (const vouch of [hanging, () => peer]) {
    const controller = new AbortController()
    const dial = place.dial(vouch, { signal: controller.signal })
    await until('the connection', () => descriptorsOf(process.pid) > before + 1)
    controller.abort(new Error('enough'))
    await t.throwsAsync(dial, { message: 'enough' })
  }
  await t.throwsAsync(place.dial(hanging, { signal: AbortSignal.abort(new Error('before')) }), { message: 'before' })
  await until('descriptors: none but two of connections the listener has not judged yet', () => descriptorsOf(process.pid) === before + 2)
  t.is(place.ends.length, 0)
})

test.serial('an address nobody serves, one that is none, and one that is taken are told apart', async t => {
  await using place = await Place.create()
  await t.throwsAsync(place.dial(() => peer), { code: 'ERR_PEER', message: new RegExp(`^nobody serves ${place.path}: .*ENOENT`) })
  const sockets = unixSockets({ vouch: () => peer })
  await t.throwsAsync(sockets.dial(parseMultiaddr('/ip4/127.0.0.1/tcp/1'), { signal }), { code: 'ERR_REQUEST' })
  await t.throwsAsync(sockets.dial(parseMultiaddr(`/unix/${'x'.repeat(200)}`), { signal }), { code: 'ERR_REQUEST', message: /107 bytes/ })
  await place.listen(() => peer)
  await t.throwsAsync(place.listen(() => peer), { code: 'ERR_OCCUPIED' })
})

test.serial('nobody gets in once it has ended, its socket goes, and another\'s in its place stays', async t => {
  await using place = await Place.create()
  const first = await place.listen(hanging, 60_000)
  const waiting = place.dial(() => peer)
  await first[Symbol.asyncDispose]()
  await t.throwsAsync(waiting)
  t.false(existsSync(place.path))
  const second = await place.listen(() => peer)
  await place.dial(() => peer)
  await second[Symbol.asyncDispose]()
  t.false(existsSync(place.path))
  writeFileSync(place.path, 'another\'s')
  await second[Symbol.asyncDispose]()
  t.true(existsSync(place.path))
})

test.serial('connections that wait for a vouch are not more than 128', async t => {
  await using place = await Place.create()
  let asked = 0
  await place.listen(async () => { asked++; return await new Promise(() => {}) }, 60_000)
  const dials = Array.from({ length: 140 }, async () => await place.dial(() => peer, { vouchTimeoutMs: 500 }).catch((error: unknown) => (error as { code: string }).code))
  const codes = await Promise.all(dials)
  t.is(asked, 128)
  t.is(codes.filter(code => code === 'ERR_DENIED').length, 12)
})
