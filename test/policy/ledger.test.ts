import test from 'ava'
import { Ledger, type LimitName, type TenantLimits } from '../../src/policy/ledger.ts'

const LIMITS: TenantLimits = {
  controlConnections: 2, requestsPerSecond: 2, handlers: 3, connections: 4, dialsPerSecond: 1, streams: 4, streamsPerSecond: 100, buffered: 1000,
  bytesPerSecond: 0, descriptors: 256, inbound: { streams: 3, streamsPerPeer: 2, connectionsPerPeer: 2, connectionsPerSubnet: 3, reserved: 1 }
}

function ledger (limits: Partial<TenantLimits> = {}): { ledger: Ledger, reached: LimitName[] } {
  const reached: LimitName[] = []
  return { ledger: new Ledger({ limits: { ...LIMITS, ...limits }, onReached: name => { reached.push(name) } }), reached }
}

test('a limit that is reached is an error that names it, what may be had and the mend, and is counted', t => {
  const { ledger: one, reached } = ledger()
  one.controlConnections.take()
  one.controlConnections.take()
  t.throws(() => { one.controlConnections.take() }, {
    code: 'ERR_LIMIT',
    message: 'limits.controlConnections: this tenant may have 2 control connections at once: close some, or raise the limit in its manifest'
  })
  t.is(one.controlConnections.used, 2)
  one.controlConnections.release()
  t.notThrows(() => { one.controlConnections.take() })
  t.deepEqual(one.reached, { controlConnections: 1 })
  t.deepEqual(reached, ['controlConnections'])
})

test('a rate allows two seconds\' worth and then refuses', t => {
  const { ledger: one } = ledger()
  for (let i = 0; i < 4; i++) one.requests.spend()
  t.throws(() => { one.requests.spend() }, { code: 'ERR_LIMIT', message: /^limits\.requestsPerSecond: this tenant may send 2 requests a second: / })
})

test('a stream counts until it is released, and only once', t => {
  const { ledger: one } = ledger()
  const releases = Array.from({ length: 4 }, () => one.openStream())
  t.throws(() => one.openStream(), { message: /^limits\.streams: / })
  releases[0]?.()
  releases[0]?.()
  t.is(one.streams.used, 3)
})

test('peers cannot take all the streams, and one peer not all of theirs', t => {
  const { ledger: one } = ledger()
  one.acceptStream('a')
  const release = one.acceptStream('a')
  t.throws(() => one.acceptStream('a'), { message: /^limits\.inbound\.streamsPerPeer: .* 2 streams/ })
  one.acceptStream('b')
  t.throws(() => one.acceptStream('c'), { message: /^limits\.inbound\.streams: / })
  t.notThrows(() => one.openStream(), 'the tenant\'s own')
  t.is(one.streams.used, 4)
  release()
  t.is(one.inboundStreams.used, 2)
  t.notThrows(() => one.acceptStream('a'))
})

test('an inbound stream that does not fit leaves no count behind', t => {
  const { ledger: one } = ledger()
  for (let i = 0; i < 4; i++) one.openStream()
  t.throws(() => one.acceptStream('a'), { message: /^limits\.streams: / })
  t.is(one.inboundStreams.used, 0)
})

test('while too much waits in streams no new one is opened, by nobody', t => {
  const { ledger: one } = ledger()
  one.waiting = new Map([['', 1001]])
  t.throws(() => one.openStream(), { message: 'limits.buffered: this tenant may have 1000 bytes waiting in its streams: read what has come, or raise the limit in its manifest' })
  t.throws(() => one.acceptStream('a'), { code: 'ERR_LIMIT' })
  one.waiting = new Map([['', 1000]])
  t.notThrows(() => one.openStream())
})

test('on a shared host only who has more than an equal part of what waits is refused for it', t => {
  const { ledger: own } = ledger()
  own.waiting = new Map([['', 1001]])
  t.throws(() => own.openStream('whoever'), { message: /^limits\.buffered: / })
  const shared = new Ledger({ limits: LIMITS, isShared: true })
  shared.waiting = new Map([['greedy', 900], ['chat', 101]])
  t.throws(() => shared.openStream('greedy'), { message: /^limits\.buffered: / })
  t.throws(() => shared.acceptStream('peer', { isOurs: true, whose: 'greedy' }), { code: 'ERR_LIMIT' })
  t.notThrows(() => shared.openStream('chat'))
  t.notThrows(() => shared.acceptStream('peer', { isOurs: true, whose: 'new' }))
  t.notThrows(() => shared.acceptStream('stranger'))
  t.deepEqual(['greedy', 'chat', '', 'new'].map(whose => shared.isFull(whose)), [true, false, false, false])
  shared.waiting = new Map([['greedy', 899], ['chat', 101]])
  t.notThrows(() => shared.openStream('greedy'))
})

test('on a shared host strangers cannot take all that peers may have, and its machine\'s hosts still can', t => {
  const shared = new Ledger({ limits: { ...LIMITS, streams: 100, inbound: { ...LIMITS.inbound, streams: 8, streamsPerPeer: 8 } }, isShared: true })
  for (let i = 0; i < 4; i++) shared.acceptStream(`stranger ${i}`)
  t.throws(() => shared.acceptStream('one more'), { message: /^limits\.inbound\.streams: .* 4 streams/ })
  t.notThrows(() => shared.acceptStream('chat', { isOurs: true }))
})

test('on a shared host whoever opens too fast has used up nobody else\'s rate', t => {
  const shared = new Ledger({ limits: { ...LIMITS, streams: 10_000, inbound: { ...LIMITS.inbound, streams: 10_000, streamsPerPeer: 10_000 } }, isShared: true })
  const flood = (peer: string, isOurs: boolean): void => { for (let i = 0; i < 1_000; i++) shared.acceptStream(peer, { isOurs })() }
  t.throws(() => { flood('stranger', false) }, { message: /^limits\.streamsPerSecond: / })
  t.throws(() => { flood('chat', true) }, { message: /^limits\.streamsPerSecond: .* 25 streams/ })
  t.notThrows(() => shared.acceptStream('indexer', { isOurs: true }))
})
