/** Two programs joined by the local transport: what they send, and what becomes of one when the other is killed. */
import test from 'ava'
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { socketMultiaddr } from '../../src/wire/addresses.ts'
import { Child } from '../helpers/child.ts'
import { until } from '../helpers/deadlines.ts'
import { descriptorsOf, memoryOf } from '../helpers/memory.ts'
import { World } from '../helpers/world.ts'
import type { PeerInit } from './children/peer.ts'

const PEER = fileURLToPath(new URL('children/peer.ts', import.meta.url))
const MiB = 1024 * 1024
const PATIENCE_MS = 50_000

class Scene implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack()
  readonly #registry: string
  readonly path: string

  private constructor (world: World) {
    this.#stack.use(world)
    mkdirSync(this.#registry = world.path('registry'))
    this.path = world.path('s')
  }

  static async create (): Promise<Scene> {
    return new Scene(await World.create())
  }

  /** Listens at the path, and its peer ID. */
  async listener (): Promise<{ listener: Child, address: string }> {
    const listener = this.#start({ listen: this.path })
    const [, peerId = ''] = await listener.printed(/"peerId":"(\w+)"/, 'listening', PATIENCE_MS)
    return { listener, address: socketMultiaddr({ path: this.path }).encapsulate(`/p2p/${peerId}`).toString() }
  }

  dialer (address: string, act: NonNullable<PeerInit['dial']>['act'], bytes: number): Child {
    return this.#start({ dial: { address, act, bytes } })
  }

  #start (init: Omit<PeerInit, 'registry'>): Child {
    // As hosts are run (hostSpawn.ts): buffers that died are soon seen to have.
    const flags = ['--max-semi-space-size=1', '--initial-old-space-size=32', '--disable-warning=ExperimentalWarning']
    return this.#stack.use(new Child(process.execPath, [...flags, PEER, JSON.stringify({ ...init, registry: this.#registry })]))
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

test.serial('eight streams of 64 MiB there and back at once arrive whole', async t => {
  await using scene = await Scene.create()
  const { address } = await scene.listener()
  const dialer = scene.dialer(address, 'exchange', 64 * MiB)
  const [, same = ''] = await dialer.printed(/"same":(.*)}/, 'the exchange', PATIENCE_MS)
  t.deepEqual(JSON.parse(same), Array.from({ length: 8 }, () => true))
})

test.serial('1 GiB for a reader that does not read waits where it is, in less than 8 MiB, and arrives whole when it reads', async t => {
  await using scene = await Scene.create()
  const { listener, address } = await scene.listener()
  const dialer = scene.dialer(address, 'offer', 1024 * MiB)
  await dialer.printed(/"open":true/, 'the stream', PATIENCE_MS)
  const both = [listener, dialer]
  const before = both.map(({ pid }) => memoryOf(pid).residentBytes)
  process.kill(dialer.pid, 'SIGUSR2')
  const [, stuck] = await dialer.printed(/"stuck":(\d+)/, 'that it is stuck', PATIENCE_MS)
  const more = both.map(({ pid }, i) => memoryOf(pid).residentBytes - (before[i] ?? 0))
  t.true(Number(stuck) < 2 * MiB, `${stuck} bytes were taken`)
  t.true(more.every(bytes => bytes < 8 * MiB), `${more.join(' and ')} bytes more`)
  process.kill(listener.pid, 'SIGUSR2')
  const [, offered] = await dialer.printed(/"offered":"(\w+)"/, 'the last byte', PATIENCE_MS)
  const [, received] = await listener.printed(/"received":"(\w+)"/, 'the end', PATIENCE_MS)
  t.is(received, offered)
})

test.serial('what a program wrote before it was killed arrives, though the other one wrote to it meanwhile', async t => {
  await using scene = await Scene.create()
  const { listener, address } = await scene.listener()
  scene.dialer(address, 'last', 200 * 1024)
  const [, said = ''] = await listener.printed(/({"bytes".*})/, 'the end of the stream', PATIENCE_MS)
  t.deepEqual(JSON.parse(said), { bytes: 200 * 1024, hasEnded: true })
})

test.serial('one that dialled is killed in the middle: the listener sees the end, keeps nothing of it and serves the next', async t => {
  await using scene = await Scene.create()
  const { listener, address } = await scene.listener()
  const before = descriptorsOf(listener.pid)
  for (let round = 1; round <= 3; round++) {
    const dialer = scene.dialer(address, 'endless', 1024 * 1024 * MiB)
    await listener.until('the stream', () => listener.stdout.split('"begun"').length > round, PATIENCE_MS)
    t.true(descriptorsOf(listener.pid) > before)
    dialer.kill()
    await listener.until('its end', () => listener.stdout.split('"bytes"').length > round, PATIENCE_MS)
    await until('descriptors', () => descriptorsOf(listener.pid) === before)
  }
})

test.serial('a listener is killed in the middle: who dialled sees the end, keeps nothing of it and reaches the next one at the same path', async t => {
  await using scene = await Scene.create()
  const { listener, address } = await scene.listener()
  const dialer = scene.dialer(address.replace(/\/p2p\/.*/, ''), 'endless', 1024 * 1024 * MiB)
  await listener.printed(/"begun":true/, 'the stream', PATIENCE_MS)
  const connected = descriptorsOf(dialer.pid)
  listener.kill()
  await dialer.printed(/"closed"/, 'the end', PATIENCE_MS)
  await until('descriptors', () => descriptorsOf(dialer.pid) < connected)
  const { listener: next } = await scene.listener()
  await dialer.printed(/"again":true/, 'another stream', PATIENCE_MS)
  await next.printed(/"begun":true/, 'the stream', PATIENCE_MS)
  t.is(descriptorsOf(dialer.pid), connected)
})
