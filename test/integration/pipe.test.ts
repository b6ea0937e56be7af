/** The pipe, end to end: two tenants' apps, two hosts and a supervisor, all processes of their own. */
import test from 'ava'
import { App } from './app.ts'
import type { Sum } from './children/app.ts'
import { World, descriptorsOf, eventually, privateMemoryOf } from './world.ts'

const MiB = 1024 * 1024
const MANIFEST = 'host:\n  listen: [/ip4/127.0.0.1/tcp/0]\nlimits: { streams: 4096, controlConnections: 4096 }\n'

interface Pair extends AsyncDisposable { world: World, a: App, b: App, peerB: string, pids: number[] }

/** Two connected tenants, an app on each. */
async function pair (): Promise<Pair> {
  await using stack = new AsyncDisposableStack()
  const world = stack.use(new World({ a: MANIFEST, b: MANIFEST }))
  await world.start()
  const { P2pdClient } = await import('../../src/client/index.ts')
  await using clientA = new P2pdClient(`/unix${world.socketOf('a')}`)
  await using clientB = new P2pdClient(`/unix${world.socketOf('b')}`)
  const { peerId, addresses } = await clientB.identify()
  await clientA.connect(peerId, addresses)
  const a = stack.use(new App(world.socketOf('a')))
  const b = stack.use(new App(world.socketOf('b')))
  const pids = (await world.tenants()).map(({ pid }) => pid ?? 0)
  const held = stack.move()
  return { world, a, b, peerB: peerId, pids, [Symbol.asyncDispose]: async () => { await held.disposeAsync() } }
}

test.serial('1 GiB one way arrives whole', async t => {
  await using world = await pair()
  await world.b.order({ do: 'sink', protocol: '/sink/1' })
  t.deepEqual(await world.a.order({ do: 'send', peer: world.peerB, protocol: '/sink/1', bytes: 1024 * MiB }), { wrong: 0 })
})

test.serial('eight streams of 128 MiB each way at once arrive whole and uncrossed', async t => {
  await using world = await pair()
  const bytes = 128 * MiB
  await world.b.order({ do: 'exchangeHandler', protocol: '/exchange/1', bytes })
  const apps = Array.from({ length: 8 }, () => new App(world.world.socketOf('a')))
  try {
    const here = await Promise.all(apps.map(app => app.order<{ sent: Sum, received: Sum }>({ do: 'exchange', peer: world.peerB, protocol: '/exchange/1', bytes })))
    const there = await eventually('handled', () => world.b.order<Array<{ sent: Sum, received: Sum }>>({ do: 'sums' }), ({ length }) => length === 8)
    const pairs = (list: Array<{ sent: Sum, received: Sum }>, from: 'sent' | 'received', to: 'sent' | 'received'): string[] => list.map(sum => `${sum[from].bytes} ${sum[from].sha256} ${sum[to].sha256}`).toSorted()
    t.is(here.length, 8)
    t.deepEqual(pairs(here, 'sent', 'received'), pairs(there, 'received', 'sent'))
    t.true(here.every(({ received }) => received.bytes === bytes))
  } finally {
    await Promise.all(apps.map(app => app.kill()))
  }
})

/** With the two connected, and every program waiting for its next stream. */
async function descriptorsAtWork ({ a, world, peerB, pids }: Pair): Promise<number[]> {
  await a.order({ do: 'send', peer: peerB, protocol: '/sink/1', bytes: 1024, count: 32, atOnce: 16 })
  await eventually('streams', () => world.tenants(), tenants => tenants.every(({ figures }) => figures?.streams === 0))
  return pids.map(descriptorsOf)
}

test.serial('two thousand short streams, half-closed and answered after their end, arrive whole and leave nothing', async t => {
  await using world = await pair()
  await world.b.order({ do: 'sink', protocol: '/sink/1' })
  const before = await descriptorsAtWork(world)
  const result = await world.a.order({ do: 'send', peer: world.peerB, protocol: '/sink/1', bytes: 300 * 1024, count: 2_000, atOnce: 16 })
  t.deepEqual(result, { wrong: 0 })
  await eventually('streams', () => world.world.tenants(), tenants => tenants.every(({ figures }) => figures?.streams === 0))
  await eventually('descriptors', () => world.pids.map(descriptorsOf), now => now.every((count, i) => count <= (before[i] ?? 0) + 2))
  t.pass()
})

test.serial('1 GiB to a reader that sleeps in the middle arrives whole, and is not held in memory meanwhile', async t => {
  await using world = await pair()
  await world.b.order({ do: 'sink', protocol: '/sink/1', sleepAfterBytes: 200 * MiB, sleepMs: 10_000 })
  // Warm: what a host holds for having streamed at all is not what it holds for a reader that sleeps.
  t.deepEqual(await world.a.order({ do: 'send', peer: world.peerB, protocol: '/sink/1', bytes: 150 * MiB }), { wrong: 0 })
  const before = world.pids.map(privateMemoryOf)
  const asleep = world.b.note('asleep')
  const sending = world.a.order({ do: 'send', peer: world.peerB, protocol: '/sink/1', bytes: 1024 * MiB })
  await asleep
  const grown: number[] = []
  for (let second = 0; second < 8; second++) {
    await new Promise(resolve => { setTimeout(resolve, 1_000) })
    grown.push(...world.pids.map((pid, i) => privateMemoryOf(pid) - (before[i] ?? 0)))
  }
  t.log(`grown by at most ${Math.ceil(Math.max(...grown) / MiB)} MiB`)
  t.true(Math.max(...grown) <= 16 * MiB)
  t.deepEqual(await sending, { wrong: 0 })
})

test.serial('apps and hosts killed at random moments leave no descriptor and no stream behind', async t => {
  await using world = await pair()
  await world.b.order({ do: 'sink', protocol: '/sink/1' })
  const before = await descriptorsAtWork(world)
  for (let round = 0; round < 20; round++) {
    const victims = Array.from({ length: 4 }, () => new App(world.world.socketOf('a')))
    const sending = victims.map(async app => { await app.order({ do: 'send', peer: world.peerB, protocol: '/sink/1', bytes: 64 * MiB, count: 50, atOnce: 4 }).catch(() => {}) })
    await new Promise(resolve => { setTimeout(resolve, 200 + Math.random() * 400) })
    await Promise.all(victims.map(app => app.kill()))
    await Promise.all(sending)
  }
  // The streams of a client that has gone linger for seconds, so that what it wrote is delivered.
  await eventually('streams', () => world.world.tenants(), tenants => tenants.every(({ figures }) => figures?.streams === 0), 30_000)
  await eventually('descriptors', () => world.pids.map(descriptorsOf), now => now.every((count, i) => count <= (before[i] ?? 0) + 2))
  // The survivors still serve.
  t.deepEqual(await world.a.order({ do: 'send', peer: world.peerB, protocol: '/sink/1', bytes: MiB }), { wrong: 0 })
})
