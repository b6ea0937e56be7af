/** What survives being killed, stopped, reloaded or started twice: identities, sockets, connects. */
import test from 'ava'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { P2pdClient } from '../../src/client/index.ts'
import { World, eventually } from './world.ts'
import { EVERYTHING_ALLOWED } from '../helpers/policies.ts'

const MANIFEST = 'host:\n  listen: [/ip4/127.0.0.1/tcp/0]\n'
const P2PD = fileURLToPath(new URL('../../bin/p2pd', import.meta.url))
const KILLS = Number(process.env['P2PD_TEST_KILLS'] ?? 200)

async function identify (socket: string): Promise<string> {
  await using client = new P2pdClient(`/unix${socket}`)
  return (await client.identify({ signal: AbortSignal.timeout(15_000) })).peerId
}

/** The peer ID behind a socket, whatever is being killed meanwhile; how often a connect was refused is counted. */
async function identifyThrough (socket: string, refused: { count: number }): Promise<string> {
  for (;;) {
    try {
      return await identify(socket)
    } catch (error) {
      // A connection that a host had accepted dies with it; the next one is served by the next host.
      const reason = String(error instanceof Error ? `${error.message} ${String(error.cause)}` : error)
      if (/ECONNREFUSED|ENOENT/.test(reason)) refused.count++
      if (!/ECONNRESET|EPIPE|ended|closed|went away|ECONNREFUSED|ENOENT/.test(reason)) throw error
    }
  }
}

test.serial(`${KILLS} kills of hosts and supervisor change no identity, refuse no connect and leave no socket`, async t => {
  await using world = new World({ a: MANIFEST, b: `${MANIFEST}  start: always\n` })
  await world.start()
  const identities = new Map([['a', await identify(world.socketOf('a'))], ['b', await identify(world.socketOf('b'))]])
  const refused = { count: 0 }
  let supervisorKills = 0
  for (let kill = 0; kill < KILLS; kill++) {
    const name = kill % 2 === 0 ? 'a' : 'b'
    if (kill % 8 === 7) {
      await world.end('SIGKILL')
      supervisorKills++
      await world.start()
    } else {
      const { pid } = await world.tenant(name)
      if (pid !== undefined) process.kill(pid, 'SIGKILL')
      // Every fourth waits the back-off out; for the others an operator is impatient.
      if (kill % 4 !== 0) await world.admin('POST', `/v1/tenants/${name}/restart`)
    }
    await new Promise(resolve => { setTimeout(resolve, Math.random() * 100) }) // so that the next falls into any moment of a start
    if (kill % 3 === 0) t.is(await identifyThrough(world.socketOf(name), refused), identities.get(name) ?? '', `after kill ${kill}`)
  }
  for (const [name, peerId] of identities) t.is(await identifyThrough(world.socketOf(name), refused), peerId)
  t.is(refused.count, 0)
  t.is(await world.end(), 0)
  t.deepEqual(readdirSync(world.runDir), ['lock'])
  t.true(supervisorKills >= KILLS / 10)
})

test.serial('a connect while the host is stopped, starting or killed waits and is served', async t => {
  await using world = new World({ a: MANIFEST })
  await world.start()
  t.is((await world.tenant('a')).state, 'stopped')
  const answers = await Promise.all(Array.from({ length: 50 }, () => identify(world.socketOf('a'))))
  t.is(new Set(answers).size, 1)
  const { pid = 0 } = await world.tenant('a')
  process.kill(pid, 'SIGSTOP') // it accepts nothing any more, and what connects now waits in the kernel
  const waiting = Array.from({ length: 50 }, () => identify(world.socketOf('a')))
  await new Promise(resolve => { setTimeout(resolve, 100) })
  process.kill(pid, 'SIGKILL')
  t.is(new Set([...answers, ...await Promise.all(waiting)]).size, 1)
})

test.serial('a host that has nothing to do stops, and starts again on the next connect', async t => {
  await using world = new World({ a: `${MANIFEST}  idleStop: 300ms\n` })
  await world.start()
  const before = await identify(world.socketOf('a'))
  await eventually('state', () => world.tenant('a'), ({ state }) => state === 'stopped')
  t.is(await identify(world.socketOf('a')), before)
  t.is((await world.tenant('a')).crashes, 0)
})

test.serial('a host with a handler does not stop, and the handler survives its crash', async t => {
  await using world = new World({ a: `${MANIFEST}  idleStop: 300ms\n`, b: MANIFEST })
  await world.start()
  await using a = new P2pdClient(`/unix${world.socketOf('a')}`)
  await using b = new P2pdClient(`/unix${world.socketOf('b')}`)
  await a.handle('/hello/1', async ({ stream }) => { stream.end('hello') })
  process.kill((await world.tenant('a')).pid ?? 0, 'SIGKILL')
  await eventually('state', () => world.tenant('a'), ({ state, crashes }) => crashes === 1 && state === 'running')
  const { peerId, addresses } = await a.identify()
  await b.connect(peerId, addresses)
  const { stream } = await b.openStream(peerId, '/hello/1')
  stream.end()
  let text = ''
  for await (const chunk of stream as AsyncIterable<Buffer>) text += chunk.toString()
  t.is(text, 'hello', world.log)
})

test.serial('a host that crashes five times is parked, says why to clients, and runs again when an operator restarts it', async t => {
  await using world = new World({ a: MANIFEST })
  await world.start()
  const peerId = await identify(world.socketOf('a'))
  for (let crash = 1; crash <= 5; crash++) {
    void identify(world.socketOf('a')).catch(() => {}) // waits for the host, and so has it started
    const { pid = 0 } = await eventually('running', () => world.tenant('a'), ({ state }) => state === 'running', 30_000)
    process.kill(pid, 'SIGKILL')
    await eventually('crashes', () => world.tenant('a'), ({ crashes }) => crashes === crash)
  }
  t.is((await world.tenant('a')).state, 'parked')
  await t.throwsAsync(identify(world.socketOf('a')), { message: /this tenant is parked: its host crashed five times.*p2pctl tenant restart a/ })
  await world.admin('POST', '/v1/tenants/a/restart')
  t.is(await identify(world.socketOf('a')), peerId)
})

test.serial('SIGTERM and SIGINT stop everything within 3 s, streams and all, and remove every socket', async t => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    await using world = new World({ a: MANIFEST, b: `${MANIFEST}  start: always\n` })
    await world.start()
    await using a = new P2pdClient(`/unix${world.socketOf('a')}`)
    await using b = new P2pdClient(`/unix${world.socketOf('b')}`)
    await b.handle('/hang/1', async () => { await new Promise(() => {}) })
    const { peerId, addresses } = await b.identify()
    await a.connect(peerId, addresses)
    const { stream } = await a.openStream(peerId, '/hang/1')
    stream.on('error', () => {}).resume()
    const pids = (await world.tenants()).map(({ pid }) => pid)
    const began = performance.now()
    t.is(await world.end(signal), 0)
    t.true(performance.now() - began < 3_000)
    t.deepEqual(readdirSync(world.runDir), ['lock'])
    t.deepEqual(pids.filter(pid => existsSync(`/proc/${pid}`)), [])
  }
})

test.serial('a second daemon on the same state or run directory is refused with the reason, and the first does not notice', async t => {
  await using world = new World({ a: MANIFEST })
  await world.start()
  const other = join(world.directory, 'other')
  for (const [state, run, reason] of [[world.stateDir, other, /state|keystore/], [`${other}-state`, world.runDir, /the run directory .* is in use by another p2pd \(pid \d+\)/]] as const) {
    const { status, stderr } = spawnSync(P2PD, ['serve', '--tenants', world.tenantsDir, '--policy', EVERYTHING_ALLOWED, '--state', state, '--run', run], { encoding: 'utf8' })
    t.is(status, 1)
    t.regex(stderr, reason)
  }
  t.truthy(await identify(world.socketOf('a')))
})

test.serial('sockets that a killed daemon left are replaced, foreign files stay', async t => {
  await using world = new World({ a: MANIFEST })
  await world.start()
  const before = await identify(world.socketOf('a'))
  await world.end('SIGKILL')
  t.true(statSync(world.socketOf('a')).isSocket())
  mkdirSync(join(world.runDir, 'old'))
  writeFileSync(join(world.runDir, 'old', 'p2pd.sock'), 'not a socket')
  writeFileSync(join(world.runDir, 'notes'), 'keep me')
  await world.start()
  t.is(await identify(world.socketOf('a')), before)
  await world.end()
  t.deepEqual(readdirSync(world.runDir).toSorted(), ['lock', 'notes', 'old'])

  writeFileSync(world.frontDesk, 'not a socket')
  await t.throwsAsync(world.start(), { message: /p2pd\.sock exists and is no socket: remove it/ })
  rmSync(world.frontDesk)
  symlinkSync('/etc/passwd', world.frontDesk)
  await t.throwsAsync(world.start(), { message: /p2pd\.sock exists and is no socket/ })
  t.true(statSync('/etc/passwd').isFile())
})

test.serial('a damaged identity stops that tenant with the mend, and no other', async t => {
  await using world = new World({ a: MANIFEST, b: MANIFEST })
  await world.start()
  const b = await identify(world.socketOf('b'))
  await world.end()
  rmSync(join(world.stateDir, 'keystore'), { recursive: true })
  rmSync(join(world.stateDir, 'keystore.key'))
  writeFileSync(join(world.stateDir, 'identities.json'), JSON.stringify(JSON.parse(`{"a":"${b}"}`)))
  await world.start()
  await t.throwsAsync(identify(world.socketOf('a')), { message: /p2pctl key (import|renew)/ })
  t.is((await world.tenant('a')).state, 'failed')
  t.not(await identify(world.socketOf('b')), b)
})

test.serial('a reload changes exactly what changed, and nothing at all when something is wrong', async t => {
  await using world = new World({ a: MANIFEST, b: MANIFEST, c: MANIFEST })
  await world.start()
  for (const name of ['a', 'b', 'c']) await identify(world.socketOf(name))
  const before = await world.tenants()
  world.declare('b', `${MANIFEST}limits: { streams: 7 }\n`)
  world.declare('d', 'limits: { streams: 0 }\n')
  await t.throwsAsync(world.admin('POST', '/v1/reload'), { message: /d\.yaml: limits\.streams: must be at least 1, found 0/ })
  t.deepEqual((await world.tenants()).map(({ pid }) => pid), before.map(({ pid }) => pid))

  world.declare('d', MANIFEST)
  rmSync(join(world.tenantsDir, 'c.yaml'))
  const unread = connect(world.socketOf('c')).on('error', () => {})
  t.like(await world.admin('POST', '/v1/reload'), { added: ['d'], removed: ['c'], changed: ['b'], same: ['a'] })
  unread.destroy()
  t.is((await world.tenant('a')).pid, before[0]?.pid)
  t.not((await world.tenant('b')).pid, before[1]?.pid)
  t.false(existsSync(world.socketOf('c')))
  for (const name of ['a', 'b', 'd']) t.truthy(await identify(world.socketOf(name)))
})

test.serial('the front desk serves the one tenant of a user, and names the sockets when there are two', async t => {
  await using world = new World({ a: MANIFEST })
  await world.start()
  const own = await identify(world.frontDesk) // before its host has ever run
  t.is(own, await identify(world.socketOf('a')))
  t.is(await identify(world.frontDesk), own)
  world.declare('b', MANIFEST)
  await world.admin('POST', '/v1/reload')
  await t.throwsAsync(identify(world.frontDesk), { message: new RegExp(`is the app of 2 tenants: .*${world.socketOf('a')} or ${world.socketOf('b')}`) })
})

test.serial('a connection that the front desk was handing over when the host died is served by the next host', async t => {
  await using world = new World({ a: MANIFEST })
  await world.start()
  const peerId = await identify(world.socketOf('a'))
  const { pid = 0 } = await world.tenant('a')
  process.kill(pid, 'SIGSTOP') // it takes nothing any more
  const waiting = Array.from({ length: 10 }, () => identify(world.frontDesk))
  await new Promise(resolve => { setTimeout(resolve, 200) })
  process.kill(pid, 'SIGKILL')
  t.deepEqual(await Promise.all(waiting), Array.from({ length: 10 }, () => peerId))
})

test.serial('a connection that closes under a stream with unread bytes takes no host down', async t => {
  await using world = new World({ a: MANIFEST, b: MANIFEST })
  await world.start()
  await using a = new P2pdClient(`/unix${world.socketOf('a')}`)
  await using b = new P2pdClient(`/unix${world.socketOf('b')}`)
  const { peerId, addresses } = await b.identify()
  const pids = (): Promise<Array<number | undefined>> => world.tenants().then(tenants => tenants.map(({ pid }) => pid))
  await b.handle('/flood/1', async ({ stream }) => {
    stream.on('error', () => {}).write(Buffer.alloc(8 * 1024 * 1024))
  })
  for (let round = 0; round < 5; round++) {
    await a.connect(peerId, addresses)
    const before = await pids()
    const { stream } = await a.openStream(peerId, '/flood/1')
    stream.on('error', () => {}).pause()
    await eventually('streams', () => world.tenant('b'), ({ figures }) => figures?.streams === 1)
    await a.disconnect(peerId)
    t.deepEqual(await a.listPeers(), [])
    await eventually('peers of b', () => b.listPeers(), peers => peers.length === 0)
    t.deepEqual(await pids(), before)
    stream.destroy()
  }
  t.true((await world.tenants()).every(({ crashes }) => crashes === 0), world.log)
})
