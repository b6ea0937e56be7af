/**
 * Providers that die, stall, flood and reset, and a blessed app that takes all it can of the daemon's host: another's service
 * is there as before.
 */
import test, { type ExecutionContext } from 'ava'
import { join } from 'node:path'
import type { Socket } from 'node:net'
import { ABSENT_GRACE_MS } from '../../../src/control/absentees.ts'
import { RequestType, ResponseType } from '../../../src/wire/messages.ts'
import { unix } from '../../helpers/addresses.ts'
import { isPendingAfter, until, within } from '../../helpers/deadlines.ts'
import { message } from '../../helpers/protobuf.ts'
import type { RawConnection } from '../../helpers/rawConnection.ts'
import { identify, request, streamHandler, streamOpen } from '../../helpers/requests.ts'
import { isUnharmed, median, p99 } from '../pressure/latency.ts'
import { listenerOf } from './asUser.ts'
import { APP, BlessedScene, OTHER } from './blessedScene.ts'
import { TakenOver } from './takenOver.ts'

const MiB = 1024 * 1024
/** An end is told at once; on a busy machine within this. */
const END_MS = 1_000
/** What the grace is looked at with, on a machine that has other work. */
const SLACK_MS = 2_000
const PROBES = 40
const CALLERS = 8
/** What an answer may take on the one host that all share, beside what is as fast as it goes there: mostly, and at the most. */
const MOSTLY_MS = 500
const AT_MOST_MS = 3_000

function accept (...protocols: string[]): Buffer {
  return request(RequestType.STREAM_ACCEPT, [RequestType.STREAM_ACCEPT, message(...protocols.map(protocol => [1, protocol] as const))])
}

/** The other app serves this at an address, and answers a stream with the sum of what it brought. */
async function othersService (scene: BlessedScene, protocol = '/other/1.0.0'): Promise<void> {
  const path = join(scene.world.homeOf(OTHER), 'h')
  await scene.programs.other.listen('h', path, 0o755)
  const { error } = await scene.act('other', streamHandler(unix(path), protocol))
  if (error !== '') throw new Error(error)
}

async function isServed (scene: BlessedScene, protocol: string, bytes: number): Promise<boolean> {
  const { sent, text } = await scene.programs.caller.exchange(scene.world.socketOf('caller'), streamOpen(scene.daemon, protocol), bytes)
  return sent !== undefined && sent.bytes === bytes && text === JSON.stringify(sent)
}

/** Streams one after the other, and how long each took, from its opening to the answer. */
async function latencies (scene: BlessedScene, protocol: string): Promise<number[]> {
  const took: number[] = []
  for (let i = 0; i < PROBES; i++) {
    const began = performance.now()
    if (!await isServed(scene, protocol, 1_000)) throw new Error('not served')
    took.push(performance.now() - began)
  }
  return took
}

function isUsable (t: ExecutionContext, took: readonly number[]): void {
  t.log(`median ${median(took).toFixed(0)} ms, p99 ${p99(took).toFixed(0)} ms beside it`)
  t.true(median(took) <= MOSTLY_MS && p99(took) <= AT_MOST_MS)
}

test.serial('threat 35: a provider that is killed: its callers\' streams end at once; its name is free after the grace, and whoever calls then is told that there is none; one that comes back in time has lost nothing', async t => {
  await using scene = await BlessedScene.start()
  const { world, programs: { caller }, daemon } = scene
  await scene.bless('app', ['provideService'], ['/gone/', '/back/'])
  await scene.bless('other', ['provideService'], ['*'])
  const [gone, back] = await Promise.all([world.program(APP), world.program(APP)])
  const pathOf = (name: string): string => join(world.homeOf(APP), name)
  for (const [program, name] of [[gone, 'gone'], [back, 'back']] as const) {
    await program.listen('h', pathOf(name), 0o755)
    t.is((await scene.act('app', streamHandler(unix(pathOf(name)), `/${name}/1.0.0`))).error, '')
    t.true(await isServed(scene, `/${name}/1.0.0`, 10_000))
  }
  const open = caller.exchange(world.socketOf('caller'), streamOpen(daemon, '/gone/1.0.0'), 1_024 * MiB, 2)
  await until('bytes at the provider', async () => (await gone.seen('h')).bytes > MiB)
  const killed = Date.now()
  await Promise.all([gone.kill(), back.kill()])
  t.is((await open).end, 'end', 'an end of file, whatever became of the provider')
  t.true((await open).endedAt - killed <= END_MS, `${(await open).endedAt - killed} ms`)

  // The grace begins with the first call that finds nobody.
  const missed = Date.now()
  for (const name of ['gone', 'back']) {
    const { text, end } = await caller.exchange(world.socketOf('caller'), streamOpen(daemon, `/${name}/1.0.0`), 0)
    t.deepEqual([text, end], ['', 'end'])
  }
  t.regex((await scene.act('other', accept('/gone/2.0.0'))).error, /the service gone is app's/)
  const again = await world.program(APP)
  await again.attempt('fs.unlinkSync', pathOf('back'))
  await again.listen('h', pathOf('back'), 0o755)
  t.true(await isServed(scene, '/back/1.0.0', 10_000))
  await until('the name to be free', async () => (await scene.services()).every(({ name }) => name !== 'gone'), ABSENT_GRACE_MS + SLACK_MS)
  const tookMs = Date.now() - missed
  t.log(`free after ${tookMs} ms`)
  t.true(tookMs >= ABSENT_GRACE_MS - 100 && tookMs <= ABSENT_GRACE_MS + SLACK_MS)
  t.is((await caller.askOne(world.socketOf('caller'), streamOpen(daemon, '/gone/1.0.0', 2))).error, 'no provider: nobody serves /gone/1.0.0 in the daemon\'s name now')
  t.is((await scene.act('other', accept('/gone/2.0.0'))).error, '')
  t.true(await isServed(scene, '/back/1.0.0', 10_000))
})

test.serial('threat 35: a provider that waited and is killed: its caller\'s stream ends at once, and its name is free within the grace', async t => {
  await using scene = await BlessedScene.start()
  const { world, programs: { caller }, daemon } = scene
  await scene.bless('app', ['provideService'], ['/waits/'])
  await Promise.all([[world.socketOf('app'), '/waits/own'], [scene.asDaemonSocketOf('app'), '/waits/acting']].map(async ([socket = '', proto = '']) => {
    const connection = await scene.connection('app', socket)
    t.is((await connection.ask(socket === world.socketOf('app') ? scene.inName(accept(proto)) : accept(proto))).type, ResponseType.OK)
    const open = caller.exchange(world.socketOf('caller'), streamOpen(daemon, proto), 1_024 * MiB, 2)
    t.is((await connection.response()).streamInfo?.proto, proto)
    await until('bytes at the provider', () => connection.available > MiB)
    const killed = Date.now()
    connection.destroy() // as the kernel does for a process that dies
    t.is((await open).end, 'end')
    t.true((await open).endedAt - killed <= END_MS, `${(await open).endedAt - killed} ms`)
    await until('the name to be free', async () => (await scene.services()).every(service => service.proto !== proto), ABSENT_GRACE_MS + SLACK_MS)
    t.regex((await caller.askOne(world.socketOf('caller'), streamOpen(daemon, proto, 2))).error, /^no provider/)
  }))
})

/** Ways to be a bad provider: what is done with each stream that comes. */
const BAD: ReadonlyArray<readonly [what: string, take: (socket: Socket) => void]> = [
  ['stalls', socket => { socket.pause() }],
  ['resets', socket => { socket.destroy() }]
]

for (const [what, take] of BAD) {
  test.serial(`threat 35: a provider that ${what} disturbs nobody's but its own callers: another's service answers as fast, and its bytes are whole`, async t => {
    await using scene = await BlessedScene.start()
    await using bad = await badService(scene, take)
    const attack = async (): Promise<AsyncDisposable> => {
      const callers = await Promise.all(Array.from({ length: CALLERS }, async () => await callOf(scene)))
      return { [Symbol.asyncDispose]: async () => { for (const caller of callers) caller.destroy() } }
    }
    await isUnharmed(t, { probe: async () => await latencies(scene, '/other/1.0.0'), attack })
    await using _attack = await attack()
    t.true(await isServed(scene, '/other/1.0.0', 16 * MiB))
    bad.end()
    t.is((await scene.host()).crashes, 0)
  })
}

test.serial('threat 35: a provider that sends all that goes, to callers that read it, keeps another\'s service neither waiting nor from being whole', async t => {
  await using scene = await BlessedScene.start()
  const block = Buffer.alloc(64 * 1024)
  await using bad = await badService(scene, socket => {
    const more = (): void => { while (!socket.destroyed && socket.write(block)); }
    socket.on('drain', more).resume()
    more()
  })
  const callers = await Promise.all(Array.from({ length: CALLERS }, async () => await callOf(scene)))
  for (const { socket } of callers) socket.removeAllListeners('data').resume()
  const took = await latencies(scene, '/other/1.0.0')
  isUsable(t, took)
  t.true(await isServed(scene, '/other/1.0.0', 16 * MiB))
  t.true(callers.every(({ socket }) => socket.bytesRead > MiB))
  for (const caller of callers) caller.destroy()
  bad.end()
  t.is((await scene.host()).crashes, 0)
})

/** Beside the other app's service one of the app's, at an address, that does this with each stream. */
async function badService (scene: BlessedScene, take: (socket: Socket) => void): Promise<AsyncDisposable & { readonly end: () => void }> {
  await scene.bless('app', ['provideService'], ['/bad/'])
  await scene.bless('other', ['provideService'], ['/other/'])
  await othersService(scene)
  const sockets = new Set<Socket>()
  const path = join(scene.world.homeOf(APP), 'bad')
  const server = await listenerOf(APP, path, socket => {
    sockets.add(socket.on('close', () => { sockets.delete(socket) }))
    take(socket)
  })
  const { error } = await scene.act('app', streamHandler(unix(path), '/bad/1'))
  if (error !== '') throw new Error(error)
  const end = (): void => { for (const socket of sockets) socket.destroy() }
  return { end, [Symbol.asyncDispose]: async () => { end(); await server[Symbol.asyncDispose]() } }
}

/**
 * A caller of it that sends what it can and reads nothing: a program of the app's too, so that who looks on shares no more with
 * it than the daemon's host.
 */
async function callOf (scene: BlessedScene): Promise<RawConnection> {
  const connection = await scene.connection('app')
  await connection.ask(streamOpen(scene.daemon, '/bad/1', 5))
  connection.socket.pause()
  const block = Buffer.alloc(64 * 1024)
  for (let i = 0; i < 32; i++) connection.socket.write(block, () => {})
  return connection
}

/** Small, so that reaching them is cheap. */
const SMALL = { limits: { controlConnections: 40, requestsPerSecond: 400, handlers: 20 } }

test.serial('threats 13, 26: a blessed app that takes all the connections, names and requests in the daemon\'s name that it can get leaves as much to another, whose service answers as before', async t => {
  await using scene = await BlessedScene.start({ daemon: SMALL })
  const { world, programs: { app } } = scene
  await scene.bless('app', ['provideService'], ['/greedy/'])
  await scene.bless('other', ['provideService'], ['/other/', '/more/'])
  await othersService(scene)
  // Names, as many as it is let have.
  const path = join(world.homeOf(APP), 'h')
  await app.listen('h', path, 0o755)
  const named = await app.ask(scene.asDaemonSocketOf('app'), ...Array.from({ length: 25 }, (_, i) => streamHandler(unix(path), `/greedy/${i}`)))
  t.is(named.filter(({ ok }) => ok).length, 10)
  t.regex(named.at(-1)?.error ?? '', /^limits\.handlers: in the daemon's name app may handle 10 protocols: .* daemon\.yaml, of which this is a part/)
  // Connections of both kinds, kept; the last ones wait for what never comes.
  const held: RawConnection[] = []
  try {
    const told: string[] = []
    for (let i = 0; i < 30; i++) {
      const connection = await scene.connection('app', i % 2 === 0 ? scene.asDaemonSocketOf('app') : world.socketOf('app'))
      held.push(connection)
      const bytes = accept('/greedy/0')
      const { error } = await connection.ask(i % 2 === 0 ? bytes : scene.inName(bytes)).catch(() => ({ error: { msg: 'closed' } }))
      told.push(error?.msg ?? '')
    }
    t.regex(told.at(-1) ?? '', /^limits\.controlConnections: in the daemon's name app may have 20 control connections at once|^\/greedy\/0 is handled at/)
    t.true(await isServed(scene, '/other/1.0.0', MiB))
    t.is((await scene.act('other', accept('/more/1'))).error, '')
    t.true((await scene.programs.other.askOne(scene.asDaemonSocketOf('other'), identify())).ok)
  } finally {
    for (const connection of held) connection.destroy()
  }
  await until('its connections to be gone', async () => (await scene.host()).figures?.controlConnections === 0)
  // Requests, as fast as they go.
  const ended = new AbortController()
  let asked = 0
  const flooding = Array.from({ length: 4 }, async (_, i) => {
    using connection = await scene.connection('app', i % 2 === 0 ? scene.asDaemonSocketOf('app') : world.socketOf('app'))
    const bytes = i % 2 === 0 ? identify() : scene.inName(identify())
    for (; !ended.signal.aborted; asked++) await connection.ask(bytes)
  })
  const took = await latencies(scene, '/other/1.0.0')
  isUsable(t, took)
  for (let i = 0; i < 20; i++) t.is((await scene.act('other', identify())).error, '')
  t.true(await isServed(scene, '/other/1.0.0', 8 * MiB))
  t.true(asked > SMALL.limits.requestsPerSecond / 2, `${asked} requests`)
  ended.abort()
  await Promise.all(flooding)
})

test.serial('threats 13, 26: hosts of tenants that are not blessed, once taken over, keep no blessed app from acting in the daemon\'s name, however many of them ask and say nothing', async t => {
  await using scene = await BlessedScene.start({ daemon: SMALL })
  const { world, programs } = scene
  await scene.bless('app', ['provideService'], ['/app/'])
  for (const name of ['caller', 'other'] as const) await programs[name].askOne(world.socketOf(name), identify())
  await using caller = await TakenOver.of(world, 'caller')
  await using other = await TakenOver.of(world, 'other')
  for (let i = 0; i < 30; i++) {
    for (const host of [caller, other]) (await host.actAsDaemon(scene.daemonId)).claim({})
  }
  t.is((await within('an answer', scene.act('app', identify()))).error, '')
  t.is((await scene.act('app', accept('/app/1'))).error, '')
  using kept = await scene.connection('app', scene.asDaemonSocketOf('app'))
  t.is((await kept.ask(identify())).error?.msg, undefined)
  t.true(await isPendingAfter(200, kept.readToEnd()))
})
