/**
 * What this host says to the audit log: to each who acts here its share, so that one that is refused without end makes nobody
 * else's lines a count. On the daemon's host those are many, on a tenant's the tenant alone.
 *
 * The supervisor bounds it again (supervisor/auditLog.ts): a host may be hostile.
 */
import type { Audit, AuditEvent } from '../audit.ts'
import { AuditLimiter, MONOTONIC, type AuditClock } from '../auditLimiter.ts'
import { DAEMON_NAME } from '../policy/document.ts'

/** Tenants that act here at a time, each with up to 600 KiB that is held of its lines. The oldest of more has to begin anew. */
const MAX_ACTORS = 64

export class HostAudit implements Disposable {
  readonly #send: Audit
  readonly #clock: AuditClock
  readonly #limiters = new Map<string | undefined, AuditLimiter>()

  constructor (send: Audit, clock = MONOTONIC) {
    this.#send = send
    this.#clock = clock
  }

  readonly record: Audit = event => { this.#limiterOf(event).record(event) }

  /** Sends what is held. */
  [Symbol.dispose] (): void {
    for (const limiter of this.#limiters.values()) limiter[Symbol.dispose]()
  }

  #limiterOf ({ actor }: AuditEvent): AuditLimiter {
    const found = this.#limiters.get(actor)
    if (found !== undefined) return found
    const [oldest] = this.#limiters
    if (oldest !== undefined && this.#limiters.size >= MAX_ACTORS) {
      this.#limiters.delete(oldest[0])
      oldest[1][Symbol.dispose]()
    }
    // How many lines are missing is said of whose they were.
    const whose = actor === undefined ? {} : { actor, onBehalfOf: DAEMON_NAME }
    const limiter = new AuditLimiter(event => { this.#send({ ...whose, ...event }) }, this.#clock)
    this.#limiters.set(actor, limiter)
    return limiter
  }
}
