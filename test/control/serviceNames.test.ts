/** Names of services: what versions have in common, and that it has one owner. */
import test from 'ava'
import { assertFree, serviceNameOf } from '../../src/control/serviceNames.ts'

for (const [protocol, name] of [
  ['/search/1.0.0', 'search'], ['/search/2', 'search'], ['/search/v2.1', 'search'], ['/search/1.0.0-rc.1', 'search'], ['/search/1.0.0+build', 'search'],
  ['/p2pd/plugin/dht/1.0.0', 'p2pd/plugin/dht'], ['/search', 'search'], ['/1.0.0', '1.0.0'], ['/search/beta', 'search/beta'], ['/search/1.0.0/', 'search/1.0.0/'],
  ['search/1.0.0', 'search'], ['/__proto__/1', '__proto__']
] as const) {
  test(`${protocol} is ${name}`, t => { t.is(serviceNameOf(protocol), name) })
}

const TAKEN = [['/search/1.0.0', 'indexer'], ['/hello/1', 'chat']] as const

test('another version of what is another tenant\'s is refused, with whose it is', t => {
  t.throws(() => { assertFree(['/mine/1', '/search/2.0.0'], 'chat', TAKEN) }, { code: 'ERR_REQUEST', message: '/search/2.0.0: the service search is indexer\'s, which handles /search/1.0.0: it has to give that up first' })
})

test('one\'s own is free, and so is what nobody has', t => {
  t.notThrows(() => { assertFree(['/search/2.0.0', '/search/1.0.0'], 'indexer', TAKEN) })
  t.notThrows(() => { assertFree(['/searches/1.0.0', '/search/x'], 'chat', TAKEN) })
})
