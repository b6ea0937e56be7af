import test from 'ava'
import { InboundLedger, subnetOf } from '../../src/policy/inboundLedger.ts'
import { Ledger, type TenantLimits } from '../../src/policy/ledger.ts'

function world (limits: Partial<TenantLimits['inbound']> = {}, connections = 100): { ledger: Ledger, inbound: InboundLedger } {
  const ledger = new Ledger({
    limits: {
      controlConnections: 1, requestsPerSecond: 1, handlers: 1, connections, dialsPerSecond: 1, streams: 1, streamsPerSecond: 1, buffered: 1, bytesPerSecond: 0,
      descriptors: 256, inbound: { streams: 1, streamsPerPeer: 1, connectionsPerPeer: 2, connectionsPerSubnet: 50, reserved: 10, ...limits }
    }
  })
  return { ledger, inbound: new InboundLedger(ledger) }
}

test('a flood of handshakes from one network drops its own oldest, and nobody else\'s', t => {
  const { inbound } = world()
  const dropped: string[] = []
  inbound.arrived('10.0.2.1', () => { dropped.push('other') })
  for (let i = 0; i < 1_000; i++) inbound.arrived(`10.0.1.${i % 250}`, () => { dropped.push(String(i)) })
  t.is(inbound.handshakes, 65)
  t.is(dropped.length, 1_000 - 64)
  t.is(dropped[0], '0')
  t.false(dropped.includes('other'))
})

test('a flood from many networks drops from the largest, so a newcomer gets in', t => {
  const { inbound } = world()
  for (let i = 0; i < 500; i++) inbound.arrived(`10.${i % 4}.1.1`, () => {})
  let dropped = false
  const late = inbound.arrived('192.168.1.1', () => { dropped = true })
  for (let i = 0; i < 100; i++) inbound.arrived(`10.${i % 4}.1.1`, () => {})
  t.false(dropped)
  t.notThrows(() => { inbound.proved(late, 'late') })
})

test('only what has proved who it is counts as a connection, and what has left does not', t => {
  const { inbound, ledger } = world()
  const arrival = inbound.arrived('10.0.0.1', () => {})
  t.is(ledger.connections.used, 0)
  inbound.proved(arrival, 'a')
  t.is(ledger.connections.used, 1)
  inbound.left(arrival)
  inbound.left(arrival)
  t.is(ledger.connections.used, 0)
})

test('one peer has its limit, however many networks it comes from', t => {
  const { inbound } = world()
  const prove = (ip: string): void => { inbound.proved(inbound.arrived(ip, () => {}), 'a') }
  prove('10.0.0.1')
  prove('10.0.1.1')
  t.throws(() => { prove('10.0.2.1') }, { code: 'ERR_LIMIT', message: /^limits\.inbound\.connectionsPerPeer: / })
})

test('one network has its limit, however many peers it has', t => {
  const { inbound } = world()
  for (let i = 0; i < 50; i++) inbound.proved(inbound.arrived('10.0.0.1', () => {}), `peer ${i}`)
  t.throws(() => { inbound.proved(inbound.arrived('10.0.0.2', () => {}), 'one more') }, { message: /^limits\.inbound\.connectionsPerSubnet: / })
  t.notThrows(() => { inbound.proved(inbound.arrived('10.0.1.1', () => {}), 'elsewhere') })
})

test('strangers cannot take what is kept for known peers, and known peers cannot take more than all', t => {
  const { inbound } = world({ connectionsPerSubnet: 1_000, reserved: 2 }, 5)
  const prove = (peer: string): void => { inbound.proved(inbound.arrived('10.0.0.1', () => {}), peer) }
  for (const peer of ['a', 'b', 'c']) prove(peer)
  t.throws(() => { prove('d') }, { message: /^limits\.inbound\.reserved: / })
  for (const peer of ['known 1', 'known 2', 'known 3']) inbound.know(peer)
  prove('known 1')
  prove('known 2')
  t.throws(() => { prove('known 3') }, { message: /^limits\.connections: / })
})

const SUBNETS: Array<[string, string]> = [
  ['192.0.2.77', '192.0.2'],
  ['2001:db8:1:2ff::9', '2001:db8:1:200'],
  ['2001:db8:1:2aa:1:2:3:4', '2001:db8:1:200'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['::1', '0:0:0:0']
]
for (const [ip, subnet] of SUBNETS) test(`${ip} is in ${subnet}`, t => { t.is(subnetOf(ip), subnet) })

test('strangers on this machine, however many, keep none of its hosts out', t => {
  const { inbound } = world()
  let dropped = false
  const early = inbound.arrived(undefined, () => { dropped = true })
  for (let i = 0; i < 500; i++) inbound.arrived('127.0.0.1', () => {})
  t.false(dropped)
  for (let i = 0; i < 90; i++) inbound.proved(inbound.arrived(i % 2 === 0 ? '127.0.0.1' : '10.0.0.1', () => {}), `peer ${i}`)
  t.throws(() => { inbound.proved(inbound.arrived('10.0.3.1', () => {}), 'one more') }, { message: /^limits\.inbound\.reserved: / })
  t.notThrows(() => { inbound.proved(early, 'chat') })
})
