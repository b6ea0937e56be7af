/** Tenants of one machine, whose hosts the supervisor connects: no network, no addresses, and nothing but the two of them. */
import test from 'ava'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { P2pdClient } from '../../src/client/index.ts'
import { World, eventually } from './world.ts'

/** It listens nowhere and can only be reached by a neighbour. */
const NOWHERE = 'host: { listen: [] }\n'
const APART = 'host: { listen: [], local: false }\n'

interface Two { readonly world: World, readonly a: P2pdClient, readonly b: P2pdClient, readonly peerA: string, readonly peerB: string }

async function two (stack: AsyncDisposableStack, manifests = { a: NOWHERE, b: NOWHERE }, policies?: Record<string, string>): Promise<Two> {
  const world = stack.use(new World(manifests, policies))
  await world.start()
  const [a, b] = [stack.use(new P2pdClient({ path: world.socketOf('a') })), stack.use(new P2pdClient({ path: world.socketOf('b') }))]
  return { world, a, b, peerA: (await a.identify()).peerId, peerB: (await b.identify()).peerId }
}

test('neighbours that listen nowhere talk, each by the other\'s peer ID alone, and see where it is', async t => {
  await using stack = new AsyncDisposableStack()
  const { a, b, peerA, peerB } = await two(stack)
  t.deepEqual((await a.identify()).addresses, [], 'what a neighbour is called means nothing to others')
  const calls: string[][] = []
  await b.handle('/x/1', ({ peerId, address, stream }) => { calls.push([peerId, address]); stream.pipe(stream) })
  const { stream, address } = await a.openStream(peerB, '/x/1')
  stream.end('there and back')
  t.is(await text(stream), 'there and back')
  t.is(address, '/unix/p2pd/b')
  t.deepEqual(calls, [[peerA, '/unix/p2pd/a']])
  t.deepEqual([await a.listPeers(), await b.listPeers()], [[{ peerId: peerB, addresses: ['/unix/p2pd/b'] }], [{ peerId: peerA, addresses: ['/unix/p2pd/a'] }]])
  await a.disconnect(peerB)
  t.deepEqual([await a.listPeers(), await b.listPeers()], [[], []])
  await a.connect(peerB, ['/ip4/192.0.2.1/tcp/1'])
  t.is((await a.listPeers()).length, 1, 'whatever address is named')
})

test('a host that is restarted or killed is reached again, by the next stream that is opened', async t => {
  await using stack = new AsyncDisposableStack()
  const { world, a, b, peerB } = await two(stack)
  await b.handle('/x/1', ({ stream }) => { stream.write('!'); stream.pipe(stream) })
  const reached = async (): Promise<boolean> => await a.openStream(peerB, '/x/1').then(async ({ stream }) => { await once(stream, 'data'); stream.destroy(); return true }, () => false)
  for (const end of ['restart', 'kill'] as const) {
    const { stream } = await a.openStream(peerB, '/x/1')
    await once(stream, 'data')
    const ended = once(stream.resume(), 'end')
    if (end === 'restart') await world.admin('POST', '/v1/tenants/b/restart')
    else process.kill((await world.tenant('b')).pid ?? 0, 'SIGKILL')
    await ended
    await eventually(`after the ${end}`, reached, is => is)
  }
  t.is((await world.tenant('a')).crashes, 0)
  await eventually('connections', async () => (await world.tenant('a')).figures?.connections, count => count === 1)
})

test('a neighbour whose host does not run is not started for it, and one whose manifest says so is not reached', async t => {
  await using stack = new AsyncDisposableStack()
  const { world, a, b, peerB } = await two(stack, { a: NOWHERE, b: NOWHERE.replace('[]', '[], idleStop: 200ms') })
  await b.close()
  await eventually('b', async () => (await world.tenant('b')).state, state => state === 'stopped')
  await t.throwsAsync(a.connect(peerB), { message: /cannot connect to .*: its host does not run now/ })
  t.is((await world.tenant('b')).state, 'stopped')
  for (const manifests of [{ a: NOWHERE, b: APART }, { a: APART, b: NOWHERE }]) {
    const apart = await two(stack, manifests)
    await t.throwsAsync(apart.a.connect(apart.peerB), { message: /cannot connect to / }, JSON.stringify(manifests))
    await t.throwsAsync(apart.a.openStream(apart.peerB, '/x/1'), { message: /cannot open|cannot connect/ })
    t.true((await apart.a.services()).daemon.length > 0, 'the daemon itself is there all the same')
  }
})

test('policies of both sides are asked, with `local`, and what a new one denies ends', async t => {
  const rules = (forbidden: string): Record<string, string> => ({ 'all.cedar': `permit (principal, action, resource);\n${forbidden}` })
  for (const [who, action, message] of [['a', 'dial', /dial denied on Peer .* at \/unix\/p2pd\/b/], ['b', 'acceptConnection', /cannot connect/], ['b', 'acceptStream', undefined]] as const) {
    await using stack = new AsyncDisposableStack()
    const { a, b, peerB } = await two(stack, undefined, rules(`forbid (principal == Tenant::"${who}", action == Action::"${action}", resource) when { context.local };`))
    await b.handle('/x/1', ({ stream }) => { stream.end('not denied') })
    if (message !== undefined) await t.throwsAsync(a.connect(peerB), { message }, action)
    const heard = await a.openStream(peerB, '/x/1').then(async ({ stream }) => await text(stream), () => '')
    t.is(heard, '', action)
  }
  await using stack = new AsyncDisposableStack()
  const { world, a, b, peerB } = await two(stack, undefined, rules(''))
  await b.handle('/x/1', ({ stream }) => { stream.write('open') })
  const { stream } = await a.openStream(peerB, '/x/1')
  await once(stream, 'data')
  const ended = once(stream.resume(), 'end')
  world.decree('all.cedar', rules('forbid (principal == Tenant::"b", action == Action::"acceptConnection", resource in Tenant::"a");')['all.cedar'] ?? '')
  await world.reload()
  await ended
  await eventually('connections', async () => await a.listPeers(), ({ length }) => length === 0)
  t.pass()
})

test('the daemon is a neighbour as any other to those it reaches: their policies and `local` are asked, and its own', async t => {
  const rules = (forbidden: string): Record<string, string> => ({ 'all.cedar': `permit (principal, action, resource);\n${forbidden}` })
  for (const [b, forbidden, message] of [
    [NOWHERE, '', undefined],
    [NOWHERE, 'forbid (principal == Tenant::"b", action == Action::"acceptConnection", resource);', /cannot connect to/],
    [NOWHERE, 'forbid (principal == Tenant::"daemon", action == Action::"dial", resource in Tenant::"b");', /dial denied on Peer .* at \/unix\/p2pd\/b/],
    [APART, '', /cannot connect to .*: no host of this machine is reached without the network there/]
  ] as const) {
    await using stack = new AsyncDisposableStack()
    const { world, a, b: own, peerB } = await two(stack, { a: NOWHERE, b }, rules(forbidden))
    await world.bless('a', ['connect', 'listPeers'])
    const acting = stack.use(await a.asDaemon())
    if (message === undefined) await acting.connect(peerB)
    else await t.throwsAsync(acting.connect(peerB), { message }, forbidden)
    t.is((await acting.listPeers()).some(({ peerId }) => peerId === peerB), message === undefined, forbidden)
    t.is((await world.tenant('b')).figures?.connections, message === undefined ? 1 : 0, forbidden)
    t.true((await own.services()).daemon.length > 0, 'the other way is there for all')
  }
})
