/** Connections that change hands, and pids that do: who opened a connection is who it counts as. */
import test from 'ava'
import { execFileSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { unix } from '../../helpers/addresses.ts'
import { identify, listPeers, streamHandler } from '../../helpers/requests.ts'
import { World } from '../world.ts'
import { MALLORY, Scene, VICTIM } from './scene.ts'

const REUSE = join(import.meta.dirname, '../children/pidReuse.ts')

test.serial('threat 10: a connection counts as the user who opened it, whoever holds it by now', async t => {
  await using world = await World.start({ tenants: { a: { uid: 41001 }, b: { uid: 41002 } } })
  chmodSync(world.socketOf('a'), 0o666)
  const [a, b] = await Promise.all([world.program(41001), world.program(41002)])
  const [idOfA, idOfB] = [await world.peerBytesOf('a'), await world.peerBytesOf('b')]

  // Opened by the tenant's own user: what was passed on is still the tenant's, at its socket and at the front desk.
  for (const [name, to] of [['own', world.socketOf('a')], ['desk', world.frontDesk]] as const) {
    await a.connect(name, to)
    await a.hand(name, b)
    const [answer] = await b.askOn(name, identify())
    t.deepEqual(answer?.response?.identify?.id, idOfA)
  }
  // Opened by another: no use of it by the tenant's own user makes it the tenant's.
  await b.connect('stolen', world.socketOf('a'))
  await b.hand('stolen', a)
  const [stolen, more] = await a.askOn('stolen', identify(), listPeers())
  for (const answer of [stolen, more]) {
    t.false(answer?.ok)
    t.false(answer?.raw.includes(Buffer.from(idOfA)))
  }
  await world.audited('the user who opened it is refused', line => line.event === 'denied' && line.tenant === 'a' && line.uid === 41002 && line.pid === b.pid)
  await b.connect('desk of b', world.frontDesk)
  await b.hand('desk of b', a)
  const [desk] = await a.askOn('desk of b', identify())
  t.deepEqual(desk?.response?.identify?.id, idOfB)
})

test.serial('threat 10: a handler registered over a connection that was passed on is bound to the user who opened it', async t => {
  await using scene = await Scene.start()
  const { world, mallory, victim } = scene
  const path = join(world.homeOf(VICTIM), 'h')
  await victim.listen('h', path, 0o777)
  await mallory.connect('c', world.socketOf('mallory'))
  await mallory.hand('c', victim)
  await victim.askOn('c', streamHandler(unix(path), '/passed'))
  t.false(await scene.delivers('/passed'))
  t.is((await victim.seen('h')).bytes, 0)
  const own = join(world.homeOf(MALLORY), 'h')
  await mallory.listen('h', own)
  const [answer] = await victim.askOn('c', streamHandler(unix(own), '/kept'))
  t.is(answer?.error, '')
  t.true(await scene.delivers('/kept'))
})

test.serial('threat 10: with its pid taken over by another user\'s process, 1,000 times, a connection is still judged by the uid that opened it', t => {
  t.timeout(180_000)
  const output = execFileSync('unshare', ['--pid', '--fork', '--mount-proc', '--kill-child', process.execPath, REUSE, '1000'], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  const { rounds, reused, wrong } = JSON.parse(output.trim().split('\n').at(-1) ?? '{}') as { rounds: number, reused: number, wrong: unknown[] }
  t.is(rounds, 1000)
  t.is(reused, 1000)
  t.deepEqual(wrong, [])
})
