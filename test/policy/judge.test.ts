import test from 'ava'
import type { AuditEvent } from '../../src/audit.ts'
import type { Ask, Policy } from '../../src/policy/ask.ts'
import { Judge } from '../../src/policy/judge.ts'

const CALLER = { tenant: 'chat', process: { uid: 1000, gid: 1000, pid: 7 } }

function allowing (epoch: number, ...protocols: string[]): Policy {
  return { decide: (_, { resource }) => ({ allowed: protocols.includes(resource.id), policy: 'p', epoch }) }
}

function open (protocol: string): Ask {
  return { action: 'openStream', resource: { type: 'Protocol', id: protocol }, context: { peer: '12D3', relayed: false } }
}

function judge (policy: Policy, auditAllowed = false): { judge: Judge, events: AuditEvent[] } {
  const events: AuditEvent[] = []
  return { judge: new Judge({ tenant: 'chat', policy, audit: event => { events.push(event) }, auditAllowed }), events }
}

test('a denial names the action and the resource, and is recorded with who, what, where, by what', t => {
  const { judge: one, events } = judge(allowing(3))
  t.throws(() => { one.require(CALLER, open('/a\n/1')) }, { code: 'ERR_DENIED', message: 'openStream denied on Protocol /a\\u000a/1' })
  t.deepEqual(events, [{ event: 'denied', uid: 1000, pid: 7, action: 'openStream', resource: 'Protocol /a\n/1', peer: '12D3', policy: 'p', epoch: 3 }])
})

test('a denied address is named', t => {
  const { judge: one } = judge(allowing(1))
  const context = { address: '/dns4/x.org/tcp/1', ip: '10.0.0.1', port: 1, relayed: false }
  t.throws(() => { one.require(CALLER, { action: 'dial', resource: { type: 'Peer', id: '12D3' }, context }) }, { message: 'dial denied on Peer 12D3 at /dns4/x.org/tcp/1' })
})

test('what is allowed is recorded only where that is wanted', t => {
  const quiet = judge(allowing(1, '/a'))
  quiet.judge.require(CALLER, open('/a'))
  t.deepEqual(quiet.events, [])
  const all = judge(allowing(1, '/a'), true)
  all.judge.require(CALLER, open('/a'))
  t.like(all.events[0], { event: 'allowed', action: 'openStream' })
})

test('a request sees one policy from its beginning to its end', t => {
  const { judge: one } = judge(allowing(1, '/a'))
  const inForce = one.inForce()
  one.replace(allowing(2))
  t.notThrows(() => { inForce(CALLER, open('/a')) })
  t.throws(() => { one.require(CALLER, open('/a')) })
})

test('what a new policy denies of what is open is closed, once, and recorded; the rest is not touched', t => {
  const { judge: one, events } = judge(allowing(1, '/a', '/b', '/c'))
  const closed: string[] = []
  const hold = (protocol: string): (() => void) => one.hold(CALLER, open(protocol), ({ message }) => { closed.push(message) })
  hold('/a')
  hold('/b')
  hold('/c')()
  t.is(one.replace(allowing(2, '/b')), 1)
  t.is(one.replace(allowing(3, '/b')), 0)
  t.deepEqual(closed, ['openStream denied on Protocol /a from now on'])
  t.like(events, [{ event: 'revoked', action: 'openStream', resource: 'Protocol /a', epoch: 2 }])
})

test('what was asked before a change and is open after it is closed at once', t => {
  const { judge: one } = judge(allowing(1, '/a'))
  one.require(CALLER, open('/a'))
  one.replace(allowing(2))
  let closed = 0
  one.hold(CALLER, open('/a'), () => { closed++ })
  one.replace(allowing(3))
  t.is(closed, 1)
})
