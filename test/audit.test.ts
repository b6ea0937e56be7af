import test from 'ava'
import { MAX_AUDIT_TEXT, isAuditEvent, isRecorded, shortened, verdictOf, type AuditEvent, type AuditKind } from '../src/audit.ts'

const FULL: AuditEvent = {
  event: 'denied', actor: 'indexer', onBehalfOf: 'daemon', uid: 1000, pid: 4242, action: 'openStream', resource: 'Protocol /chat/1.0.0', peer: '12D3KooW', address: '/ip4/192.0.2.1/tcp/4001',
  decision: 'deny', policy: 'chat.cedar:3', epoch: 7, reason: 'because', dropped: 3
}

for (const [title, value] of [
  ['with everything', FULL],
  ['with nothing but its kind', { event: 'handler' }],
  ['with fields that are there and say nothing', { event: 'limit', uid: undefined, peer: undefined, decision: undefined }],
  ['with the longest text', { event: 'denied', resource: 'x'.repeat(MAX_AUDIT_TEXT) }]
] as const) {
  test(`an event ${title} may come from a host`, t => { t.true(isAuditEvent(value)) })
}

for (const [title, value] of [
  ['nothing', null], ['a string', 'denied'], ['a list', ['denied']], ['an event without a kind', { uid: 1 }], ['an unknown kind', { event: 'forged' }],
  ['a kind of the prototype', { event: 'constructor' }],
  ['a number for a text', { ...FULL, resource: 5 }], ['an object for a text', { ...FULL, reason: { length: 1 } }], ['an actor too long', { ...FULL, actor: 'x'.repeat(MAX_AUDIT_TEXT + 1) }], ['a text too long', { ...FULL, reason: 'x'.repeat(MAX_AUDIT_TEXT + 1) }],
  ['a text for a number', { ...FULL, uid: '0' }], ['a negative number', { ...FULL, pid: -1 }], ['a fraction', { ...FULL, epoch: 0.5 }], ['no number', { ...FULL, dropped: NaN }],
  ['a number beyond counting', { ...FULL, dropped: 2 ** 60 }], ['an unknown decision', { ...FULL, decision: 'maybe' }],
  ['a field that holds anything', { ...FULL, junk: 'x'.repeat(1_000_000) }], ['a tenant of its own choice', { ...FULL, tenant: 'victim' }], ['a time of its own choice', { ...FULL, time: '1970-01-01' }]
] as const) {
  test(`${title} is no event`, t => { t.false(isAuditEvent(value)) })
}

for (const event of ['reload', 'tenant', 'host', 'blessing'] as const) {
  test(`a host cannot say what only the supervisor can witness: ${event}`, t => { t.false(isAuditEvent({ event })) })
}

test('an event that was shortened may come from a host, and one that is short stays as it is', t => {
  const long = { ...FULL, resource: 'x'.repeat(5_000), reason: 'y'.repeat(300) }
  t.false(isAuditEvent(long))
  t.true(isAuditEvent(shortened(long)))
  t.is(shortened(long).peer, FULL.peer)
  t.is(shortened(FULL), FULL)
})

test('only what was allowed depends on the level', t => {
  const kinds: AuditKind[] = ['denied', 'allowed', 'handler', 'revoked', 'limit', 'audit', 'reload', 'tenant', 'host', 'blessing']
  t.deepEqual(kinds.filter(event => !isRecorded('denials', { event })), ['allowed'])
  t.true(kinds.every(event => isRecorded('all', { event })))
})

test('what was decided is said where the kind of event does not say it', t => {
  t.is(verdictOf({ event: 'limit' }), 'deny')
  t.is(verdictOf({ event: 'allowed' }), 'allow')
  t.is(verdictOf({ event: 'reload' }), undefined)
  t.is(verdictOf({ event: 'reload', decision: 'deny' }), 'deny')
})
