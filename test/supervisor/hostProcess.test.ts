/** What a host may do to its supervisor: real processes that play hosts which have been taken over. */
import test from 'ava'
import { closeSync, mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { once } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { limitsOf } from '../../src/config/tenant.ts'
import { manifestShape } from '../../src/config/manifest.ts'
import type { FromHost } from '../../src/link.ts'
import { listenUnix } from '../../src/os/listening.ts'
import { HostProcess, type HostExit, type HostProcessInit } from '../../src/supervisor/hostProcess.ts'
import { until, within } from '../helpers/deadlines.ts'

const FAKE = fileURLToPath(new URL('children/fakeHost.ts', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'p2pd-'))
test.after.always(() => { rmSync(directory, { recursive: true, force: true }) })
let count = 0

interface Played { host: HostProcess, exit: Promise<HostExit>, ready: Promise<void>, messages: FromHost[], [Symbol.dispose] (): void }

async function connectionsOf (server: Server): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  server.getConnections((_, number) => { resolve(number) })
  return await promise
}

function play (part: string, more: Partial<HostProcessInit> = {}): Played {
  const controlFd = listenUnix(join(directory, `s${count++}`), { mode: 0o600 })
  const exit = Promise.withResolvers<HostExit>()
  const ready = Promise.withResolvers<void>()
  const messages: FromHost[] = []
  const host = new HostProcess({
    start: {
      tenant: part, callerUid: 0, listen: [], announce: [], echo: false, auditAllowed: false, idleStopMs: 0, registrations: [],
      limits: limitsOf(manifestShape.parse({ name: 'fake' }).limits),
      own: { directories: [], paths: [], ports: [] }
    },
    privateKey: new Uint8Array(32),
    controlFd,
    memoryBytes: 256 * 1024 * 1024,
    onMessage: message => { messages.push(message); if (message.kind === 'ready') ready.resolve() },
    onExit: exit.resolve,
    program: FAKE,
    ...more
  })
  return { host, exit: exit.promise, ready: ready.promise, messages, [Symbol.dispose]: () => { host.kill('the test is over'); closeSync(controlFd) } }
}

for (const [part, how] of [
  ['garbage', /it sent what is no message/],
  ['longFrame', /it sent what is no message: .* a frame may have 1048576 bytes at most/],
  ['noJson', /it sent what is no message/],
  ['deepJson', /it sent what is no message/],
  ['manyHandlers', /it reported more handlers than its tenant may have/],
  ['closed', /it closed its channel and did not end/],
  ['wrongShape', /it sent what is no message/]
] as const) {
  test(`a host that plays ${part} is ended, and the reason says why`, async t => {
    using played = play(part)
    t.regex((await within('its end', played.exit)).how, how)
  })
}

test('what a tenant\'s host asks for is dialled with its app\'s rights, and nothing with those of p2pd, for the daemon\'s own host', async t => {
  const path = join(directory, 'roots')
  const server = createServer().listen(path)
  await once(server, 'listening')
  let dialled = 0
  server.on('connection', socket => { dialled++; socket.destroy() })
  // This process is the supervisor here, and the listener, so the one that is dialled is denied when it is looked at.
  for (const [part, code, connections] of [['daemon', 'EACCES', 0], ['dials', 'ERR_DENIED', 1]] as const) {
    using played = play(part, {
      start: {
        tenant: part, callerUid: process.geteuid?.() ?? 0, serviceUid: 4_242, listen: [path], announce: [], echo: false, auditAllowed: false, idleStopMs: 0, registrations: [],
        limits: limitsOf(manifestShape.parse({ name: 'fake' }).limits),
        own: { directories: [], paths: [], ports: [] }
      }
    })
    await until('the answer', () => played.messages.some(({ kind }) => kind === 'audit'))
    t.deepEqual(played.messages.flatMap(message => message.kind === 'audit' ? [message.event.reason] : []), [code])
    t.is(dialled, connections)
  }
  server.close()
})

test('answers of which nobody knows the question do nothing', async t => {
  using played = play('answers')
  await within('its last message', played.ready)
  t.truthy(await played.host.report())
})

for (const part of ['endless', 'endlessLong', 'halfFrame'] as const) {
  test.serial(`a host that plays ${part} costs this process no memory and no time, and another host is answered`, async t => {
    using other = play('well')
    await within('the other host', other.ready)
    using _ = play(part)
    await delay(1_000) // what it may say at once has been read by then
    const before = process.memoryUsage.rss()
    const loop = monitorEventLoopDelay({ resolution: 1 })
    loop.enable()
    for (let i = 0; i < 20; i++) {
      t.truthy(await other.host.report())
      await delay(100)
    }
    loop.disable()
    // Unbounded it would be gigabytes; what the collector has not got round to is not.
    t.true(process.memoryUsage.rss() - before < 64 * 1024 * 1024, `${(process.memoryUsage.rss() - before) / 1024 / 1024} MiB more`)
    t.true(loop.percentile(99) / 1e6 < 50, `${loop.percentile(99) / 1e6} ms`)
    await other.host.stop()
  })
}

test('a host that says nothing to ten beats is killed for it, and one that answers is not', async t => {
  const heartbeat = { everyMs: 50, most: 10 }
  using silent = play('silent', { heartbeat })
  using well = play('well', { heartbeat })
  await Promise.all([silent.ready, well.ready])
  t.is((await within('the end of the silent one', silent.exit)).how, 'it did not answer for 10 s')
  t.truthy(await well.host.report())
  process.kill(well.host.pid ?? 0, 'SIGSTOP')
  t.is((await within('the end of the stopped one', well.exit)).how, 'it did not answer for 10 s')
})

test('a connection that a host has no room for is told so', async t => {
  using full = play('declines')
  await full.ready
  const path = join(directory, 'full')
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, socket => { full.host.adopt(socket, { tenant: 'declines' }) }).listen(path)
  await once(server, 'listening')
  const client = connect(path)
  const [data] = await within('its answer', once(client, 'data')) as [Buffer]
  t.regex(data.toString(), /limits\.descriptors: tenant declines has no file descriptor left/)
  client.destroy()
  server.close()
})

test('connections that a host has not taken go back to the caller when it dies, unread, and no more than fit are on their way', async t => {
  using silent = play('silent', { heartbeat: { everyMs: 60_000, most: 10 } })
  await silent.ready
  const path = join(directory, 'desk')
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, socket => { silent.host.adopt(socket, { tenant: 'silent' }) }).listen(path)
  await once(server, 'listening')
  const clients = Array.from({ length: 200 }, (_, i) => {
    const client = connect(path)
    client.write(`client ${i}`)
    return client
  })
  await Promise.all(clients.map(async client => { await once(client, 'connect') }))
  await until('all at the desk', async () => (await connectionsOf(server)) === 200)
  silent.host.kill('enough')
  const { unconfirmed } = await silent.exit
  t.is(unconfirmed.length, 200)
  for (const { socket } of unconfirmed) {
    const [data] = await once(socket.resume(), 'data') as [Buffer]
    t.regex(data.toString(), /^client \d+$/)
    socket.destroy()
  }
  for (const client of clients) client.destroy()
  server.close()
  await until('the server', () => !server.listening)
})
