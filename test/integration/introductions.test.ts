/** Hosts that are slow to start, on real processes: who is connected to them, and what may happen to them meanwhile. */
import test from 'ava'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { P2pdClient } from '../../src/client/index.ts'
import { RequestType, encodeRequest } from '../../src/wire/codec.ts'
import { encodeFrame } from '../../src/wire/frames.ts'
import { isPendingAfter, until, within } from '../helpers/deadlines.ts'
import { World, eventually } from './world.ts'

const MANIFEST = 'host: { listen: [/ip4/127.0.0.1/tcp/0], idleStop: 1s }\n'
/** A running daemon's host that has not taken a revocation over by then is killed: it is under a second. */
const REVOKED_MS = 1_000

function childrenOf ({ pid }: World): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(child => child !== '').map(Number)
}

/** Stops the next host before it can begin to serve. Call `go` to let it start. */
async function slowStart (world: World, start: () => void): Promise<{ go: () => void }> {
  const before = childrenOf(world)
  start()
  const pid = await until('a new host', () => childrenOf(world).find(child => !before.includes(child)))
  process.kill(pid, 'SIGSTOP')
  return { go: () => { process.kill(pid, 'SIGCONT') } }
}

test('a host that is restarted while another starts for it is not given that one for the next it asks for', async t => {
  await using world = new World({ a: MANIFEST, b: MANIFEST, indexer: MANIFEST, daemon: 'host: { listen: [] }\n' })
  await world.start()
  await world.bless('indexer', ['provideService'])
  const first = new P2pdClient({ path: world.socketOf('a') })
  await first.identify()
  await first.close()
  const { peerId: peerB } = await world.tenant('b')
  using asking = Object.assign(connect(world.socketOf('a')).on('error', () => {}), { [Symbol.dispose]: () => { asking.destroy() } })
  const daemon = await slowStart(world, () => { asking.write(encodeFrame(encodeRequest({ type: RequestType.SERVICES }))) })
  await world.admin('POST', '/v1/tenants/a/restart')
  await using a = new P2pdClient({ path: world.socketOf('a') })
  await a.identify()
  await using b = new P2pdClient({ path: world.socketOf('b') })
  const handled = Promise.withResolvers<unknown>()
  const slowB = await slowStart(world, () => { handled.resolve(b.handle('/x/1', ({ stream }) => { stream.end('b') })) })
  const connected = a.connect(peerB, [], { timeoutSeconds: 30 }).catch(() => {})
  t.true(await isPendingAfter(200, connected), 'neither of the two runs yet')
  daemon.go()
  await using indexer = new P2pdClient({ path: world.asDaemonSocketOf('indexer') })
  await indexer.provide('/x/1', ({ stream }) => { stream.end('the daemon') })
  t.true(await isPendingAfter(500, connected), 'b does not run yet')
  t.deepEqual((await a.listPeers()).map(({ peerId }) => peerId).filter(peerId => peerId === peerB), [])
  slowB.go()
  await handled.promise
  const heard = await eventually('b', async () => await a.openStream(peerB, '/x/1').then(async ({ stream }) => await text(stream), () => undefined), answer => answer !== undefined)
  t.is(heard, 'b')
})

test('a blessing that ends while the daemon\'s host starts does not end the host, and has ended when it serves', async t => {
  await using world = new World({ a: MANIFEST, b: MANIFEST })
  await world.start()
  await world.bless('a', ['provideService'])
  await world.bless('b', ['provideService'])
  await using acting = new P2pdClient({ path: world.asDaemonSocketOf('a') })
  const provided = Promise.withResolvers<unknown>()
  const daemon = await slowStart(world, () => { provided.resolve(acting.provide('/x/1', () => {})) })
  const ended = world.unbless('b')
  await delay(2 * REVOKED_MS)
  daemon.go()
  await within('the blessing\'s end', ended)
  await provided.promise
  t.like(await world.daemon(), { state: 'running', crashes: 0 })
  await using b = new P2pdClient({ path: world.socketOf('b') })
  await t.throwsAsync(b.provide('/y/1', () => {}), { message: /b has no blessing/ })
})
