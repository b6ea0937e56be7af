import test from 'ava'
import { assertWithinShare } from '../../src/control/nameShares.ts'
import { Receivers, type AddressTarget } from '../../src/control/receivers.ts'

const target = (tenant: string, n: number): AddressTarget => ({ address: { path: `/run/${n}` }, tenant, uid: 1, gid: 1, shares: true })
const entries = (...rows: Array<[protocol: string, tenant: string, addresses?: number]>): Map<string, Receivers> =>
  new Map(rows.map(([protocol, tenant, addresses = 1]) => [protocol, new Receivers(Array.from({ length: addresses }, (_, n) => target(tenant, n)))]))
const long = (n: number): string => `/${String(n).padStart(249, 'x')}`

test('no blessed app takes more than half of the bytes that all names may have, and all together no more than there are', t => {
  const ten = entries(...Array.from({ length: 10 }, (_, n): [string, string] => [long(n), 'app']))
  t.throws(() => { assertWithinShare(ten, [long(10)], 'app', 256) }, { code: 'ERR_LIMIT', message: /in the daemon's name app may have names of 2560 bytes together, and all have 5120/ })
  t.notThrows(() => { assertWithinShare(ten, [long(0)], 'app', 256) }, 'it has this one')
  t.notThrows(() => { assertWithinShare(ten, [long(10)], 'other', 256) })
  const twenty = new Map([...ten, ...entries(...Array.from({ length: 10 }, (_, n): [string, string] => [long(20 + n), 'other']))])
  t.throws(() => { assertWithinShare(twenty, [long(40)], 'third', 256) }, { code: 'ERR_LIMIT' })
  t.notThrows(() => { assertWithinShare(twenty, ['/short/1'], 'third', 256) })
})

test('nor more than four addresses for each protocol that it may handle', t => {
  const full = entries(['/a', 'app', 40], ['/b', 'other', 40])
  t.throws(() => { assertWithinShare(full, ['/a'], 'app', 20) }, { code: 'ERR_LIMIT', message: /^limits\.handlers: in the daemon's name app may have 40 addresses for its protocols/ })
  t.notThrows(() => { assertWithinShare(entries(['/a', 'app', 39], ['/b', 'other', 40]), ['/a'], 'app', 20) })
})
