/** The limits of a manifest, met by real programs: a clear ERROR, a count in status, and nothing lost. */
import test from 'ava'
import { once } from 'node:events'
import { P2pdClient, type PeerStream } from '../../src/client/index.ts'
import { App } from './app.ts'
import { World, eventually } from './world.ts'

const HOST = 'host:\n  listen: [/ip4/127.0.0.1/tcp/0]\n'
const MiB = 1024 * 1024

async function serve (limitsOfA: string, limitsOfB = '{}'): Promise<World & { a: P2pdClient, b: P2pdClient, peerB: string }> {
  const world = new World({ a: `${HOST}limits: ${limitsOfA}\n`, b: `${HOST}limits: ${limitsOfB}\n` })
  await world.start()
  const a = new P2pdClient(`/unix${world.socketOf('a')}`)
  const b = new P2pdClient(`/unix${world.socketOf('b')}`)
  const { peerId, addresses } = await b.identify()
  await a.connect(peerId, addresses)
  return Object.assign(world, { a, b, peerB: peerId })
}

async function ended ({ stream }: PeerStream): Promise<void> {
  stream.on('error', () => {}).resume()
  if (!stream.closed) await once(stream, 'close')
}

test('requests over the rate are refused by name and counted, and later ones are served', async t => {
  await using world = await serve('{ requestsPerSecond: 50, controlConnections: 1000 }')
  const answers = await Promise.allSettled(Array.from({ length: 400 }, async () => await world.a.identify()))
  const refusals = answers.flatMap(answer => answer.status === 'rejected' ? [String(answer.reason)] : [])
  t.true(refusals.length >= 100)
  t.true(refusals.every(text => text.includes('limits.requestsPerSecond: this tenant may send 50 requests a second: send them slower, or raise the limit in its manifest')))
  await eventually('served again', () => world.a.identify().then(() => true, () => false), isServed => isServed)
  t.true(((await world.tenant('a')).figures?.limitsReached['requestsPerSecond'] ?? 0) >= refusals.length)
})

test('dials over the rate are refused by name', async t => {
  await using world = await serve('{ dialsPerSecond: 2 }')
  const addresses = Array.from({ length: 20 }, (_, i) => `/ip4/127.0.0.1/tcp/${1 + i}`)
  await t.throwsAsync(world.a.connect('12D3KooWD4jcTQh3jA1tLtwNm1Yomp7vZZi5vYW68FWfEYKMg9Cv', addresses), { message: /limits\.dialsPerSecond: this tenant may dial 2 addresses a second/ })
})

test('connections over the limit are refused, and none that is open is closed for them', async t => {
  await using world = await serve('{ connections: 1 }')
  const [before] = await world.a.listPeers()
  world.declare('c', HOST)
  await world.reload()
  await using c = new P2pdClient(`/unix${world.socketOf('c')}`)
  const { peerId, addresses } = await c.identify()
  await t.throwsAsync(world.a.connect(peerId, addresses), { message: /limits\.connections: this tenant may have 1 connections to peers at once/ })
  const mine = await world.a.identify()
  await c.connect(mine.peerId, mine.addresses).catch(() => {})
  t.deepEqual(await world.a.listPeers(), before === undefined ? [] : [before])
})

test('one peer cannot take all streams: its own limit resets what is over it, and the tenant still opens its own', async t => {
  await using world = await serve('{}', '{ streams: 20, inbound: { streamsPerPeer: 4 } }')
  const held: PeerStream[] = []
  await using _ = await world.b.handle('/hold/1', stream => { held.push(stream) })
  const opened = await Promise.allSettled(Array.from({ length: 10 }, async () => await world.a.openStream(world.peerB, '/hold/1')))
  await Promise.race([Promise.all(opened.map(async one => { if (one.status === 'fulfilled') await ended(one.value) })), eventually('held', () => held.length, count => count === 4)])
  await eventually('streams of b', async () => (await world.tenant('b')).figures?.streams, streams => streams === 4)
  t.true(((await world.tenant('b')).figures?.limitsReached['inbound.streamsPerPeer'] ?? 0) >= 1)
  t.is(held.length, 4)
  for (const { stream } of held) stream.destroy()
})

test('bytes over the rate are slowed down, both ways together, and every one arrives', async t => {
  await using world = await serve('{ bytesPerSecond: 2MiB }')
  await using app = new App(world.socketOf('a'))
  await using other = new App(world.socketOf('b'))
  await other.order({ do: 'exchangeHandler', protocol: '/exchange/1', bytes: 5 * MiB })
  const since = performance.now()
  const result = await app.order<{ received: { bytes: number, sha256: string }, sent: { sha256: string } }>({ do: 'exchange', peer: world.peerB, protocol: '/exchange/1', bytes: 5 * MiB })
  const [there] = await eventually('handled', () => other.order<Array<{ received: { sha256: string }, sent: { sha256: string } }>>({ do: 'sums' }), ({ length }) => length === 1)
  // 10 MiB in all, of which two seconds' worth may pass at once. Written is not passed: that is so when the other has them.
  t.true(performance.now() - since >= 2_900)
  t.is(there?.sent.sha256, result.received.sha256)
  t.is(there?.received.sha256, result.sent.sha256)
})

test('while too many bytes wait, new streams are refused; the one that is stuck is given up, and one that moves is not', async t => {
  await using world = await serve('{}', '{ buffered: 1MiB }')
  const stuck: PeerStream[] = []
  await using _ = await world.b.handle('/stuck/1', stream => { stuck.push(stream); stream.stream.pause() })
  const writers = await Promise.all(Array.from({ length: 4 }, async () => await world.a.openStream(world.peerB, '/stuck/1')))
  for (const { stream } of writers) stream.on('error', () => {}).write(Buffer.alloc(2 * MiB))
  await eventually('limit met', async () => (await world.tenant('b')).figures?.limitsReached['buffered'] ?? 0, count => count >= 1, 30_000)
  await eventually('streams of b', async () => (await world.tenant('b')).figures?.streams ?? 0, streams => streams < 4, 30_000)
  t.true(stuck.length === 4)
  for (const { stream } of stuck) stream.on('error', () => {}).destroy()
})
