/** Blessings on a disk that is slow or refuses: what is given waits for it, what is taken back does not. */
import test from 'ava'
import { readFileSync } from 'node:fs'
import type { BlessedSpec } from '../../src/config/blessed.ts'
import { until } from '../helpers/deadlines.ts'
import { CHAT, HOUR_MS, MINUTE_MS, NOON, SEARCH, World, on, resourcesOf } from './blessingsWorld.ts'

test('a disk that refuses: nothing is given, and the reason is told', async t => {
  const world = new World(t)
  const blessings = await world.open()
  const manifests = [{ name: 'chat', tenantId: CHAT.tenantId, blessed: [] }, { name: 'indexer', tenantId: 'i', blessed: [] }]
  await blessings.declare(manifests)
  const grant = await blessings.give({ ...CHAT, ...SEARCH })
  const kept = readFileSync(world.path, 'utf8')
  world.story()
  world.refuseWrites()
  const refusal = { code: 'ERR_SYSTEM', message: /blessings\.json cannot be written \(.*EISDIR.*\): nothing has changed$/ }
  await t.throwsAsync(blessings.give({ ...CHAT, ...on('/a/') }), refusal)
  await t.throwsAsync(blessings.declare([{ name: 'chat', tenantId: 'another', blessed: [on('/m/')] }]), refusal)
  t.deepEqual(blessings.standing(), [grant], 'what is declared holds whole or not at all')
  t.is(readFileSync(world.path, 'utf8'), kept)
  t.deepEqual(world.story(), [])
  world.allowWrites()
  const [ended] = await blessings.revoke('chat')
  t.is(ended?.epoch, 5, 'no number is used again that a change had which came to nothing')
  t.is((await world.open()).epoch, 5)
})

const ENDED_UNKEPT = { code: 'ERR_SYSTEM', message: /^it has ended now; it is not on disk yet and would stand again after a crash \(.*EISDIR.*\): make room on the disk/ }

test('a disk that refuses: what is taken back has ended all the same, and is on disk as soon as that can be', async t => {
  const world = new World(t)
  const blessings = await world.open()
  await blessings.declare([{ name: 'chat', tenantId: CHAT.tenantId, blessed: [] }])
  await blessings.give({ ...CHAT, ...SEARCH })
  world.refuseWrites()
  await t.throwsAsync(blessings.revoke('chat'), ENDED_UNKEPT)
  t.deepEqual(blessings.standing(), [])
  t.deepEqual(world.story().at(-1), 'chat revoke provideService openStream on /search/')
  t.is((await world.open()).standing().length, 1, 'as after a crash')
  await t.throwsAsync(blessings.revoke('chat'), { code: 'ERR_REQUEST' })
  world.allowWrites()
  world.clock.advance(5_000)
  await until('the disk', () => !readFileSync(world.path, 'utf8').includes('/search/'))
  t.deepEqual((await world.open()).standing(), [])
})

test('a disk that refuses: what was taken back is written once more before the end', async t => {
  const world = new World(t)
  const blessings = await world.open()
  await blessings.give({ ...CHAT, ...SEARCH })
  world.refuseWrites()
  await t.throwsAsync(blessings.revoke('chat'), ENDED_UNKEPT)
  world.allowWrites()
  await blessings[Symbol.asyncDispose]()
  t.deepEqual((await world.open()).standing(), [])
})

test('a disk that refuses is no reason to refuse what is declared, unless something is to be given', async t => {
  const world = new World(t)
  const blessings = await world.open()
  const said = (...blessed: BlessedSpec[]) => [{ name: 'chat', tenantId: CHAT.tenantId, blessed }]
  await blessings.declare(said(SEARCH, on('/a/')))
  world.refuseWrites()
  await t.throwsAsync(blessings.give({ ...CHAT, ...on('/b/') }))
  await blessings.declare(said(SEARCH, on('/a/')))
  t.deepEqual(resourcesOf(blessings.standing()), ['/a/', '/search/'])
  world.setMs = HOUR_MS / 2
  await blessings.declare(said(SEARCH))
  t.deepEqual(blessings.standing().map(({ resources, expires }) => [...resources, expires]), [['/search/', NOON / 1000 + 3_600]], 'one has ended, and the other is not renewed yet')
  world.allowWrites()
  await world.pass(5_000, 1)
  t.deepEqual((await world.open()).standing().map(({ resources, expires }) => [...resources, expires]), [['/search/', world.seconds + 3_600]])
})

test('taking back waits for nothing that is being written, and nothing that is being written revives it', async t => {
  const world = new World(t)
  const blessings = await world.open()
  await blessings.declare([{ name: 'chat', tenantId: CHAT.tenantId, blessed: [SEARCH] }])
  const giving = blessings.give({ ...CHAT, ...on('/a/') })
  for (let i = 0; i < 5; i++) await Promise.resolve() // it is on its way to the disk
  let isKept = false
  const revoking = blessings.revoke('chat', undefined, async () => { t.false(isKept) })
  void giving.then(() => { isKept = true })
  t.deepEqual(blessings.standing(), [])
  const [[ended], given] = await Promise.all([revoking, giving])
  t.true(ended !== undefined && ended.epoch > given.epoch)
  for (const found of [blessings, await world.open()]) {
    t.deepEqual(found.standing(), [given])
    t.deepEqual(found.rows(() => '').map(({ state, resources }) => [state, ...resources]), [['standing', '/a/'], ['revoked', '/search/']])
    t.is(found.epoch, 3)
  }
})

test('what time does waits for the disk, and what is over is over all the same', async t => {
  const world = new World(t)
  const blessings = await world.open()
  await blessings.declare([{ name: 'chat', tenantId: CHAT.tenantId, blessed: [SEARCH] }])
  await blessings.give({ ...CHAT, ...on('/a/', 60) })
  world.refuseWrites()
  await world.pass(MINUTE_MS, 1)
  t.deepEqual(resourcesOf(blessings.standing()), ['/search/'], 'and whoever decides by it has been told')
  t.is(blessings.epoch, 2)
  world.allowWrites()
  await world.pass(5_000, 1)
  t.is(blessings.epoch, 4)
  t.deepEqual(world.story().slice(2), ['chat expire openStream on /a/'])

  world.clock.advance(HOUR_MS / 2 - MINUTE_MS - 5_001)
  world.refuseWrites()
  world.clock.advance(1)
  await until('the refusal', () => world.clock.timers === 1)
  t.like(blessings.standing()[0], { expires: NOON / 1000 + 3_600 }, 'the old one stands until its time is over')
  world.allowWrites()
  await world.pass(5_000, 1)
  t.like(blessings.standing()[0], { expires: world.seconds + 3_600 })
})
