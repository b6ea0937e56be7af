/**
 * The end of a blessing, however it comes: all that is open by it ends within a second, names and the socket are free, and
 * what another tenant does by its own blessing goes on, byte for byte.
 */
import test, { type ExecutionContext } from 'ava'
import { execFile } from 'node:child_process'
import { readFileSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Grant } from '../../../src/blessing/grant.ts'
import { RequestType } from '../../../src/wire/messages.ts'
import { socketBytes, unix } from '../../helpers/addresses.ts'
import { until } from '../../helpers/deadlines.ts'
import { message } from '../../helpers/protobuf.ts'
import { identify, request, streamHandler, streamOpen } from '../../helpers/requests.ts'
import { ALLOW_ALL, type Answer } from '../world.ts'
import { APP, BlessedScene, CALLER, OTHER, type SceneInit } from './blessedScene.ts'
import { NAMES, OpenThings, scopeOf } from './openThings.ts'
import { RemotePeer } from './remotePeer.ts'

const P2PCTL = join(import.meta.dirname, '../../../bin/p2pctl')
const REVOKED_MS = 1_000
const MiB = 1024 * 1024
/** Of the transfers that are under way when it ends; with a pause after each of a thousand blocks they take seconds. */
const BYTES = 64 * MiB
const PAUSE_MS = 2
const SLOW_MS = 12
/** How many things are open, beside the transfers: see openThings.ts. */
const THINGS = 15
/** How long the short blessing has, once it has been written to the disk. */
const SHORT_SECONDS = 6

/** Whose the app is later on. */
const NEXT = 41008

interface Running { readonly scene: BlessedScene, readonly remote: RemotePeer }

interface Ending {
  /** Ends it. Resolves with when that began and when it was so, by the wall clock: of a reload, when it is answered. */
  readonly end: (running: Running) => Promise<readonly [began: number, decided: number]>
  /** Before anything is opened. */
  readonly prepare?: (running: Running) => Promise<void>
  readonly init?: SceneInit
  /** Once all has ended. */
  readonly after?: (running: Running) => void
  /** See PAUSE_MS. */
  readonly pauseMs?: number
  /** A blessing stands still: the socket is there, and what is asked is denied for another reason. */
  readonly stands?: true
  /** And its connections stay: a policy may say otherwise any time, and each request is judged. */
  readonly stay?: true
  /** The daemon's own host does not survive it, nor do others' streams there. */
  readonly kills?: true
}

function accept (protocol: string): Buffer {
  return request(RequestType.STREAM_ACCEPT, [RequestType.STREAM_ACCEPT, message([1, protocol])])
}

async function bless ({ scene, remote }: Running): Promise<void> {
  await scene.bless('app', ...scopeOf(remote))
}

/** The app has all of it open, and streams of a caller to two services are being filled. */
async function endAll (t: ExecutionContext, { init, prepare = bless, end, after, pauseMs = PAUSE_MS, stands, stay, kills }: Ending): Promise<void> {
  await using scene = await BlessedScene.start(init)
  await using remote = await RemotePeer.start()
  const running = { scene, remote }
  const { world, programs: { caller, other }, daemon } = scene
  await prepare(running)
  await scene.bless('other', ['provideService'], ['/other/', '/search/'])
  await using things = await OpenThings.open(scene, remote, { stay })
  const path = join(world.homeOf(OTHER), 'h')
  await other.listen('h', path, 0o755)
  t.is((await scene.act('other', streamHandler(unix(path), '/other/1.0.0'))).error, '')
  t.regex((await scene.act('other', accept('/search/2.0.0'))).error, /the service search is app's, which handles \/search\/1\.0\.0/)
  const transfers = ['/search/1.0.0', '/other/1.0.0'].map(async proto => await caller.exchange(world.socketOf('caller'), streamOpen(daemon, proto), BYTES, pauseMs))
  const [cut, whole] = transfers
  cut?.catch(() => {})
  whole?.catch(() => {})
  await until('bytes of another\'s transfer', async () => (await other.seen('h')).bytes > MiB)

  const [began, decided] = await end(running)
  const ended = await things.ended(began)
  const { endedAt, received, sent } = await cut ?? t.fail()
  const last = Math.max(...ended.map(([, ms]) => ms))
  t.log(`${ended.length} things over after ${last} ms at most, a transfer after ${endedAt - began} ms${decided > began ? `, decided after ${decided - began} ms` : ''}`)
  t.true(ended.length >= THINGS - (stay === undefined ? 0 : 2))
  for (const [what, ms] of [...ended, ['the transfer', endedAt - began] as const]) t.true(ms >= 0 && ms <= decided - began + REVOKED_MS, `${what}: ${ms} ms`)
  t.true((sent?.bytes ?? 0) < BYTES && (received?.bytes ?? 0) === 0, 'it was under way')

  after?.(running)
  if (stands === undefined) await until('the socket to be gone', () => !scene.hasSocket('app'), REVOKED_MS)
  await until('the names to be free', async () => (await scene.services()).every(({ owner }) => owner !== 'app'))
  for (const name of NAMES) t.regex((await caller.askOne(world.socketOf('caller'), streamOpen(daemon, name, 2))).error, /^no provider: nobody serves /, name)
  t.is((await scene.act('other', accept('/search/2.0.0'))).error, '', 'the name is another\'s now')
  t.regex((await act(scene)).error, stands === undefined ? /app has no blessing|no blessing of app (?:that )?covers it/ : /own policies do not allow it|EACCES/)
  const spared = await whole ?? t.fail()
  if (kills === undefined) {
    t.deepEqual([spared.end, spared.text, spared.sent?.bytes], ['end', JSON.stringify(spared.sent), BYTES])
    t.is((await scene.host()).crashes, 0)
  } else {
    const again = await until('another\'s service again', async () => {
      const { text, sent: given } = await caller.exchange(world.socketOf('caller'), streamOpen(daemon, '/other/1.0.0'), MiB)
      return given !== undefined && text === JSON.stringify(given)
    })
    t.true(again)
  }
}

async function act (scene: BlessedScene): Promise<Answer> {
  return await scene.act('app', accept('/search/9.0.0'))
}

/** By its command: from the beginning on. */
async function commanded (change: () => Promise<unknown>): Promise<[began: number, decided: number]> {
  const began = Date.now()
  await change()
  return [began, began]
}

/** By a reload, which first reads and tries all there is. */
async function reloaded ({ scene }: Running): Promise<[began: number, decided: number]> {
  const began = Date.now()
  await scene.world.reload()
  return [began, Date.now()]
}

test.serial('threat 26: taken back by an operator: every stream both ways, every name, wait and connection has ended within a second; another\'s transfer is whole', async t => {
  await endAll(t, { end: async ({ scene }) => await commanded(async () => { await scene.unbless('app') }) })
})

test.serial('threat 26: taken back with p2pctl, a second has not passed when it returns and all has ended', async t => {
  await endAll(t, {
    end: async ({ scene: { world } }) => await commanded(async () => {
      await promisify(execFile)(P2PCTL, ['unbless', 'app', '--tenants', world.tenantsDir, '--state', world.stateDir, '--run', world.runDir])
    })
  })
})

/** The shortest blessing that can be given lasts a minute: this is what it is when most of that is over. */
function expiring (): Required<Pick<Ending, 'pauseMs' | 'prepare' | 'end'>> {
  let expires = 0
  return {
    pauseMs: SLOW_MS,
    prepare: async ({ scene, remote }) => {
      await bless({ scene, remote })
      await scene.world.stop()
      expires = Math.ceil(Date.now() / 1000) + SHORT_SECONDS
      const file = join(scene.world.stateDir, 'blessings.json')
      const state = JSON.parse(readFileSync(file, 'utf8')) as { grants: Grant[] }
      writeFileSync(file, JSON.stringify({ ...state, grants: state.grants.map(grant => ({ ...grant, notBefore: expires - 60, expires })) }))
      await scene.world.serve()
    },
    end: async () => [expires * 1000, expires * 1000]
  }
}

test.serial('threat 26: at the end of its time, by the clock: nothing has ended before, and all has within a second', async t => {
  await endAll(t, expiring())
})

test.serial('threat 26: at the end of its time, also where nobody says so: while the supervisor stands still the daemon\'s host knows by itself', async t => {
  const { end, ...clock } = expiring()
  await endAll(t, {
    ...clock,
    end: async running => {
      process.kill(running.scene.world.pid, 'SIGSTOP')
      return await end(running)
    },
    after: ({ scene }) => { process.kill(scene.world.pid, 'SIGCONT') }
  })
})

test.serial('threat 26: forbidden to the app by a change of policy', async t => {
  await endAll(t, {
    stands: true,
    stay: true,
    end: async running => {
      running.scene.world.writePolicy('all.cedar', `${ALLOW_ALL}@id("never") forbid (principal == Tenant::"app", action == Action::"actForDaemon", resource);\n`)
      return await reloaded(running)
    }
  })
})

test.serial('threat 26: no longer said by the manifest', async t => {
  const app = { uid: APP, blessed: [{ actions: ['provideService', 'openStream', 'connect'], resources: ['*'] }] }
  await endAll(t, {
    init: { tenants: { app, other: { uid: OTHER }, caller: { uid: CALLER } } },
    prepare: async () => {},
    end: async running => {
      running.scene.world.declare('app', { uid: APP })
      return await reloaded(running)
    }
  })
})

test.serial('threat 26: of a tenant that is another user\'s from now on: what the user before has open ends, and so does what was registered', async t => {
  await endAll(t, {
    stands: true,
    end: async running => {
      running.scene.world.declare('app', { uid: NEXT })
      return await reloaded(running)
    }
  })
})

test.serial('threat 26: taken back while the daemon\'s own host answers nobody: it is killed in time, and what is another\'s is there again', async t => {
  await endAll(t, {
    kills: true,
    end: async ({ scene }) => {
      const pid = await scene.hostPid()
      return await commanded(async () => {
        process.kill(pid, 'SIGSTOP')
        await scene.unbless('app')
      })
    }
  })
})

test.serial('threat 19: a tenant that is another user\'s from now on has no handlers of the user before, who hears nothing of its streams any more', async t => {
  await using scene = await BlessedScene.start()
  const { world, programs: { app, caller } } = scene
  const path = join(world.homeOf(APP), 'h')
  await app.listen('h', path, 0o777)
  const port = await app.listen('p', { host: '127.0.0.1', port: 0 })
  for (const [address, proto] of [[unix(path), '/unix/1'], [socketBytes(port), '/tcp/1']] as const) t.is((await app.askOne(world.socketOf('app'), streamHandler(address, proto))).error, '')
  const id = await world.peerBytesOf('app')
  const sent = async (proto: string): Promise<string> => (await caller.exchange(world.socketOf('caller'), streamOpen(id, proto, 5), 1_000)).text
  for (const proto of ['/unix/1', '/tcp/1']) t.not(await sent(proto), '')
  world.declare('app', { uid: NEXT })
  await world.reload()
  t.true((await (await world.program(NEXT)).askOne(world.socketOf('app'), identify())).ok)
  for (const proto of ['/unix/1', '/tcp/1']) t.is(await sent(proto), '')
  t.deepEqual([(await app.seen('h')).accepted, (await app.seen('p')).accepted], [1, 1])
  t.is((await world.tenant('app')).figures?.handlers, 0)
})

test.serial('threat 26: a daemon that stops takes as-daemon.sock away once, and makes none again', async t => {
  await using scene = await BlessedScene.start()
  for (const name of ['app', 'other']) await scene.bless(name, ['listPeers'], ['own'])
  const changes: string[] = []
  using stack = new DisposableStack()
  for (const name of ['app', 'other']) {
    const watcher = watch(join(scene.world.runDir, name), (_, file) => { if (file !== name) changes.push(`${name} ${file}`) }) // the directory itself goes, too
    stack.defer(() => { watcher.close() })
  }
  await scene.world.stop()
  const all = ['app as-daemon.sock', 'app p2pd.sock', 'other as-daemon.sock', 'other p2pd.sock']
  await until('what has changed', () => all.every(file => changes.includes(file)))
  t.deepEqual(changes.toSorted(), all)
})
