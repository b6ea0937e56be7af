/** The daemon's processes against the users around them: nobody reads, traces, signals or debugs them, and none leaves a core. */
import test from 'ava'
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, readlinkSync, statSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { until } from '../../helpers/deadlines.ts'
import { identify } from '../../helpers/requests.ts'
import { identityOf } from '../processes.ts'
import { UIDS, World } from '../world.ts'
import { whoIs } from './scene.ts'

const [A, B, STRANGER] = [41001, 41002, 41003]
const TENANTS = { a: { uid: A }, b: { uid: B } }
const TRACE = join(import.meta.dirname, '../children/trace.ts')

interface Pids { readonly supervisor: number, readonly a: number, readonly b: number }

async function running (): Promise<{ world: World, pids: Pids, services: Pids }> {
  const world = await World.start({ tenants: TENANTS })
  for (const [name, { uid }] of Object.entries(TENANTS)) await whoIs(await world.program(uid), world.socketOf(name))
  const [a, b, ofA, ofB] = [await world.hostPid('a'), await world.hostPid('b'), await world.serviceUidOf('a'), await world.serviceUidOf('b')]
  return { world, pids: { supervisor: world.pid, a, b }, services: { supervisor: 0, a: ofA, b: ofB } }
}

/** Ports that the process listens on, by the inodes of its sockets: proc_net(5). */
function listeningPorts (pid: number): string[] {
  const links = readdirSync(`/proc/${pid}/fd`).map(fd => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`)
    } catch {
      return '' // closed meanwhile
    }
  })
  const rows = ['tcp', 'tcp6'].flatMap(table => readFileSync(`/proc/net/${table}`, 'utf8').split('\n').slice(1)).map(line => line.trim().split(/\s+/))
  return rows.filter(([, , , state, , , , , , inode]) => state === '0A' && links.includes(`socket:[${inode}]`)).map(([, local = '']) => local).toSorted()
}

function limit (pid: number, name: string): string {
  return new RegExp(`^${name} +(\\S+)`, 'm').exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.[1] ?? ''
}

test.serial('threat 18: neither an app, nor its neighbour, nor another host\'s user, nor a stranger reads a host\'s or the supervisor\'s memory, environment or descriptors, or attaches to it', async t => {
  const { world, pids, services } = await running()
  await using _world = world
  for (const [name, pid] of Object.entries(pids)) {
    // The host's own user is on the list too: what got hold of that user elsewhere still does not get in.
    for (const uid of [A, B, STRANGER, services.a, services.b]) {
      const shown = `uid ${uid}, ${name}`
      t.not(uid, 0, 'hosts have users of their own')
      const program = await world.program(uid)
      for (const file of ['mem', 'environ', 'maps', 'auxv', 'stack', 'syscall', 'io']) {
        t.regex((await program.attempt('fs.readFileSync', `/proc/${pid}/${file}`)).code ?? 'read', /EACCES|EPERM/, `${shown}: ${file}`)
      }
      for (const link of ['cwd', 'exe', 'root', 'fd/4']) t.is((await program.attempt('fs.readlinkSync', `/proc/${pid}/${link}`)).code, 'EACCES', `${shown}: ${link}`)
      t.is((await program.attempt('fs.readdirSync', `/proc/${pid}/fd`)).code, 'EACCES', shown)
      await program.kill()
      const traced = JSON.parse(execFileSync(process.execPath, [TRACE, String(uid), String(uid), String(pid)], { encoding: 'utf8' })) as object
      t.deepEqual(traced, { pid, seize: 'EPERM', steal: 'EPERM' }, shown)
      const { stdout, stderr } = spawnSync('setpriv', ['--reuid', String(uid), '--regid', String(uid), '--clear-groups', 'gdb', '-nx', '-batch', '-p', String(pid)], { encoding: 'utf8' })
      t.regex(stdout + stderr, /Operation not permitted/, shown)
    }
  }
  // The same calls do work where they may: as root.
  t.deepEqual(JSON.parse(execFileSync(process.execPath, [TRACE, '0', '0', String(pids.a)], { encoding: 'utf8' })), { pid: pids.a, seize: 'ok', steal: 'ok' })
})

test.serial('threat 18: SIGUSR1 opens no debugger in the supervisor or a host: no port more is listened on, and both go on', async t => {
  const { world, pids } = await running()
  await using _world = world
  const app = await world.program(A)
  for (const pid of [pids.supervisor, pids.a]) {
    const before = listeningPorts(pid)
    process.kill(pid, 'SIGUSR1')
    // Answered after the signal came: whatever it was to do is done.
    for (let i = 0; i < 20; i++) t.true((await app.askOne(world.frontDesk, identify())).ok)
    t.deepEqual(listeningPorts(pid), before)
  }
  t.deepEqual([world.pid, await world.hostPid('a')], [pids.supervisor, pids.a])
  t.true(listeningPorts(pids.a).length > 0, 'its own port is found')
})

test.serial('threat 18: a host that is aborted leaves no core, and no process of the daemon may leave one, however high the limit was where it was started', async t => {
  execFileSync('prlimit', ['--pid', String(process.pid), '--core=unlimited'])
  const { world, pids } = await running()
  await using _world = world
  for (const pid of world.pids) {
    t.is(limit(pid, 'Max core file size'), '0')
    // What is not dumpable belongs to root in /proc, whoever it runs as: proc(5).
    t.is(statSync(`/proc/${pid}/environ`).uid, 0)
  }
  const cwd = readlinkSync(`/proc/${pids.a}/cwd`)
  const cores = (): string[] => readdirSync(cwd).filter(name => name.startsWith('core'))
  const before = cores()
  process.kill(pids.a, 'SIGABRT')
  await until('the host\'s end', () => !existsSync(`/proc/${pids.a}`))
  t.deepEqual(cores(), before)
  t.true((await (await world.program(A)).askOne(world.socketOf('a'), identify())).ok)
})

test.serial('threat 33: no app can signal a host, its own or another\'s, or the supervisor, or slow it down: EPERM for every signal', async t => {
  const tenants = Object.fromEntries(UIDS.map((uid, i) => [`t${i}`, { uid }]))
  await using world = await World.start({ tenants })
  const apps = await Promise.all(UIDS.map(async (uid, i) => {
    const app = await world.program(uid)
    await whoIs(app, world.socketOf(`t${i}`))
    return app
  }))
  const hosts = await Promise.all(Object.keys(tenants).map(async name => await world.hostPid(name)))
  const signals = [0, ...['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGABRT', 'SIGKILL', 'SIGUSR1', 'SIGUSR2', 'SIGTERM', 'SIGCONT', 'SIGSTOP', 'SIGTSTP'] as const]
  for (const app of apps) {
    for (const pid of [world.pid, ...hosts]) {
      for (const signal of signals) t.deepEqual(await app.attempt('process.kill', pid, signal), { code: 'EPERM' }, `uid ${app.uid}, ${signal}, pid ${pid}`)
      t.regex((await app.attempt('os.setPriority', pid, constants.priority.PRIORITY_LOW)).code ?? 'done', /EPERM|EACCES|ERR_SYSTEM_ERROR/)
    }
    // The same call does work where it may: on its own.
    t.deepEqual(await app.attempt('process.kill', app.pid, 0), { value: true })
  }
  t.deepEqual(await Promise.all(Object.keys(tenants).map(async name => await world.hostPid(name))), hosts)
  const users = hosts.map(pid => identityOf(pid))
  t.is(new Set(users.map(({ uids }) => uids[1])).size, UIDS.length, 'each host has a user of its own')
  for (const { uids, groups, capabilities } of users) {
    for (const uid of uids) t.false(uid === 0 || (UIDS as readonly number[]).includes(uid))
    t.false(groups.includes(0))
    t.is(capabilities, 0n)
  }
})
