/** What others put where the daemon makes its sockets, keys, locks and logs, before it starts. */
import test from 'ava'
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, lchownSync, lstatSync, mkdirSync, readFileSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { World } from '../world.ts'

const PLANTER = 41001
const TENANTS = { a: { uid: 41002 } }

/** Everything about what is in a directory, but for when it was last read. */
function snapshot (directory: string): unknown {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).toSorted().map(name => {
    const path = join(directory, name)
    const stat = lstatSync(path)
    const { mode, uid, gid, size, mtimeMs, ctimeMs } = stat
    const held = stat.isSymbolicLink() ? readlinkSync(path) : stat.isFile() ? readFileSync(path, 'utf8') : ''
    return { name, mode, uid, gid, size, mtimeMs, ctimeMs, held }
  })
}

/** Each is made at `path`; `outside` is a directory that is nobody's business of the daemon's. */
const PLANTS: Readonly<Record<string, (path: string, outside: string) => void>> = {
  'a link to a file' (path, outside) { symlinkSync(join(outside, 'file'), path) },
  'a link to nothing' (path, outside) { symlinkSync(join(outside, 'nothing'), path) },
  'a link to a directory' (path, outside) { symlinkSync(join(outside, 'directory'), path) },
  'a link to a private directory' (path, outside) { symlinkSync(join(outside, 'private'), path) },
  'a fifo' (path) { execFileSync('mkfifo', [path]) },
  'a directory' (path, outside) {
    mkdirSync(path, { mode: 0o777 })
    symlinkSync(join(outside, 'file'), join(path, 'p2pd.sock'))
  },
  'a file' (path) { writeFileSync(path, 'planted') }
}

/** Where a daemon makes something, below its world's directory, found by looking at one. */
async function places (): Promise<string[]> {
  await using world = await World.start({ tenants: TENANTS })
  const names = (directory: string): string[] => readdirSync(join(world.directory, directory)).map(name => join(directory, name))
  return ['state', 'run', ...names('state'), ...names('run'), ...names('run/a')]
}

/** What went wrong with this plant at this place; nothing if all is as it should be. */
async function faultsOf (place: string, plant: (path: string, outside: string) => void): Promise<string[]> {
  let outside = ''
  await using world = World.prepare({
    tenants: TENANTS,
    before ({ directory }) {
      outside = join(directory, 'outside')
      for (const [name, mode] of [['directory', 0o755], ['private', 0o700]] as const) mkdirSync(join(outside, name), { recursive: true, mode })
      writeFileSync(join(outside, 'file'), 'precious')
      const path = join(directory, place)
      mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 })
      plant(path, outside)
      lchownSync(path, PLANTER, PLANTER)
    }
  })
  const before = JSON.stringify(snapshot(outside))
  const changed = (when: string): string[] => JSON.stringify(snapshot(outside)) === before ? [] : [`something outside has changed ${when}`]
  const refusal = await world.serve().then(() => undefined, (error: unknown) => String(error))
  if (refusal !== undefined) {
    const top = join(world.directory, ...place.split('/').slice(0, 2))
    return [...changed('by a start that was refused'), ...refusal.includes(top) ? [] : [`refused without naming it: ${refusal}`]]
  }
  // It has started: then what it uses is its own, and the planter can change nothing there.
  const sockets = [world.frontDesk, world.admin, world.socketOf('a')].filter(path => !lstatSync(path).isSocket())
  const directories = [world.stateDir, world.runDir, join(world.runDir, 'a')].filter(path => !lstatSync(path).isDirectory() || (lstatSync(path).mode & 0o022) !== 0)
  const made = [world.stateDir, world.runDir].flatMap(directory => readdirSync(directory, { recursive: true, encoding: 'utf8' }).map(name => join(directory, name)))
  const foreign = made.filter(path => lstatSync(path).uid === PLANTER)
  await world.stop()
  return [...changed('by a start'), ...[...sockets, ...directories, ...foreign].map(path => `started with ${path} as it is`)]
}

test('threat 5: whatever is planted where the daemon makes something, nothing outside its tree changes, and it starts on what is its own or says why not', async t => {
  t.timeout(300_000)
  const found = await places()
  for (const place of ['state/keystore', 'state/keystore.key', 'state/lock', 'run/lock', 'run/p2pd.sock', 'run/admin.sock', 'run/a', 'run/a/p2pd.sock']) t.true(found.includes(place), place)
  const faults: string[] = []
  for (const place of found) {
    for (const [kind, plant] of Object.entries(PLANTS)) {
      faults.push(...(await faultsOf(place, plant)).map(fault => `${kind} at ${place}: ${fault}`))
    }
  }
  t.deepEqual(faults, [])
})

test('threat 8: a start over directories that others own or can write in, and over their sockets, is refused with the reason, and brings their listeners nothing', async t => {
  const cases: ReadonlyArray<readonly [string, (world: World) => string]> = [
    ['the run directory belongs to another', ({ runDir }) => { mkdirSync(runDir); chownSync(runDir, PLANTER, PLANTER); return runDir }],
    ['the run directory can be written by all', ({ runDir }) => { mkdirSync(runDir); chmodSync(runDir, 0o777); return runDir }],
    ['the run directory can be written by a group', ({ runDir }) => { mkdirSync(runDir); chmodSync(runDir, 0o775); return runDir }],
    ['the state directory belongs to another', ({ stateDir }) => { mkdirSync(stateDir, 0o700); chownSync(stateDir, PLANTER, PLANTER); return stateDir }],
    ['the state directory can be written by all', ({ stateDir }) => { mkdirSync(stateDir); chmodSync(stateDir, 0o777); return stateDir }],
    ['a tenant\'s directory belongs to another', ({ runDir }) => { mkdirSync(join(runDir, 'a'), { recursive: true }); chownSync(join(runDir, 'a'), PLANTER, PLANTER); return join(runDir, 'a') }]
  ]
  for (const [what, prepare] of cases) {
    for (const socket of [undefined, 'run/p2pd.sock', 'run/admin.sock', 'run/a/p2pd.sock']) {
      const shown = `${what}, ${socket ?? 'no socket'}`
      let named = ''
      await using world = World.prepare({ tenants: TENANTS, before (here) { named = prepare(here) } })
      const planter = await world.program(PLANTER)
      if (socket !== undefined) {
        // Made in the planter's own place and put there: what matters is whose it is.
        const path = join(world.directory, socket)
        mkdirSync(join(path, '..'), { recursive: true })
        await planter.listen('planted', join(world.homeOf(PLANTER), 's'), 0o777)
        execFileSync('mv', [join(world.homeOf(PLANTER), 's'), path])
      }
      const refusal = await world.serve().then(() => undefined, (error: unknown) => String(error))
      if (refusal === undefined) {
        // Only where the daemon could make it right: nothing of the planter's is left in the way.
        t.is(lstatSync(join(world.runDir, 'a')).uid, 0, shown)
        t.is(lstatSync(world.socketOf('a')).uid, TENANTS.a.uid, shown)
        t.is((await planter.attempt('fs.rmSync', world.socketOf('a'))).code, 'EACCES', shown)
      } else {
        t.true(refusal.includes(named) || (socket !== undefined && refusal.includes(socket)), `${shown}: ${refusal}`)
      }
      if (socket !== undefined) t.is((await planter.seen('planted')).bytes, 0, shown)
      rmSync(named, { recursive: true, force: true })
    }
  }
})
