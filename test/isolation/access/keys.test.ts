/** Keys at rest: who can read them, what they are bound to, and whose they are when names and users come back. */
import test from 'ava'
import { execFileSync } from 'node:child_process'
import { lstatSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Level } from 'level'
import { identify, streamHandler } from '../../helpers/requests.ts'
import { unix } from '../../helpers/addresses.ts'
import { UIDS, World } from '../world.ts'
import { whoIs } from './scene.ts'

const [A, B] = [41001, 41002]
const TENANTS = { a: { uid: A }, b: { uid: B } }
/** Of an Ed25519 key in the PrivateKey protobuf: after type and length, before the public key. */
const SEED = { begin: 4, end: 36 }

function below (directory: string): string[] {
  return [directory, ...readdirSync(directory, { recursive: true, encoding: 'utf8' }).map(name => join(directory, name))]
}

/** Their hosts run. */
async function running (): Promise<World> {
  const world = await World.start({ tenants: TENANTS })
  for (const [name, { uid }] of Object.entries(TENANTS)) await whoIs(await world.program(uid), world.socketOf(name))
  return world
}

test.serial('threat 17: no user but the operator reads, lists or changes anything in the state tree, nor makes, moves or removes anything in the run tree', async t => {
  await using world = await running()
  const services = await Promise.all([world.serviceUidOf('a'), world.serviceUidOf('b')])
  t.false(services.includes(0), 'hosts have users of their own')
  const [state, run] = [below(world.stateDir), below(world.runDir)]
  t.true(state.length > 5)
  for (const uid of [...UIDS, ...services, 65534]) {
    const program = await world.program(uid)
    const codes = new Map<string, unknown>()
    const attempt = async (call: string, ...args: unknown[]): Promise<void> => {
      const { code, value } = await program.attempt(call, ...args)
      if (code !== 'EACCES' && code !== 'EPERM') codes.set(`${call} ${args.join(' ')}`, code ?? value)
    }
    for (const path of state) {
      const isDirectory = lstatSync(path).isDirectory()
      for (const call of isDirectory ? ['fs.readdirSync', 'fs.rmdirSync'] : ['fs.readFileSync', 'fs.unlinkSync']) await attempt(call, path)
      await attempt('fs.writeFileSync', isDirectory ? join(path, 'mine') : path, '')
      await attempt('fs.renameSync', path, `${path}.old`)
      await attempt('fs.chmodSync', path, 0o777)
    }
    for (const path of run) {
      await attempt('fs.renameSync', path, `${path}.old`)
      if (lstatSync(path).isDirectory()) await attempt('fs.writeFileSync', join(path, 'mine'), '')
      else await attempt('fs.unlinkSync', path)
    }
    t.deepEqual([...codes], [], `as uid ${uid}`)
    await program.kill()
  }
})

test.serial('threat 17: with the sealed values of tenants exchanged no tenant gets the other\'s identity: both say what is wrong', async t => {
  for (const kind of ['key!', 'tenant!']) {
    await using world = await running()
    const ids = [await world.peerIdOf('a'), await world.peerIdOf('b')]
    t.is(await world.stop(), 0)
    const level = new Level<string, Uint8Array>(join(world.stateDir, 'keystore'), { keyEncoding: 'utf8', valueEncoding: 'view', createIfMissing: false })
    const entries = await level.iterator({ gte: kind, lt: `${kind}~` }).all()
    t.is(entries.length, 3, 'theirs, and the daemon\'s')
    const rotated = entries.map(([key], i): { type: 'put', key: string, value: Uint8Array } => ({ type: 'put', key, value: entries[(i + 1) % 3]?.[1] ?? new Uint8Array() }))
    await level.batch(rotated, { sync: true })
    await level.close()
    await world.serve()
    for (const [name, { uid }] of Object.entries(TENANTS)) {
      const { ok, error, raw } = await (await world.program(uid)).askOne(world.socketOf(name), identify())
      t.false(ok)
      t.regex(error, /belongs elsewhere/)
      t.is((await world.tenant(name)).peerId, undefined)
      // Its own is named, as what it should have; the other's is not.
      for (const id of ids) t.is(raw.includes(id), id === ids[Object.keys(TENANTS).indexOf(name)])
    }
  }
})

test.serial('threat 17: the raw seed of a running tenant\'s key is in no file of the state and run trees, and in no environment or command line', async t => {
  await using world = await running()
  const seeds = Object.keys(TENANTS).map(name => {
    const file = join(world.directory, `${name}.key`)
    world.ctl('key', 'export', name, file)
    return readFileSync(file).subarray(SEED.begin, SEED.end)
  })
  const forms = seeds.flatMap(seed => [seed, ...(['hex', 'base64', 'base64url'] as const).map(encoding => Buffer.from(seed.toString(encoding).replace(/=+$/, '')))])
  const files = [...below(world.stateDir), ...below(world.runDir)].filter(path => lstatSync(path).isFile())
  const processes = world.pids.flatMap(pid => ['environ', 'cmdline'].map(name => `/proc/${pid}/${name}`))
  t.true(files.length > 5 && processes.length >= 6)
  for (const path of [...files, ...processes]) {
    const bytes = readFileSync(path)
    for (const form of forms) t.false(bytes.includes(form), path)
  }
  t.true(readFileSync(join(world.directory, 'a.key')).includes(forms[0] ?? ''), 'it would be found')
  t.false(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).includes(String(forms[1])))
})

test.serial('threat 19: a name or a user that comes back gets the identity it had only where the operator has kept the key', async t => {
  await using world = await running()
  const [first, other] = [await world.peerIdOf('a'), await world.peerIdOf('b')]
  const app = await world.program(A)
  await app.listen('h', join(world.homeOf(A), 'h'))
  t.true((await app.askOne(world.socketOf('a'), streamHandler(unix(join(world.homeOf(A), 'h')), '/old'))).ok)
  const had = new Set([first, other])
  const isNew = async (name: string): Promise<void> => {
    const id = await world.peerIdOf(name)
    t.false(had.has(id))
    had.add(id)
    t.deepEqual((await whoIs(app, world.frontDesk)).id, await world.peerBytesOf(name))
  }
  const add = (name: string): void => { world.ctl('tenant', 'add', name, '--user', String(A), '--listen', '/ip4/127.0.0.1/tcp/0') }

  world.ctl('tenant', 'remove', 'a', '--forget-key')
  add('a')
  await isNew('a')
  t.is((await world.tenant('a')).figures?.handlers, 0, 'what the old one handled is not handled by the new one')
  // The same user, as another tenant, while the key of the first is kept.
  world.ctl('tenant', 'remove', 'a')
  add('c')
  await isNew('c')
  // The key that was kept is forgotten before the name comes back.
  world.ctl('tenant', 'remove', 'c')
  world.ctl('key', 'remove', 'c')
  add('c')
  await isNew('c')
  // By manifests alone, without p2pctl: a name that was never there.
  world.undeclare('c')
  world.declare('d', { uid: A })
  await world.reload()
  await isNew('d')

  // Kept on purpose: the name brings it back, through a restart too, and nobody else's has changed.
  const kept = await world.peerIdOf('d')
  world.ctl('tenant', 'remove', 'd')
  add('d')
  t.is(await world.peerIdOf('d'), kept)
  await world.stop()
  await world.serve()
  t.is(await world.peerIdOf('d'), kept)
  t.is(await world.peerIdOf('b'), other)
})
