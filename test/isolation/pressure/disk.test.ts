/** The disk of the state directory, full: what there is goes on, what is new is refused with the reason. */
import test, { type ExecutionContext } from 'ava'
import { mkdirSync, openSync, closeSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { identify } from '../../helpers/requests.ts'
import type { Program, World } from '../world.ts'
import { inWorld } from './helpers.ts'
import { enterOwnNamespaces, run } from './namespaces.ts'

const [OLD, RENEWED, NEW] = [41001, 41002, 41003]
const WRITES = 100
const NO_SPACE = /no space left|ENOSPC/i

test.before(() => { enterOwnNamespaces() })

/** On a file system of 4 MiB for the state directory, which goes before the world does. */
async function onSmallDisk (t: ExecutionContext, use: (world: World) => Promise<void>): Promise<void> {
  let state = ''
  const before = (world: World): void => {
    state = world.stateDir
    mkdirSync(state, { mode: 0o700 })
    run('mount', '-t', 'tmpfs', '-o', 'size=4m,mode=0700', 'p2pd-test', state)
  }
  await inWorld(t, { tenants: { a: { uid: OLD }, b: { uid: RENEWED } }, before }, async world => {
    try {
      await use(world)
      await world.stop()
    } finally {
      run('umount', '--lazy', state)
    }
  })
}

test.serial(`threat 31: on a full disk ${WRITES} writes change nothing that they do not say, enrolment is refused with the reason, and the service goes on`, async t => {
  await onSmallDisk(t, async world => {
    const [a, b, c] = [await world.program(OLD), await world.program(RENEWED), await world.program(NEW)]
    const old = await whoIs(world, 'a', a)
    t.truthy(await whoIs(world, 'b', b))
    const ballast = fill(world.stateDir)

    let refused = 0
    for (let write = 0; write < WRITES; write++) {
      const before = await world.peerIdOf('b')
      const answer = await world.ask<{ peerId: string }>('POST', '/v1/keys/b/renew').catch((error: unknown) => String(error))
      if (typeof answer === 'string') {
        refused++
        t.regex(answer, NO_SPACE)
        t.is(await world.peerIdOf('b'), before)
        t.is(await keptIdentity(world, 'b'), before, `refused write ${write}: ${answer}`)
      } else {
        t.is(await world.peerIdOf('b'), answer.peerId)
      }
    }
    t.log(`${refused} of ${WRITES} renewals were refused`)
    t.true(refused > WRITES / 2)

    world.declare('c', { uid: NEW })
    const reloaded = await world.reload().then(() => '', (error: unknown) => String(error))
    const answered = reloaded === '' ? (await c.askOne(world.socketOf('c'), identify())).error : reloaded
    t.regex(answered, NO_SPACE)
    t.is(await whoIs(world, 'a', a), old)
    process.kill(await world.hostPid('a'), 'SIGKILL')
    t.is(await whoIs(world, 'a', a), old)

    rmSync(ballast)
    await world.reload()
    const enrolled = await whoIs(world, 'c', c)
    await world.audited('that something was missing, or why', ({ reason = '', dropped }) => NO_SPACE.test(reason) || dropped !== undefined)
    const kept = { a: old, b: await whoIs(world, 'b', b), c: enrolled }
    await world.stop()
    await world.serve()
    t.deepEqual({ a: await whoIs(world, 'a', a), b: await whoIs(world, 'b', b), c: await whoIs(world, 'c', c) }, kept)
  })
})

async function whoIs (world: World, tenant: string, program: Program): Promise<string> {
  const { response, error } = await program.askOne(world.socketOf(tenant), identify())
  if (response?.identify === undefined) throw new Error(`IDENTIFY on ${tenant}: ${error}`)
  return Buffer.from(response.identify.id).toString('hex')
}

/** As the keystore has it, whatever the tenant runs with. */
async function keptIdentity (world: World, tenant: string): Promise<string | undefined> {
  const keys = await world.ask<Array<{ name: string, peerId?: string }>>('GET', '/v1/keys')
  return keys.find(({ name }) => name === tenant)?.peerId
}

/** Writes until there is no room; the path of what fills it. */
function fill (directory: string): string {
  const path = join(directory, 'ballast')
  const fd = openSync(path, 'w', 0o600)
  try {
    for (let block = Buffer.alloc(64 * 1024, 1); block.length > 0;) {
      try {
        writeSync(fd, block)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
        block = block.subarray(0, block.length >> 1)
      }
    }
  } finally {
    closeSync(fd)
  }
  return path
}
