/** Connecting with another user's rights, as the supervisor does it for hosts; root's own rights are back after each. */
import test from 'ava'
import { chmodSync, chownSync, closeSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { unix } from '../helpers/addresses.ts'
import { credentialsOf } from '../../src/os/credentials.ts'
import { connectAs } from '../../src/os/dialling.ts'
import { rightsOf } from '../../src/os/rights.ts'
import { listenUnix } from '../../src/os/listening.ts'
import { Scene, MALLORY } from './access/scene.ts'

const [USER, OTHER, GROUP] = [41001, 41002, 41100]
const directory = mkdtempSync(join(tmpdir(), 'p2pd-'))
chmodSync(directory, 0o755)
test.after.always(() => { rmSync(directory, { recursive: true, force: true }) })

/** A socket of that owner and mode, in a directory of its own. */
function socketOf (name: string, { uid, gid = uid, mode, directoryMode = 0o755 }: { uid: number, gid?: number, mode: number, directoryMode?: number }): { path: string } & Disposable {
  const home = join(directory, name)
  mkdirSync(home)
  const path = join(home, 's')
  const fd = listenUnix(path, { mode: 0o600 })
  chownSync(path, uid, gid)
  chmodSync(path, mode)
  chownSync(home, uid, gid)
  chmodSync(home, directoryMode)
  return { path, [Symbol.dispose]: () => { closeSync(fd) } }
}

for (const [name, socket, rights, outcome] of [
  ['own and private', { uid: USER, mode: 0o600, directoryMode: 0o700 }, { uid: USER, gid: USER }, 'connected'],
  ['own with an ordinary mode', { uid: USER, mode: 0o755 }, { uid: USER, gid: USER }, 'connected'],
  ['own and closed to oneself', { uid: USER, mode: 0o077 }, { uid: USER, gid: USER }, 'EACCES'],
  ['another\'s with an ordinary mode', { uid: OTHER, mode: 0o755 }, { uid: USER, gid: USER }, 'EACCES'],
  ['another\'s in a private directory', { uid: OTHER, mode: 0o777, directoryMode: 0o700 }, { uid: USER, gid: USER }, 'EACCES'],
  ['another\'s, open to one\'s group', { uid: OTHER, gid: GROUP, mode: 0o660 }, { uid: USER, gid: GROUP }, 'connected'],
  ['another\'s, open to a group of others', { uid: OTHER, gid: GROUP, mode: 0o660 }, { uid: USER, gid: USER }, 'EACCES'],
  ['root\'s', { uid: 0, mode: 0o755 }, { uid: USER, gid: USER }, 'EACCES'],
  ['root\'s, open to its group', { uid: 0, mode: 0o770 }, { uid: USER, gid: USER }, 'EACCES'],
  ['another\'s and private, by root', { uid: OTHER, mode: 0o600, directoryMode: 0o700 }, { uid: 0, gid: 0 }, 'connected']
] as const) {
  test.serial(`a socket that is ${name}: ${outcome}`, t => {
    using made = socketOf(name, socket)
    const dialled = connectAs(rights, made.path)
    if ('fd' in dialled) {
      t.is(credentialsOf(dialled.fd).pid, process.pid)
      closeSync(dialled.fd)
    }
    t.is('fd' in dialled ? 'connected' : dialled.code, outcome)
    const { uids, gids, capabilities } = rightsOf('self')
    t.deepEqual([uids, gids], [[0, 0, 0, 0], [0, 0, 0, 0]])
    t.true((capabilities[2] ?? 0n) > 0n, 'and so are its capabilities')
  })
}

test.serial('what is no socket, and what is not there, is an errno', t => {
  const file = join(directory, 'file')
  writeFileSync(file, '')
  chownSync(file, USER, USER)
  t.deepEqual(connectAs({ uid: USER, gid: USER }, file), { code: 'ECONNREFUSED' })
  t.deepEqual(connectAs({ uid: USER, gid: USER }, join(directory, 'nothing')), { code: 'ENOENT' })
})

test.serial('a listener that has too many waiting is EAGAIN at once', t => {
  using made = socketOf('full', { uid: USER, mode: 0o600 })
  const fds: number[] = []
  for (;;) {
    const dialled = connectAs({ uid: USER, gid: USER }, made.path)
    if ('code' in dialled) {
      t.is(dialled.code, 'EAGAIN')
      break
    }
    fds.push(dialled.fd)
  }
  t.true(fds.length > 0)
  for (const fd of fds) closeSync(fd)
})

for (const [mode, homeMode] of [[0o755, 0o755], [0o755, 0o700], [0o600, 0o700], [0o600, 0o711]] as const) {
  test.serial(`a classic handler's socket with mode ${mode.toString(8)} in its user's directory with mode ${homeMode.toString(8)} gets its streams, whole`, async t => {
    await using scene = await Scene.start()
    const { mallory, world } = scene
    const path = join(world.homeOf(MALLORY), 'handler')
    await mallory.listen('handler', path, mode)
    await mallory.attempt('fs.chmodSync', world.homeOf(MALLORY), homeMode)
    t.is((await scene.register(unix(path), '/classic')).error, '')
    for (const bytes of [0, 1, 1_000_000]) {
      const { sent, text } = await scene.open('/classic', bytes)
      t.deepEqual(JSON.parse(text), sent)
    }
  })
}

test.serial('a handler that is busy is tried again until it accepts', async t => {
  await using scene = await Scene.start()
  const { mallory, world } = scene
  const path = join(world.homeOf(MALLORY), 'busy')
  await mallory.listen('busy', path, 0o600)
  t.is((await scene.register(unix(path), '/busy')).error, '')
  process.kill(mallory.pid, 'SIGSTOP')
  const waiting = Array.from({ length: 4_200 }, () => connectAs({ uid: MALLORY, gid: MALLORY }, path)).flatMap(dialled => 'fd' in dialled ? [dialled.fd] : [])
  t.true(waiting.length < 4_200, 'its backlog is full')
  const opened = scene.open('/busy')
  await delay(500) // it has been refused some times by now
  process.kill(mallory.pid, 'SIGCONT')
  const { sent, text } = await opened
  t.deepEqual(JSON.parse(text), sent)
  for (const fd of waiting) closeSync(fd)
})
