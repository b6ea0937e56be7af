/** Who acts on the daemon's host has its own share of what that host says to the audit log. */
import test from 'ava'
import type { AuditEvent } from '../../src/audit.ts'
import { BURST_LINES } from '../../src/auditLimiter.ts'
import { HostAudit } from '../../src/host/hostAudit.ts'
import { FakeClock } from '../helpers/fakeClock.ts'

function world (): { clock: FakeClock, audit: HostAudit, sent: AuditEvent[] } {
  const clock = new FakeClock()
  const sent: AuditEvent[] = []
  return { clock, audit: new HostAudit(event => { sent.push(event) }, clock), sent }
}

function denied (resource: string, actor?: string): AuditEvent {
  return { event: 'denied', action: 'openStream', resource, ...actor !== undefined && { actor, onBehalfOf: 'daemon' } }
}

test('one tenant that is refused for ever new things takes no line from another, and its missing lines are said to be its own', t => {
  const { clock, audit, sent } = world()
  for (let i = 0; i < 2 * BURST_LINES; i++) audit.record(denied(`/${i}`, 'noisy'))
  const quiet = [denied('/a', 'quiet'), denied('/b')]
  for (const event of quiet) audit.record(event)
  t.deepEqual(sent.slice(BURST_LINES), quiet)
  clock.advance(1_000)
  t.like(sent.at(-1), { event: 'audit', action: 'drop', dropped: BURST_LINES, actor: 'noisy', onBehalfOf: 'daemon' })
})

test('however many act, what is held of them is bounded, and none of it is lost', t => {
  const { clock, audit, sent } = world()
  for (let i = 0; i < 1_000; i++) {
    for (let count = 0; count < 3; count++) audit.record(denied('/a', `t${i}`))
  }
  t.true(clock.timers <= 64)
  audit[Symbol.dispose]()
  t.is(clock.timers, 0)
  t.is(sent.reduce((sum, { dropped = 1 }) => sum + dropped, 0), 3_000)
})
