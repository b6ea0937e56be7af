import test from 'ava'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ServiceUids } from '../../src/supervisor/serviceUids.ts'

const RANGE = { first: 2_100_000_000, last: 2_100_000_003 }
const directories: string[] = []
test.after.always(() => { for (const directory of directories) rmSync(directory, { recursive: true, force: true }) })
const fresh = (): string => {
  const directory = mkdtempSync(join(tmpdir(), 'p2pd-'))
  directories.push(directory)
  return directory
}

test.before(t => {
  if (process.geteuid?.() !== 0) t.log('without root no host gets a uid of its own')
})

test('an id has its uid for good, no two have one, and it is on disk before it is used', async t => {
  const state = fresh()
  const uids = await ServiceUids.open(state, RANGE)
  const [a, b, again] = await Promise.all([uids.of('a'), uids.of('b'), uids.of('a')])
  t.deepEqual([a, b, again], [RANGE.first, RANGE.first + 1, RANGE.first])
  t.deepEqual(JSON.parse(readFileSync(join(state, 'service-uids.json'), 'utf8')), { version: 1, uids: { a, b } })
  t.is(statSync(join(state, 'service-uids.json')).mode & 0o777, 0o600)
  const later = await ServiceUids.open(state, RANGE)
  t.is(await later.of('b'), b)
  t.is(await later.of('c'), RANGE.first + 2)
})

test('a range that is used up says so, and gives nobody another\'s', async t => {
  const uids = await ServiceUids.open(fresh(), RANGE)
  for (const id of ['a', 'b', 'c', 'd']) await uids.of(id)
  await t.throwsAsync(uids.of('e'), { code: 'ERR_CONFIG', message: /--service-uids: all uids from 2100000000 to 2100000003 have been given to tenants.*name a larger range/ })
  t.is(await uids.of('d'), RANGE.last)
})

test('with another range ids get uids from there', async t => {
  const state = fresh()
  await (await ServiceUids.open(state, RANGE)).of('a')
  const moved = await ServiceUids.open(state, { first: 2_100_005_000, last: 2_100_005_001 })
  t.is(await moved.of('a'), 2_100_005_000)
})

for (const [what, content] of [
  ['nothing', ''], ['half a file', '{"version":1,"uids":{"a":21'], ['another version', '{"version":2,"uids":{}}'], ['no uids', '{"version":1}'],
  ['one uid twice', '{"version":1,"uids":{"a":2100000000,"b":2100000000}}'], ['root', '{"version":1,"uids":{"a":0}}'], ['text', '{"version":1,"uids":{"a":"1"}}']
] as const) {
  test(`a file that holds ${what} is a fault with its mend, and stays as it is`, async t => {
    const state = fresh()
    const file = join(state, 'service-uids.json')
    writeFileSync(file, content, { mode: 0o600 })
    await t.throwsAsync(ServiceUids.open(state, RANGE), { code: 'ERR_CONFIG', message: /service-uids\.json: cannot be used .*restore it from a backup/ })
    t.is(readFileSync(file, 'utf8'), content)
  })
}

test('a file that others can write is not believed', async t => {
  const state = fresh()
  await (await ServiceUids.open(state, RANGE)).of('a')
  chmodSync(join(state, 'service-uids.json'), 0o666)
  await t.throwsAsync(ServiceUids.open(state, RANGE), { message: /has mode 0666/ })
})

test('a tenant whose app is one of them is a fault, by its manifest', async t => {
  const uids = await ServiceUids.open(fresh(), RANGE)
  t.notThrows(() => { uids.assertNoApp([{ name: 'a', app: { uid: 1000 } }]) })
  t.throws(() => { uids.assertNoApp([{ name: 'a', app: { uid: RANGE.last } }]) }, { code: 'ERR_CONFIG', message: /a\.yaml: app: uid 2100000003 is one of those that hosts run under/ })
})
