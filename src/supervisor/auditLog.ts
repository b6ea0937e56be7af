/**
 * The audit log: one JSON line for each decision that matters, in `<state>/audit.jsonl`.
 *
 * Owns what a line holds: who is named as the tenant (the supervisor says, never a host; only who acted in the daemon's name is
 * what the daemon's host says), that text from outside cannot forge or break a line, and how much each tenant may make it
 * write. A disk that refuses is no reason for a service to stop: what could not be written is counted, and the first line
 * that can be says how much is missing.
 */
import { KINDS_OF_HOSTS, auditPath, isCount, isRecorded, verdictOf, type AuditEvent, type AuditLevel, type AuditLine } from '../audit.ts'
import { AuditLimiter, MONOTONIC, type AuditClock } from '../auditLimiter.ts'
import { DAEMON_NAME } from '../config/names.ts'
import { P2pdError, messageOf } from '../errors.ts'
import { safeText, type Logger } from '../log.ts'
import { RotatingFile } from './rotatingFile.ts'

export interface AuditLogInit {
  readonly stateDir: string
  readonly level: AuditLevel
  readonly log: Logger
  /** Of one file. */
  readonly maxBytes?: number
  /** Files at most, the one that is written included: two or more. */
  readonly files?: number
  /** The time that lines bear, in milliseconds since 1970. */
  readonly now?: () => number
  /** The time that limits and new attempts go by. */
  readonly clock?: AuditClock
}

export interface AuditLog extends Disposable {
  /**
   * Writes a line, which is in the file when this returns, unless it is one too many. `tenant` is absent for what concerns
   * the daemon as a whole. Never throws.
   */
  record (tenant: string | undefined, event: AuditEvent): void
}

/** Some thirty thousand lines; p2pctl reads five such files in a second and a half. */
const MAX_BYTES = 10 * 1024 * 1024
const FILES = 5
/** How soon a disk that refused is tried again. */
const RETRY_MS = 1_000
/** Limiters that are kept: tenants come and go, and one that has been quiet needs none. */
const MAX_LIMITERS = 4096

/** Throws ERR_OCCUPIED where something that is not ours is in its place. Where the disk refuses it opens all the same. */
export function openAuditLog (init: AuditLogInit): AuditLog {
  const log = new Log(init)
  log.open()
  return log
}

class Log implements AuditLog {
  readonly #init: AuditLogInit
  readonly #path: string
  readonly #file: RotatingFile
  readonly #limiters = new Map<string, AuditLimiter>()
  /** Tenants there are, by what the supervisor says of them. */
  readonly #tenants = new Set<string>()
  readonly #now: () => number
  readonly #clock: AuditClock
  /** Events that could not be written since the last line. */
  #lost = 0
  #lostReason = ''
  #retryMs = 0
  #closed = false

  constructor (init: AuditLogInit) {
    const { stateDir, log, maxBytes = MAX_BYTES, files = FILES, now = Date.now, clock = MONOTONIC } = init
    this.#init = init
    this.#now = now
    this.#clock = clock
    this.#path = auditPath(stateDir)
    this.#file = new RotatingFile({ paths: Array.from({ length: files }, (_, age) => auditPath(stateDir, age)), maxBytes, log })
  }

  open (): void {
    try {
      this.#file.open()
    } catch (error) {
      if (error instanceof P2pdError) throw error
      this.#fail(error, 0)
    }
  }

  record (tenant: string | undefined, event: AuditEvent): void {
    if (this.#closed || !isRecorded(this.#init.level, event)) return
    if (tenant !== undefined && event.event === 'tenant') this.#note(tenant, event)
    this.#limiterOf(tenant, this.#actorOf(tenant, event), event).record(event)
  }

  /** What is held is written first. */
  [Symbol.dispose] (): void {
    if (this.#closed) return
    for (const limiter of this.#limiters.values()) limiter[Symbol.dispose]()
    this.#closed = true
    this.#retryMs = 0
    if (this.#lost > 0) this.#append('', 0)
    this.#file[Symbol.dispose]()
  }

  #note (tenant: string, { action }: AuditEvent): void {
    if (action === 'remove') this.#tenants.delete(tenant)
    else this.#tenants.add(tenant)
  }

  /**
   * Who acted in the daemon's name, where that is a tenant there is: with names that it makes up, the daemon's host would get
   * more lines than it may have.
   */
  #actorOf (tenant: string | undefined, { actor }: AuditEvent): string | undefined {
    return tenant === DAEMON_NAME && actor !== undefined && this.#tenants.has(actor) ? actor : undefined
  }

  /**
   * What the supervisor sees itself has a limiter of its own, so that a host cannot crowd it out; so has each who acts in the
   * daemon's name, so that none of them makes the others' lines a count.
   */
  #limiterOf (tenant: string | undefined, actor: string | undefined, { event }: AuditEvent): AuditLimiter {
    const key = JSON.stringify([tenant, KINDS_OF_HOSTS.has(event), actor])
    const found = this.#limiters.get(key)
    if (found !== undefined) return found
    const [oldest] = this.#limiters
    if (oldest !== undefined && this.#limiters.size >= MAX_LIMITERS) {
      this.#limiters.delete(oldest[0])
      oldest[1][Symbol.dispose]()
    }
    const whose = actor === undefined ? {} : { actor, onBehalfOf: DAEMON_NAME }
    const limiter = new AuditLimiter(passed => { this.#append(this.#line(tenant, { ...whose, ...passed }), passed.dropped ?? 1) }, this.#clock)
    this.#limiters.set(key, limiter)
    return limiter
  }

  #line (tenant: string | undefined, event: AuditEvent): string {
    return `${JSON.stringify(lineOf(new Date(this.#now()), tenant, event))}\n`
  }

  /** `weight` is how many events the line stands for. */
  #append (line: string, weight: number): void {
    if (this.#clock.now() < this.#retryMs) {
      this.#lost += weight
      return
    }
    const lost = this.#lost
    const gap = lost === 0 ? '' : this.#line(undefined, { event: 'audit', action: 'lose', reason: this.#lostReason, dropped: lost })
    try {
      this.#file.append(gap + line)
    } catch (error) {
      return this.#fail(error, weight)
    }
    if (this.#lostReason !== '') this.#init.log.warn({ lost }, `${this.#path} is written again`)
    this.#lost = 0
    this.#lostReason = ''
  }

  #fail (error: unknown, weight: number): void {
    this.#lost += weight
    this.#retryMs = this.#clock.now() + RETRY_MS
    if (this.#lostReason === '') {
      this.#init.log.error({ reason: messageOf(error) }, `${this.#path} cannot be written: make room on its disk, or mend what the reason names; what happens meanwhile is counted`)
    }
    this.#lostReason = messageOf(error)
  }
}

/** Its keys in the order of AuditLine; only those that have something to say. */
function lineOf (time: Date, tenant: string | undefined, event: AuditEvent): AuditLine {
  const { actor, onBehalfOf, uid, pid, action, resource, peer, address, policy, epoch, reason, dropped } = event
  const decision = verdictOf(event)
  return {
    time: time.toISOString(),
    ...text('tenant', tenant),
    event: event.event,
    // Whoever else says so is a tenant's host, and could name anybody.
    ...tenant === DAEMON_NAME && { ...text('actor', actor), ...text('onBehalfOf', onBehalfOf) },
    ...count('uid', uid),
    ...count('pid', pid),
    ...text('action', action),
    ...text('resource', resource),
    ...text('peer', peer),
    ...text('address', address),
    ...decision !== undefined && { decision },
    ...text('policy', policy),
    ...count('epoch', epoch),
    ...text('reason', reason),
    ...count('dropped', dropped)
  }
}

function text (name: string, value: string | undefined): object {
  return value === undefined ? {} : { [name]: safeText(value) }
}

function count (name: string, value: number | undefined): object {
  return isCount(value) ? { [name]: value } : {}
}
