/** Services under the daemon's identity: whose they are, who is told what, and what becomes of them when their provider dies. */
import test from 'ava'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { P2pdClient, type PeerStream } from '../../src/client/index.ts'
import { ResponseType } from '../../src/wire/codec.ts'
import { socketBytes } from '../helpers/addresses.ts'
import { AppListener } from '../helpers/appListener.ts'
import { RawConnection } from '../helpers/rawConnection.ts'
import { streamHandler } from '../helpers/requests.ts'
import { World, eventually } from './world.ts'

const MANIFEST = 'host: { listen: [/ip4/127.0.0.1/tcp/0] }\n'
const PROVIDER = fileURLToPath(new URL('children/provider.ts', import.meta.url))
/** How long a provider at an address that nobody answers at keeps its name: src/control/absentees.ts. */
const GRACE_MS = 10_000

async function machine (): Promise<World> {
  const world = new World({ indexer: MANIFEST, rival: MANIFEST, chat: MANIFEST })
  await world.start()
  await world.bless('indexer', ['provideService'])
  await world.bless('rival', ['provideService'])
  return world
}

async function provider (world: World, protocol: string, ...more: string[]): Promise<ChildProcess & AsyncDisposable> {
  const child = fork(PROVIDER, [world.socketOf('indexer'), protocol, ...more], { stdio: 'inherit' })
  await once(child, 'message')
  return Object.assign(child, { [Symbol.asyncDispose]: async () => { await killed(child) } })
}

async function killed (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}

/** What came first, and the end of it. */
async function firstLine ({ stream }: PeerStream): Promise<string> {
  return String((await once(stream, 'data'))[0]).trim()
}

test('a provider hears the caller\'s own peer ID, and the list says whose the service is and how many call', async t => {
  await using world = await machine()
  await using _ = await provider(world, '/search/1.0.0')
  await using chat = new P2pdClient({ path: world.socketOf('chat') })
  const { daemon } = await chat.services()
  const [one, two] = [await chat.openStream(daemon, '/search/1.0.0'), await chat.openStream(daemon, '/search/1.0.0')]
  t.is(one.peerId, daemon)
  t.deepEqual([await firstLine(one), await firstLine(two)], [(await chat.identify()).peerId, (await chat.identify()).peerId])
  t.deepEqual((await chat.services()).services, [{ name: 'search', protocol: '/search/1.0.0', owner: 'indexer', callers: 2 }])
  t.deepEqual(await world.admin('GET', '/v1/services'), { daemon, services: [{ name: 'search', proto: '/search/1.0.0', owner: 'indexer', callers: 2 }] })
  one.stream.destroy()
  two.stream.end()
  await eventually('callers', async () => (await chat.services()).services[0]?.callers, count => count === 0)
})

test('a name has one owner, whatever the version and the way of registering, until it gives it up', async t => {
  await using world = await machine()
  const child = await provider(world, '/search/1.0.0')
  await using rival = new P2pdClient({ path: world.socketOf('rival') })
  await using indexer = new P2pdClient({ path: world.socketOf('indexer') })
  for (const protocol of ['/search/1.0.0', '/search/2.0.0', '/search']) {
    for (const dialBack of [false, true]) {
      await t.throwsAsync(rival.provide(protocol, () => {}, { dialBack }), { message: /the service search is indexer's, which handles \/search\/1\.0\.0: it has to give that up first/ }, protocol)
    }
  }
  await using _ = await indexer.provide('/search/2.0.0', () => {})
  await using other = await rival.provide('/searching/1.0.0', () => {})
  await other.close()
  await killed(child)
  await _.close()
  await eventually('the name', async () => await rival.provide('/search/1.0.0', () => {}).then(() => true, () => false), isFree => isFree)
})

for (const [way, ...flags] of [['waits for streams'], ['is dialled', 'dial-back']] as const) {
  test(`a provider that ${way} and dies: its callers get an end of file, and after the grace its name is free and calls say so`, async t => {
    await using world = await machine()
    const child = await provider(world, '/search/1.0.0', ...flags)
    await using chat = new P2pdClient({ path: world.socketOf('chat') })
    await using rival = new P2pdClient({ path: world.socketOf('rival') })
    const { daemon } = await chat.services()
    const call = await chat.openStream(daemon, '/search/1.0.0')
    await firstLine(call)
    const ended = once(call.stream.resume(), 'end')
    await killed(child)
    const since = performance.now()
    await ended
    t.true(performance.now() - since < 2_000, 'an end of file, soon')
    if (flags.length > 0) {
      await setTimeout(4_000)
      await t.throwsAsync(rival.provide('/search/1.0.0', () => {}), { message: /has to give that up first/ }, 'not before the grace is over')
    }
    // A call meanwhile is what finds a program that is dialled gone.
    await chat.openStream(daemon, '/search/1.0.0').then(async ({ stream }) => { await once(stream.resume(), 'end') }, () => {})
    await eventually('no provider', async () => await chat.openStream(daemon, '/search/1.0.0').then(({ stream }) => { stream.destroy(); return '' }, (error: unknown) => String(error)), message => message.includes('no provider: nobody serves /search/1.0.0'), GRACE_MS + 5_000)
    await t.notThrowsAsync(rival.provide('/search/1.0.0', () => {}))
  })
}

test('the name of a provider that is dialled and has died is free after the grace, though nobody called it', async t => {
  await using world = await machine()
  const child = await provider(world, '/search/1.0.0', 'dial-back')
  await using rival = new P2pdClient({ path: world.socketOf('rival') })
  await killed(child)
  const since = performance.now()
  await eventually('the name', async () => await rival.provide('/search/1.0.0', () => {}).then(() => true, () => false), isFree => isFree, GRACE_MS + 10_000)
  t.true(performance.now() - since > GRACE_MS - 1_000)
})

test('a provider that is dialled, was missed, and has registered again keeps its name when the grace is over', async t => {
  await using world = await machine()
  await using chat = new P2pdClient({ path: world.socketOf('chat') })
  const { daemon } = await chat.services()
  const address = { path: join(world.directory, 'search.sock') }
  const serve = async (): Promise<AppListener> => {
    const app = await AppListener.open(address)
    using control = await RawConnection.to({ path: world.asDaemonSocketOf('indexer') })
    t.is((await control.ask(streamHandler(app.bytes, '/search/1.0.0'))).type, ResponseType.OK)
    return app
  }
  await using first = await serve()
  await first.stopListening()
  const missed = await chat.openStream(daemon, '/search/1.0.0')
  await once(missed.stream.resume(), 'end')
  const since = performance.now()
  await using second = await serve()
  await setTimeout(GRACE_MS + 500 - (performance.now() - since))
  const call = await chat.openStream(daemon, '/search/1.0.0')
  t.is((await (await second.next()).streamInfo()).proto, '/search/1.0.0')
  call.stream.destroy()
})

test('a service that cannot be at its address is denied, and recorded, as a service', async t => {
  await using world = await machine()
  using control = await RawConnection.to({ path: world.asDaemonSocketOf('indexer') })
  const { type } = await control.ask(streamHandler(socketBytes({ path: world.frontDesk }), ['/search/1.0.0', '/search/2.0.0']))
  t.is(type, ResponseType.ERROR)
  const line = await eventually('its line', () => world.audit().find(({ event }) => event === 'denied'), found => found !== undefined)
  t.like(line, { tenant: 'daemon', actor: 'indexer', onBehalfOf: 'daemon', action: 'provideService', resource: 'Service /search/1.0.0 /search/2.0.0' })
})

test('a program is not shown, and cannot use, what its own policies do not let it use', async t => {
  const all = ['chat', 'indexer', 'daemon', 'rival'].map(name => `permit (principal == Tenant::"${name}", action, resource)${name === 'chat' ? ' unless { resource == Service::"/secret/1.0.0" }' : ''};`).join('\n')
  await using world = new World({ indexer: MANIFEST, rival: MANIFEST, chat: MANIFEST }, { 'all.cedar': all })
  await world.start()
  await world.bless('indexer', ['provideService'])
  await using indexer = new P2pdClient({ path: world.socketOf('indexer') })
  await using chat = new P2pdClient({ path: world.socketOf('chat') })
  await using _ = await indexer.provide(['/secret/1.0.0', '/open/1.0.0'], ({ stream }) => { stream.end() })
  const { daemon, services } = await chat.services()
  t.deepEqual(services.map(({ protocol }) => protocol), ['/open/1.0.0'])
  await t.throwsAsync(chat.openStream(daemon, '/secret/1.0.0'), { message: 'useService denied on Service /secret/1.0.0' })
  await t.throwsAsync(chat.openStream(daemon, '/p2pd/plugin/dht/1.0.0'), { message: /useService denied/ })
  await t.notThrowsAsync(chat.openStream(daemon, '/open/1.0.0'))
})
