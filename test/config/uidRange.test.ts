import test from 'ava'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DEFAULT_SERVICE_UIDS, classicServiceUid, isIn, parseUidRange, whyNotThisRange } from '../../src/config/uidRange.ts'

const directory = mkdtempSync(join(tmpdir(), 'p2pd-'))
test.after.always(() => { rmSync(directory, { recursive: true, force: true }) })
const file = (name: string, content: string): string => {
  writeFileSync(join(directory, name), content)
  return join(directory, name)
}
const NOTHING = { passwd: join(directory, 'none'), subordinate: [], mappings: [] }

test('a range is two numbers', t => {
  t.deepEqual(parseUidRange('2000000000-2000000999'), { first: 2_000_000_000, last: 2_000_000_999 })
  t.deepEqual(parseUidRange('7000-7000'), { first: 7000, last: 7000 })
  for (const text of ['', '7', '7-', '-7', '8-7', 'a-b', '1-2-3', '1-99999999999', '1-4294967295', ' 1-2']) t.regex(parseUidRange(text) as string, /must be FIRST-LAST/, text)
})

test('root, and the uid of those whom the kernel does not know, are in no range', t => {
  t.regex(parseUidRange('0-10') as string, /uid 0, root/)
  t.regex(parseUidRange('60000-70000') as string, /65534/)
})

test('the default is below what systemd reserves and above what anything else hands out', t => {
  t.true(DEFAULT_SERVICE_UIDS.first > 2_000_200_000)
  t.true(classicServiceUid(4_194_304) < 2_147_352_576)
  t.false(isIn(DEFAULT_SERVICE_UIDS, classicServiceUid(1)))
  t.deepEqual(whyNotThisRange(DEFAULT_SERVICE_UIDS, NOTHING), [])
})

test('a range that holds a user, a sub-uid, or what a container does not have is refused for each, with the mend', t => {
  const range = { first: 100_000, last: 100_999 }
  const passwd = file('passwd', 'root:x:0:0::/:/bin/sh\nold:x:100500:1::/:/bin/sh\n')
  t.deepEqual(whyNotThisRange(range, { ...NOTHING, passwd }), ['holds uid 100500, which is the user old\'s: name another range with --service-uids FIRST-LAST'])
  const subuid = file('subuid', 'alice:100000:65536\nbob:165536:65536\n')
  t.regex(whyNotThisRange(range, { ...NOTHING, subordinate: [subuid] }).join(), /gives to alice: name another range/)
  t.deepEqual(whyNotThisRange({ first: 300_000, last: 300_001 }, { ...NOTHING, subordinate: [subuid] }), [])
  const small = file('small', '         0      1000     65536\n')
  t.regex(whyNotThisRange(range, { ...NOTHING, mappings: [small] }).join(), /do not exist in this container/)
  const whole = file('whole', '         0          0 4294967295\n')
  t.deepEqual(whyNotThisRange(range, { ...NOTHING, mappings: [whole] }), [])
})
