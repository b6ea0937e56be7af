/**
 * What the audit log records: the shape of one event, shared by the hosts that see it and the supervisor that writes it.
 *
 * An event says who did what to what, and what was decided by which policy. It never holds payloads or keys. Writing,
 * rotation and limits are the supervisor's (supervisor/auditLog.ts); text from outside is made safe there, once.
 */

export interface AuditEvent {
  readonly event:
    /** Something was asked of policy and refused. */
    | 'denied'
    /** Asked and allowed; recorded only at the level that wants it. */
    | 'allowed'
    /** A handler was registered or removed, or a program began to wait for streams. */
    | 'handler'
    /** Something open was closed because a new epoch denies it. */
    | 'revoked'
    /** A limit of the tenant was reached. */
    | 'limit'
    /** A new epoch is in force, or a reload was refused. */
    | 'reload'
    /** A tenant was added, removed or changed. */
    | 'tenant'
    /** A host started, ended, crashed, hung or was parked. */
    | 'host'
  /** Program that asked, by the kernel's word. */
  readonly uid?: number
  readonly pid?: number
  /** An action of the policy schema, or what was done: `register`, `remove`, `crashed`. */
  readonly action?: string
  /** `Protocol /chat/1.0.0`, `Peer 12D3...`, `limits.streams` */
  readonly resource?: string
  readonly peer?: string
  readonly address?: string
  readonly policy?: string
  readonly epoch?: number
  readonly reason?: string
}

/** Takes an event; never throws, never waits. */
export type Audit = (event: AuditEvent) => void
