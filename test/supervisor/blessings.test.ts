/** The store of blessings: what stands, what is kept, and what time and manifests make of it. */
import test from 'ava'
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import type { Grant } from '../../src/blessing/grant.ts'
import type { BlessedSpec } from '../../src/config/blessed.ts'
import { CHAT, HOUR_MS, MINUTE_MS, NOON, SEARCH, World, on, resourcesOf } from './blessingsWorld.ts'

test('what is given stands from then on, is kept, and is in the audit log', async t => {
  const world = new World(t)
  const blessings = await world.open()
  t.deepEqual(blessings.standing(), [])
  t.false(existsSync(world.path), 'nobody is blessed, so nothing is kept')
  const grant = await blessings.give({ ...CHAT, ...SEARCH })
  t.regex(grant.id, /^[0-9a-f]{32}$/)
  const { id } = grant
  t.deepEqual(grant, {
    id, ...CHAT, actions: ['provideService', 'openStream'], resources: ['/search/'], epoch: 1,
    notBefore: NOON / 1000, expires: NOON / 1000 + 3_600, source: 'operator'
  })
  t.deepEqual(blessings.standing(), [grant])
  t.is(blessings.epoch, 1)
  t.is(statSync(world.path).mode & 0o777, 0o600)
  t.deepEqual(JSON.parse(readFileSync(world.path, 'utf8')), { version: 1, epoch: 1, grants: [grant], revoked: [] })
  t.deepEqual(world.audited, [{ tenant: 'chat', event: 'blessing', action: 'give', resource: 'provideService openStream on /search/', reason: `${id} until 2026-11-28T13:00:00Z, by an operator` }])
  t.deepEqual((await world.open()).standing(), [grant])
  t.is(world.changes, 0, 'whoever gives knows')
})

test('what is taken back is gone, all of a tenant or one, and stays gone', async t => {
  const world = new World(t)
  const blessings = await world.open()
  const [a, b] = [await blessings.give({ ...CHAT, ...on('/a/') }), await blessings.give({ ...CHAT, ...on('/b/') })]
  const other = await blessings.give({ tenant: 'indexer', tenantId: 'x', ...on('/c/') })
  t.deepEqual(await blessings.revoke('chat', a.id), [{ ...a, epoch: 4 }])
  t.deepEqual(blessings.standing(), [b, other])
  await blessings.give({ ...CHAT, ...on('/d/') })
  t.deepEqual(resourcesOf(await blessings.revoke('chat')), ['/b/', '/d/'])
  t.deepEqual(blessings.standing(), [other])
  t.deepEqual((await world.open()).standing(), [other])
  t.is((await world.open()).epoch, 7, 'one for each change')
  t.deepEqual(world.story().slice(3), ['chat revoke openStream on /a/', 'chat give openStream on /d/', 'chat revoke openStream on /b/', 'chat revoke openStream on /d/'])
})

test('taking back what does not stand says so', async t => {
  const world = new World(t)
  const blessings = await world.open()
  const { id } = await blessings.give({ tenant: 'indexer', tenantId: 'x', ...on('/a/', 60) })
  for (const [tenant, which, what] of [['chat', undefined, 'chat has no blessing that stands'], ['chat', id, `chat has no blessing "${id}" that stands`], ['indexer', '\u202e', 'indexer has no blessing "\\u202e" that stands']] as const) {
    await t.throwsAsync(blessings.revoke(tenant, which), { code: 'ERR_REQUEST', message: `${what}: \`p2pctl blessings\` lists those there are` })
  }
  world.setMs = 60_000
  await t.throwsAsync(blessings.revoke('indexer'), { code: 'ERR_REQUEST' })
})

test('a tenant has at most 16, and one that has ended makes room', async t => {
  const world = new World(t)
  const blessings = await world.open()
  const given = await Promise.all(Array.from({ length: 17 }, async (_, i) => await blessings.give({ ...CHAT, ...on(`/${i}/`) }).catch((error: unknown) => error)))
  t.like(given.pop(), { code: 'ERR_LIMIT', message: 'chat has 16 blessings, and 16 is the most: `p2pctl blessings` lists them, `p2pctl unbless chat --id ID` ends one' })
  t.is(blessings.standing().length, 16)
  await blessings.give({ tenant: 'indexer', tenantId: 'x', ...SEARCH })
  await blessings.revoke('chat', (given[3] as Grant).id)
  await blessings.give({ ...CHAT, ...on('/17/') })
})

test('what an operator gave is over when its time is, to the second, whether or not anybody looks', async t => {
  const world = new World(t)
  const blessings = await world.open()
  const short = await blessings.give({ ...CHAT, ...on('/a/', 60) })
  const long = await blessings.give({ ...CHAT, ...on('/b/', 120) })
  world.setMs = MINUTE_MS - 1
  t.deepEqual(blessings.standing(), [short, long])
  world.setMs = MINUTE_MS
  t.deepEqual(blessings.standing(), [long])
  world.setMs = 0
  world.story()
  await world.pass(MINUTE_MS, 1)
  t.deepEqual(world.story(), ['chat expire openStream on /a/'])
  t.is(blessings.epoch, 3)
  t.deepEqual((JSON.parse(readFileSync(world.path, 'utf8')) as { grants: unknown[] }).grants, [long])
  await world.pass(MINUTE_MS, 1)
  t.deepEqual(blessings.standing(), [])
  t.is(world.clock.timers, 0, 'nothing is due, so nothing waits')
})

test('what expired while no daemon ran is over, and a restart prolongs nothing', async t => {
  const world = new World(t)
  const first = await world.open()
  await first.give({ ...CHAT, ...on('/a/', 60) })
  await first.declare([{ name: 'chat', tenantId: CHAT.tenantId, blessed: [] }])
  first[Symbol.dispose]()
  world.setMs = 90_000
  const second = await world.open()
  t.deepEqual(second.standing(), [])
  await world.pass(0, 1)
  t.is(second.epoch, 2)
  t.is(world.story().at(-1), 'chat expire openStream on /a/')
})

test('what a manifest says is given, and renewed at half of its time for as long as it says so', async t => {
  const world = new World(t)
  const blessings = await world.open()
  await blessings.declare([{ name: 'chat', tenantId: CHAT.tenantId, blessed: [SEARCH] }])
  const [given] = blessings.standing()
  t.like(given, { ...CHAT, epoch: 1, source: 'manifest', expires: world.seconds + 3_600 })
  t.is(world.changes, 0)
  world.clock.advance(HOUR_MS / 2 - 1)
  await world.pass(1, 1)
  t.deepEqual(blessings.standing(), [{ ...given as Grant, epoch: 2, notBefore: world.seconds, expires: world.seconds + 3_600 }])
  for (let i = 0; i < 20; i++) await world.pass(HOUR_MS / 2, 1)
  t.deepEqual(blessings.standing().map(({ id, epoch }) => ({ id, epoch })), [{ id: given?.id, epoch: 22 }])
  t.deepEqual(world.story(), ['chat give provideService openStream on /search/', ...Array.from({ length: 21 }, () => 'chat renew provideService openStream on /search/')])
  await blessings.declare([{ name: 'chat', tenantId: CHAT.tenantId, blessed: [] }])
  t.deepEqual(blessings.standing(), [])
  t.like(world.audited.at(-1), { action: 'revoke', reason: `${given?.id}: the manifest says so no longer` })
  t.is(world.clock.timers, 0)
})

test('saying the same again changes nothing, in whatever order; saying something else gives that instead', async t => {
  const world = new World(t)
  const blessings = await world.open()
  const declare = async (...blessed: BlessedSpec[]): Promise<void> => { await blessings.declare([{ name: 'chat', tenantId: CHAT.tenantId, blessed }]) }
  await declare(SEARCH, on('/a/'))
  const before = blessings.standing()
  await declare(on('/a/'), { ...SEARCH, actions: SEARCH.actions.toReversed() })
  t.deepEqual(blessings.standing(), before)
  t.is(blessings.epoch, 2)
  await declare(on('/a/'), { ...SEARCH, seconds: 7_200 })
  const [kept, given] = blessings.standing()
  t.deepEqual(kept, before[1])
  t.like(given, { expires: world.seconds + 7_200 })
  t.not(given?.id, before[0]?.id)
})

test('over a restart what a manifest says keeps its id; late or expired it is renewed at once', async t => {
  const world = new World(t)
  const manifests = [{ name: 'chat', tenantId: CHAT.tenantId, blessed: [SEARCH] }]
  const first = await world.open()
  await first.declare(manifests)
  const [given] = first.standing()
  first[Symbol.dispose]()
  for (const [laterMs, epoch] of [[MINUTE_MS, 1], [HOUR_MS / 2, 2], [25 * HOUR_MS, 3]] as const) {
    world.setMs = laterMs
    const blessings = await world.open()
    await blessings.declare(manifests)
    t.like(blessings.standing()[0], { id: given?.id, epoch })
    t.is(blessings.standing().length, 1)
    blessings[Symbol.dispose]()
  }
})

test('a manifest’s blessing that was taken back stays so: over a reload, a restart, a crash, a tenant that was away', async t => {
  const world = new World(t)
  const said = (...blessed: BlessedSpec[]) => [{ name: 'chat', tenantId: CHAT.tenantId, blessed }]
  const first = await world.open()
  await first.declare(said(SEARCH, on('/a/')))
  const id = first.standing().find(({ resources }) => resources.includes('/search/'))?.id ?? ''
  const [ended] = await first.revoke('chat', id)
  t.deepEqual(resourcesOf(first.standing()), ['/a/'])
  t.deepEqual(first.rows(tenant => `/run/${tenant}`).map(({ state, socket, resources }) => [state, socket, resources[0]]), [['standing', '/run/chat', '/a/'], ['revoked', '/run/chat', '/search/']])
  await first.declare(said(SEARCH, on('/a/')))
  t.deepEqual(resourcesOf(first.standing()), ['/a/'])
  await first.declare([])
  t.deepEqual(first.standing(), [], 'the tenant is away')
  const second = await world.open()
  await second.declare(said({ ...SEARCH, resources: ['/search/'] }, on('/a/')))
  t.deepEqual(resourcesOf(second.standing()), ['/a/'])
  await second.declare(said({ ...SEARCH, seconds: 1_800 }, on('/a/')))
  t.deepEqual(resourcesOf(second.standing()), ['/a/', '/search/'], 'it says something else')
  t.false(second.standing().some(grant => grant.id === ended?.id))
  await second.declare(said(SEARCH, on('/a/')))
  t.deepEqual(resourcesOf(second.standing()), ['/a/', '/search/'], 'and what it said before is new then')
})

test('an operator can give by hand what the manifest says in vain', async t => {
  const world = new World(t)
  const blessings = await world.open()
  const manifests = [{ name: 'chat', tenantId: CHAT.tenantId, blessed: [SEARCH] }]
  await blessings.declare(manifests)
  await blessings.revoke('chat')
  const grant = await blessings.give({ ...CHAT, ...SEARCH })
  await blessings.declare(manifests)
  t.deepEqual(blessings.standing(), [grant])
})

test('a tenant that is gone, or is another one by that name, has nothing', async t => {
  const world = new World(t)
  const blessings = await world.open()
  await blessings.declare([{ name: 'chat', tenantId: 'old', blessed: [SEARCH, on('/x/')] }, { name: 'indexer', tenantId: 'i', blessed: [] }])
  await blessings.give({ tenant: 'chat', tenantId: 'old', ...on('/a/') })
  await blessings.give({ tenant: 'indexer', tenantId: 'i', ...on('/b/') })
  await blessings.revoke('chat', blessings.standing().find(({ resources }) => resources.includes('/x/'))?.id)
  await blessings.declare([{ name: 'chat', tenantId: 'new', blessed: [SEARCH, on('/x/')] }])
  t.deepEqual(blessings.standing().map(({ tenant, tenantId, source, resources }) => [tenant, tenantId, source, ...resources]), [['chat', 'new', 'manifest', '/search/'], ['chat', 'new', 'manifest', '/x/']])
  t.deepEqual(world.audited.slice(-5).map(({ tenant, action, reason }) => `${tenant} ${action}: ${reason?.replace(/^[0-9a-f]{32}:? /, '')}`), [
    'chat revoke: chat is another tenant now', 'chat revoke: chat is another tenant now', 'indexer revoke: there is no tenant indexer any more',
    'chat give: until 2026-11-28T13:00:00Z, by the manifest', 'chat give: until 2026-11-28T13:00:00Z, by the manifest'
  ])
})

test('a clock that is set forward ends what is over, one that is set back ends nothing for good that a manifest says', async t => {
  const world = new World(t)
  const blessings = await world.open()
  await blessings.declare([{ name: 'chat', tenantId: CHAT.tenantId, blessed: [SEARCH] }])
  await blessings.give({ ...CHAT, ...on('/a/', 86_400) })
  world.setMs = 25 * HOUR_MS
  t.deepEqual(blessings.standing(), [])
  await world.pass(MINUTE_MS, 1)
  t.deepEqual(resourcesOf(blessings.standing()), ['/search/'])
  world.setMs = -HOUR_MS
  t.deepEqual(blessings.standing(), [], 'it is not yet')
  await world.pass(MINUTE_MS, 1)
  t.deepEqual(resourcesOf(blessings.standing()), ['/search/'])
  t.true((blessings.standing()[0]?.expires ?? Infinity) <= world.seconds + 3_600)
})

test('while nobody knows who a tenant is, nothing of it ends, and nothing is given', async t => {
  const world = new World(t)
  const blessings = await world.open()
  const said = (tenantId: string | undefined, ...blessed: BlessedSpec[]) => [{ name: 'chat', tenantId, blessed }]
  await blessings.declare(said(CHAT.tenantId, SEARCH, on('/a/')))
  await blessings.give({ ...CHAT, ...on('/b/') })
  await blessings.revoke('chat', blessings.standing().find(({ resources }) => resources.includes('/a/'))?.id)
  await blessings.declare(said(undefined, SEARCH, on('/a/'), on('/c/')))
  t.deepEqual(resourcesOf(blessings.standing()), ['/b/', '/search/'])
  await blessings.declare(said(CHAT.tenantId, on('/a/'), on('/c/')))
  t.deepEqual(resourcesOf(blessings.standing()), ['/b/', '/c/'], 'and what was taken back is remembered')
})

test('changes at the same time are made one after the other', async t => {
  const world = new World(t)
  const blessings = await world.open()
  const grants = await Promise.all(Array.from({ length: 10 }, async (_, i) => await blessings.give({ tenant: `t${i}`, tenantId: 'x', ...on('/a/') })))
  t.deepEqual(grants.map(({ epoch }) => epoch), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  await Promise.all(grants.map(async ({ tenant, id }) => await blessings.revoke(tenant, id)))
  t.deepEqual((await world.open()).standing(), [])
  t.is((await world.open()).epoch, 20)
})

test('closed it changes nothing any more, and what was being written is on disk', async t => {
  const world = new World(t)
  const blessings = await world.open()
  const giving = blessings.give({ ...CHAT, ...SEARCH })
  const late = t.throwsAsync(async () => {
    await giving
    await blessings.give({ ...CHAT, ...SEARCH })
  }, { code: 'ERR_CLOSED' })
  await Promise.resolve()
  await blessings[Symbol.asyncDispose]()
  await giving
  await late
  t.is((await world.open()).standing().length, 1)
  t.is(world.clock.timers, 1, 'only that of the one that is open')
})

const GRANT: Grant = { id: 'ab'.repeat(16), tenant: 'chat', tenantId: 'x', actions: ['openStream'], resources: ['/a/'], epoch: 3, notBefore: 1_000, expires: 4_600, source: 'operator' }
const FILE = { version: 1, epoch: 3, grants: [GRANT], revoked: [] }
const withGrant = (change: object): string => JSON.stringify({ ...FILE, grants: [{ ...GRANT, ...change }] })

test('the file that the others below are damaged copies of is read', async t => {
  const world = new World(t)
  writeFileSync(world.path, JSON.stringify(FILE), { mode: 0o600 })
  world.setMs = 2_000_000 - NOON
  t.deepEqual((await world.open()).standing(), [GRANT])
})

for (const [what, content] of [
  ['nothing', ''], ['half of one', JSON.stringify(FILE).slice(0, 90)], ['another version', JSON.stringify({ ...FILE, version: 2 })], ['a list', '[]'], ['null', 'null'],
  ['no epoch', JSON.stringify({ ...FILE, epoch: undefined })], ['an epoch that is no number', JSON.stringify({ ...FILE, epoch: '3' })], ['nothing that was taken back', JSON.stringify({ ...FILE, revoked: undefined })],
  ['an id twice', JSON.stringify({ ...FILE, revoked: [GRANT] })], ['an id that is none', withGrant({ id: 'AB'.repeat(16) })], ['a tenant that can be none', withGrant({ tenant: '../x' })],
  ['a blessing of nobody', withGrant({ tenantId: '' })], ['an unknown action', withGrant({ actions: ['fly'] })], ['no resource', withGrant({ resources: [] })], ['a resource that is none', withGrant({ resources: ['a'] })],
  ['actions that are no list', withGrant({ actions: 'openStream' })], ['a change that was not yet', withGrant({ epoch: 4 })], ['a blessing for two days', withGrant({ expires: 173_801 })], ['one that ends before it begins', withGrant({ expires: 999 })],
  ['a time that is no number', withGrant({ expires: '4600' })], ['one from nowhere', withGrant({ source: 'tenant' })], ['text for a blessing', JSON.stringify({ ...FILE, grants: ['x'] })]
] as const) {
  test(`a file that holds ${what} is a fault with its mend, and stays as it is`, async t => {
    const world = new World(t)
    writeFileSync(world.path, content, { mode: 0o600 })
    await t.throwsAsync(world.open(), { code: 'ERR_CONFIG', message: /blessings\.json: cannot be used \(.+\): move it away\. Then what operators gave is gone, .*`p2pctl unbless`$/ })
    t.is(readFileSync(world.path, 'utf8'), content)
  })
}

test('a file that others can write is not believed', async t => {
  const world = new World(t)
  await (await world.open()).give({ ...CHAT, ...SEARCH })
  chmodSync(world.path, 0o660)
  await t.throwsAsync(world.open(), { code: 'ERR_CONFIG', message: /has mode 0660/ })
})

test('what is kept cannot grow beyond what can be read, and taking back is never refused for that', async t => {
  const world = new World(t)
  const blessings = await world.open()
  const blessed = Array.from({ length: 16 }, (_, i): BlessedSpec => ({ ...SEARCH, resources: Array.from({ length: 64 }, (__, j) => `/${'x'.repeat(240)}/${i}/${j}`) }))
  const tenants = Array.from({ length: 40 }, (_, i) => ({ name: `t${i}`, tenantId: 'x', blessed }))
  await t.throwsAsync(blessings.declare(tenants), { code: 'ERR_LIMIT', message: /would be over 8388608 bytes: end blessings that are not needed/ })
  t.deepEqual(blessings.standing(), [])
  await blessings.declare(tenants.slice(0, 30))
  t.is(blessings.standing().length, 480)
  for (const { name } of tenants.slice(0, 30)) await blessings.revoke(name)
  t.deepEqual((await world.open()).standing(), [])
})
