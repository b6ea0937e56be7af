/** Who hosts and supervisor are, by the kernel's word: in both postures, from wherever p2pd is installed. */
import test from 'ava'
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DEFAULT_SERVICE_UIDS, isIn } from '../../src/config/uidRange.ts'
import { CONTROL_FD, LINK_FD, PASSING_FD } from '../../src/link.ts'
import { rightsOf } from '../../src/os/rights.ts'
import { Child } from '../helpers/child.ts'
import { until } from '../helpers/deadlines.ts'
import { connect, identify, streamOpen } from '../helpers/requests.ts'
import { whoIs } from './access/scene.ts'
import { Directories } from './directories.ts'
import { Program, World } from './world.ts'

const P2PCTL = fileURLToPath(new URL('../../bin/p2pctl', import.meta.url))
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const [A, B, USER] = [41001, 41002, 41003]
const ALWAYS = { host: { start: 'always' } }

function limit (pid: number, name: string): string[] {
  return (new RegExp(`^${name} +(\\S+) +(\\S+)`, 'm').exec(readFileSync(`/proc/${pid}/limits`, 'utf8')) ?? []).slice(1)
}

function environment (pid: number): string[] {
  return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').filter(entry => entry !== '')
}

/** What it has open besides what Node makes for itself. */
function openFiles (pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).filter(fd => Number(fd) > 2).map(fd => readlinkSync(`/proc/${pid}/fd/${fd}`)).filter(path => path.startsWith('/') && path !== '/dev/null')
}

test.serial('each host is a user of its own in every thread, with no group, capability or way to more, and nothing of root\'s at hand', async t => {
  process.env['P2PD_TEST_SECRET'] = 'not for hosts'
  await using world = await World.start({ tenants: { a: { uid: A, ...ALWAYS, limits: { descriptors: 300 } }, b: { uid: B, ...ALWAYS } } })
  delete process.env['P2PD_TEST_SECRET']
  const pids = [await world.hostPid('a'), await world.hostPid('b')]
  const services = pids.map(pid => {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const { uids, gids, groups, capabilities, noNewPrivileges } = rightsOf(`${pid}/task/${thread}`)
      const [uid = 0] = uids
      t.true(isIn(DEFAULT_SERVICE_UIDS, uid))
      t.deepEqual([uids, gids, groups, capabilities, noNewPrivileges], [[uid, uid, uid, uid], [uid, uid, uid, uid], [], [0n, 0n, 0n, 0n], true])
    }
    t.is(readlinkSync(`/proc/${pid}/cwd`), '/')
    t.regex(readFileSync(`/proc/${pid}/status`, 'utf8'), /^Umask:\s+0077$/m)
    t.deepEqual(limit(pid, 'Max core file size'), ['0', '0'])
    t.deepEqual(limit(pid, 'Max processes'), ['64', '64'])
    t.deepEqual(environment(pid).filter(entry => !/^(?:NODE_COMPILE_CACHE|PATH|TZ|LANG|P2PD_LOG|DEBUG)=/.test(entry)), [])
    t.deepEqual(openFiles(pid), [])
    for (const fd of [LINK_FD, CONTROL_FD, PASSING_FD]) t.regex(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'), /^flags:\s+02/m, 'it is closed on exec')
    return rightsOf(pid).uids[1]
  })
  t.is(new Set(services).size, 2)
  t.deepEqual(limit(pids[0] ?? 0, 'Max open files'), ['300', '300'])
  t.true(rightsOf(world.pid).noNewPrivileges)
  t.deepEqual(rightsOf(world.pid).groups, [])
  const { tenants } = await world.status() as unknown as { tenants: Array<{ isolation: { level: string, why: string } }> }
  t.deepEqual(tenants.map(({ isolation }) => isolation.level), ['L3', 'L3'])
  t.regex(tenants[0]?.isolation.why ?? '', new RegExp(`uid ${A} is its app's alone; its host runs as uid ${services[0]}, which is nobody else's`))
  t.regex(world.ctl('status'), /^a +12D3\S+ +running +L3 /m)
})

test.serial('a service uid is a tenant\'s for good: over restarts of host and daemon, and never another\'s, also when the tenant has gone', async t => {
  await using world = await World.start({ tenants: { a: { uid: A, ...ALWAYS }, b: { uid: B, ...ALWAYS } } })
  const [a, b] = [await world.serviceUidOf('a'), await world.serviceUidOf('b')]
  await world.ask('POST', '/v1/tenants/a/restart')
  t.is(await world.serviceUidOf('a'), a)
  await world.stop()
  await world.serve()
  t.deepEqual([await world.serviceUidOf('a'), await world.serviceUidOf('b')], [a, b])
  world.undeclare('b')
  await world.reload()
  world.ctl('key', 'remove', 'b')
  world.declare('b', { uid: B, ...ALWAYS })
  world.declare('c', { uid: USER, ...ALWAYS })
  await world.reload()
  const later = [await world.serviceUidOf('b'), await world.serviceUidOf('c')]
  t.is(new Set([a, b, ...later]).size, 4, 'who comes back under the name is another tenant')
})

test.serial('a service uid is nobody at the sockets: its tenant\'s, the front desk\'s and the operator\'s refuse it', async t => {
  await using world = await World.start({ tenants: { a: { uid: A, ...ALWAYS } } })
  const program = await world.program(await world.serviceUidOf('a'))
  for (const socket of [world.socketOf('a'), world.admin]) chmodSync(socket, 0o666)
  t.regex((await program.askOne(world.socketOf('a'), identify())).error, /may not use tenant a's socket/)
  t.regex((await program.askOne(world.frontDesk, identify())).error, /no tenant for uid/)
  t.false((await program.askOne(world.admin, identify())).ok)
})

test.serial('a range that cannot be is a fault: another\'s uids, an app\'s, a file that was damaged; and it is told before anything is made', async t => {
  for (const [range, wanted] of [['0-10', /uid 0, root/], ['1-5', /which is the user \w+'s/], ['9-3', /must be FIRST-LAST/], [`${A}-${A}`, /a\.yaml: app: uid 41001 is one of those that hosts run under/]] as const) {
    await using world = World.prepare({ tenants: { a: { uid: A } }, args: ['--service-uids', range] })
    t.regex(String(await t.throwsAsync(world.serve())), wanted)
  }
  await using world = await World.start({ tenants: { a: { uid: A, ...ALWAYS } }, args: ['--service-uids', '7000-7009'] })
  t.is(await world.serviceUidOf('a'), 7000)
  await world.stop()
  writeFileSync(join(world.stateDir, 'service-uids.json'), '{')
  t.regex(String(await t.throwsAsync(world.serve())), /service-uids\.json: cannot be used .*restore it from a backup/)
})

test.serial('a port that only root could listen on is refused with the mend, and the daemon goes on', async t => {
  await using world = await World.start({ tenants: { a: { uid: A, host: { listen: ['/ip4/127.0.0.1/tcp/443'], start: 'always' } }, b: { uid: B, ...ALWAYS } } })
  const reason = await until('why it cannot run', async () => (await world.tenant('a') as unknown as { reason?: string }).reason)
  t.regex(reason, /host\.listen: \/ip4\/127\.0\.0\.1\/tcp\/443: hosts do not run as root and cannot listen below port 1024: name a higher one, or `sysctl/)
  t.true(await world.hostPid('b') > 0)
})

/** `p2pd serve` on directories of its own, with this checkout mounted at `at`, as that user. */
async function serveFrom (at: string, uid: number, tenants: Readonly<Record<string, { uid: number }>>): Promise<{ directories: Directories, child: Child } & AsyncDisposable> {
  const directories = new Directories(tenants, { 'all.cedar': 'permit (principal, action, resource);\n' })
  mkdirSync(at, { recursive: true })
  chownSync(directories.directory, uid, uid)
  const flags = ['--tenants', directories.tenantsDir, '--policy', directories.policyDir, '--state', directories.stateDir, '--run', directories.runDir]
  const script = `mount --bind '${ROOT}' '${at}' && exec setpriv --reuid ${uid} --regid ${uid} --clear-groups '${at}/bin/p2pd' serve ${flags.join(' ')}`
  const child = new Child('unshare', ['--mount', 'sh', '-c', script])
  await child.printed(/"event":"ready"/, 'the daemon to be ready', 30_000)
  return { directories, child, [Symbol.asyncDispose]: async () => { await child.stop(); directories.remove() } }
}

function hostsOf ({ pid }: Child): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(word => word !== '').map(Number)
}

test.serial('it serves from a checkout that nobody but root can read: hosts have loaded all they need before they are somebody else', async t => {
  const home = mkdtempSync(join(tmpdir(), 'p2pd-'))
  t.teardown(() => { rmSync(home, { recursive: true, force: true }) })
  await using service = await serveFrom(join(home, 'p2pd'), 0, { a: { uid: A }, b: { uid: B } })
  await using a = await Program.start(A)
  await using b = await Program.start(B)
  t.is((await a.attempt('fs.readdirSync', home)).code, 'EACCES')
  const { directories } = service
  const [socketA, socketB] = [directories.socketOf('a'), directories.socketOf('b')]
  const { id, addrs } = await whoIs(b, socketB)
  t.is((await a.askOne(socketA, connect(id, addrs))).error, '')
  t.regex((await a.askOne(socketA, streamOpen(id, '/nobody/1'))).error, /it speaks none of/, 'noise, yamux and negotiation work, and so does policy')
  t.true(hostsOf(service.child).every(pid => isIn(DEFAULT_SERVICE_UIDS, rightsOf(pid).uids[1] ?? 0)))
  t.notRegex(service.child.stderr, /EACCES/)
})

test.serial('without root it is one user with its hosts, says so, and is not to be traced or dumped all the same', async t => {
  const place = mkdtempSync(join(tmpdir(), 'p2pd-'))
  chmodSync(place, 0o755)
  t.teardown(() => { rmSync(place, { recursive: true, force: true }) })
  await using service = await serveFrom(join(place, 'p2pd'), USER, { a: { uid: USER } })
  await using program = await Program.start(USER)
  await whoIs(program, service.directories.socketOf('a'))
  for (const pid of [service.child.pid, ...hostsOf(service.child)]) {
    t.deepEqual(rightsOf(pid).uids, [USER, USER, USER, USER])
    t.true(rightsOf(pid).noNewPrivileges)
    t.deepEqual(limit(pid, 'Max core file size'), ['0', '0'])
    for (const file of ['mem', 'environ', 'maps']) t.regex((await program.attempt('fs.readFileSync', `/proc/${pid}/${file}`)).code ?? 'read', /EACCES|EPERM/, file)
  }
  t.is(hostsOf(service.child).length, 1)
  const { directories } = service
  const status = execFileSync(P2PCTL, ['status', '--tenants', directories.tenantsDir, '--state', directories.stateDir, '--run', directories.runDir], { encoding: 'utf8' })
  t.regex(status, new RegExp(`^a is at L0: its app runs as uid ${USER}, as p2pd itself does: the kernel keeps nothing from it; its host runs as uid ${USER}, which it shares`, 'm'))
})
