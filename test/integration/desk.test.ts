/** Who may act in the daemon's name, on real processes: while a reload is under way, on a disk that refuses, and at the end. */
import test from 'ava'
import { existsSync, mkdirSync, readdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs'
import { P2pdClient } from '../../src/client/index.ts'
import { RequestType, ResponseType, encodeRequest } from '../../src/wire/codec.ts'
import { AppListener } from '../helpers/appListener.ts'
import { streamHandler } from '../helpers/requests.ts'
import { RawConnection } from '../helpers/rawConnection.ts'
import { edit } from '../keystore/world.ts'
import { World, eventually } from './world.ts'

const MANIFEST = 'host: { listen: [/ip4/127.0.0.1/tcp/0] }\n'
const BLESSED = 'blessed: [ { actions: [provideService], resources: [\'*\'] } ]\n'
const ALL = ['a', 'b', 'daemon'].map(name => `permit (principal == Tenant::"${name}", action, resource);\n`).join('')
const IS_ROOT = process.getuid?.() === 0
/** A host that has not let go by 800 ms is killed, and some for a machine that is busy. A new policy alone may take 5 s. */
const REVOKED_MS = 3_000

async function blessedIn (world: World): Promise<string[]> {
  return (await world.admin<Array<{ tenant: string }>>('GET', '/v1/blessings')).map(({ tenant }) => tenant)
}

test('a reload during which somebody else is blessed leaves in force what it says', async t => {
  const uid = IS_ROOT ? 1_001 : process.getuid?.() ?? 0
  const declared = (appUid: number, groups = ''): string => `app: { uid: ${appUid} }\n${MANIFEST}groups: [${groups}]\n${BLESSED}`
  await using world = new World({ a: declared(uid), b: MANIFEST })
  await world.start()
  await using a = new P2pdClient({ path: world.socketOf('a') })
  await a.identify() // so that it has a host that has to stop
  const { pid } = await world.tenant('a')
  world.declare('a', declared(IS_ROOT ? 1_002 : uid, 'g'))
  world.declare('c', MANIFEST + BLESSED)
  const reloading = world.reload()
  await eventually('what is declared', async () => await blessedIn(world), names => names.includes('c'))
  if (pid !== undefined) try { process.kill(pid, 'SIGSTOP') } catch { /* it was quick to stop */ }
  await world.bless('b', ['provideService'])
  if (pid !== undefined) try { process.kill(pid, 'SIGCONT') } catch { /* it was quick to stop */ }
  await reloading
  if (IS_ROOT) t.is(statSync(world.asDaemonSocketOf('a')).uid, 1_002)
  const { peerId } = await world.daemon()
  await using added = new P2pdClient({ path: world.asDaemonSocketOf('c') })
  t.is((await added.identify()).peerId, peerId)
  const handler = await added.provide('/search/1.0.0', () => {})
  await handler.close()
})

test('on a disk that refuses a blessing can be ended, by unbless and by policy, and what stands is reloaded', async t => {
  await using world = new World({ a: MANIFEST, b: MANIFEST }, { 'all.cedar': ALL })
  await world.start()
  for (const name of ['a', 'b']) await world.bless(name, ['provideService', 'openStream'])
  await using a = new P2pdClient({ path: world.socketOf('a') })
  await using b = new P2pdClient({ path: world.socketOf('b') })
  await a.provide('/search/1.0.0', ({ stream }) => { stream.resume() })
  await b.provide('/store/1.0.0', ({ stream }) => { stream.resume() })
  const { daemon } = await b.services()
  const file = `${world.stateDir}/blessings.json.new`
  mkdirSync(file)
  await t.throwsAsync(world.unbless('a'), { message: /it has ended now; it is not on disk yet and would stand again after a crash/ })
  await t.throwsAsync(b.openStream(daemon, '/search/1.0.0'), { message: /no provider/ })
  t.false(existsSync(world.asDaemonSocketOf('a')))
  world.decree('all.cedar', `${ALL}forbid (principal == Tenant::"b", action == Action::"actForDaemon", resource);\n`)
  await world.reload()
  await t.throwsAsync(a.openStream(daemon, '/store/1.0.0'), { message: /no provider/ })
  await world.admin('POST', '/v1/tenants/b/restart')
  rmdirSync(file)
  await world.bless('b', ['provideService'])
  await world.end('SIGKILL')
  await world.start()
  t.false(existsSync(world.asDaemonSocketOf('a')))
})

test('p2pd that stops leaves no socket and no directory of a blessed tenant behind', async t => {
  await using world = new World({ a: MANIFEST, b: MANIFEST, c: MANIFEST })
  await world.start()
  for (const name of ['a', 'b', 'c']) await world.bless(name, ['provideService'])
  t.is(await world.end(), 0)
  t.deepEqual(readdirSync(world.runDir), ['lock'])
})

test('a socket that cannot be made keeps no blessing from being in force, and nobody else from theirs', async t => {
  await using world = new World({ a: MANIFEST, b: MANIFEST })
  await world.start()
  writeFileSync(world.asDaemonSocketOf('a'), '')
  await world.bless('a', ['provideService'])
  await world.bless('b', ['provideService'])
  t.true(statSync(world.asDaemonSocketOf('b')).isSocket())
  t.regex(world.log, /not every blessed tenant has its socket/)
  await using a = new P2pdClient({ path: world.socketOf('a') })
  await a.provide('/search/1.0.0', () => {})
})

test('a daemon\'s host that does not listen is killed at once where a reload takes a blessing back, and has its time where one is given', async t => {
  await using world = new World({ a: MANIFEST + BLESSED, b: MANIFEST, daemon: MANIFEST.replace(' }', ', start: always }') })
  await world.start()
  const { pid = 0 } = await eventually('the daemon\'s host', async () => await world.daemon(), ({ state }) => state === 'running')
  process.kill(pid, 'SIGSTOP')
  const blessing = world.bless('b', ['provideService'])
  await new Promise(resolve => { setTimeout(resolve, 1_500) })
  t.is((await world.daemon()).pid, pid)
  process.kill(pid, 'SIGCONT')
  await blessing
  t.is((await world.daemon()).pid, pid)
  process.kill(pid, 'SIGSTOP')
  const again = world.bless('b', ['openStream'])
  world.declare('a', MANIFEST)
  const reloading = world.reload()
  await eventually('what is declared', async () => await blessedIn(world), names => !names.includes('a'))
  await eventually('the end of the daemon\'s host', async () => (await world.daemon()).pid, found => found !== pid, REVOKED_MS)
  await Promise.all([again, reloading])
})

test('a blessing is taken back in time while the daemon\'s host is starting, which need not end for it and serves nobody by it', async t => {
  await using world = new World({ a: MANIFEST })
  await world.start()
  await world.bless('a', ['provideService', 'openStream'])
  using connection = await RawConnection.to({ path: world.asDaemonSocketOf('a') })
  let pid: number | undefined
  while (pid === undefined) ({ pid } = await world.daemon())
  process.kill(pid, 'SIGSTOP')
  t.is((await world.daemon()).state, 'starting')
  const begun = Date.now()
  await world.unbless('a')
  t.true(Date.now() - begun < REVOKED_MS, `${Date.now() - begun} ms`)
  const { state, pid: after } = await world.daemon()
  t.deepEqual([state, after], ['starting', pid])
  process.kill(pid, 'SIGCONT')
  const response = await connection.ask(Buffer.from(encodeRequest({ type: RequestType.STREAM_ACCEPT, streamAccept: { proto: ['/x/1'] } })))
  t.regex(response.error?.msg ?? '', /^provideService denied on Service \/x\/1: a has no blessing/)
  t.is((await world.daemon()).pid, pid)
})

test('the daemon\'s host is there again after its manifest has changed, as long as it serves something, and the reload says so', async t => {
  await using world = new World({ a: MANIFEST, daemon: MANIFEST })
  await world.start()
  await world.bless('a', ['provideService'])
  await using listening = await AppListener.open({ path: `${world.directory}/search.sock` })
  using control = await RawConnection.to({ path: world.asDaemonSocketOf('a') })
  t.is((await control.ask(streamHandler(listening.bytes, '/search/1.0.0'))).type, ResponseType.OK)
  const { pid } = await world.daemon()
  world.declare('daemon', `${MANIFEST}limits: { connections: 501 }\n`)
  const { changed } = await world.admin<{ changed: string[] }>('POST', '/v1/reload')
  t.deepEqual(changed, ['daemon'])
  const after = await eventually('the daemon\'s host', async () => await world.daemon(), ({ state }) => state === 'running')
  t.not(after.pid, pid)
})

test('a damaged identity ends no blessing, and nobody acts by it until it is mended', async t => {
  await using world = new World({ a: MANIFEST, b: MANIFEST })
  await world.start()
  await world.bless('a', ['provideService'])
  const standing = await world.admin<unknown>('GET', '/v1/blessings')
  await world.end()
  const kept: Array<[string, unknown]> = []
  await edit(world.stateDir, async level => {
    for await (const [key, value] of level.iterator()) if (key === 'tenant!a') kept.push([key, value])
    await level.del('tenant!a')
  })
  await world.start()
  t.deepEqual(await world.admin<unknown>('GET', '/v1/blessings'), standing)
  t.false(existsSync(world.asDaemonSocketOf('a')))
  await world.end()
  await edit(world.stateDir, async level => { for (const [key, value] of kept) await level.put(key, value as never) })
  await world.start()
  t.deepEqual(await world.admin<unknown>('GET', '/v1/blessings'), standing)
  await using a = new P2pdClient({ path: world.asDaemonSocketOf('a') })
  t.is((await a.identify()).peerId, (await world.daemon()).peerId)
})
