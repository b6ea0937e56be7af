/**
 * What the audit log records: the shape of one event, shared by the hosts that see it and the supervisor that writes it, of
 * one line, and where the lines are.
 *
 * An event says who did what to what, and what was decided by which policy. It never holds payloads or keys. Writing and
 * rotation are the supervisor's (supervisor/auditLog.ts), and text from outside is made safe there, once; how often the same
 * may be said is auditLimiter.ts.
 */
import { join } from 'node:path'

export interface AuditEvent {
  readonly event: AuditKind
  /** The tenant that acted, where it was in another's name. Only the daemon's host can have seen that. */
  readonly actor?: string
  /** In whose: always `daemon`. */
  readonly onBehalfOf?: string
  /** Program that asked, by the kernel's word. */
  readonly uid?: number
  readonly pid?: number
  /** An action of the policy schema, or what was done: `register`, `remove`, `crashed`. */
  readonly action?: string
  /** `Protocol /chat/1.0.0`, `Peer 12D3...`, `limits.streams` */
  readonly resource?: string
  readonly peer?: string
  readonly address?: string
  /** Where the kind of event does not say it: whether a handler or a reload was let through. */
  readonly decision?: Verdict
  readonly policy?: string
  readonly epoch?: number
  readonly reason?: string
  /** It stands for so many events that have no line of their own; absent where it stands for itself alone. */
  readonly dropped?: number
}

export type AuditKind =
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
  /** Events are missing here: there were too many, or they could not be written. `dropped` says how many. */
  | 'audit'
  /** A new epoch is in force, or a reload was refused. */
  | 'reload'
  /** A tenant was added, removed or changed. */
  | 'tenant'
  /** A blessing was given, renewed or taken back, or has expired. */
  | 'blessing'
  /** A host started, ended, crashed, hung or was parked. */
  | 'host'

export type Verdict = 'allow' | 'deny'

/** `denials` leaves out what was asked of policy and allowed; everything else is recorded at both. */
export type AuditLevel = 'denials' | 'all'

/** Takes an event; never throws, never waits. */
export type Audit = (event: AuditEvent) => void

/** One line of the log, as JSON, with its keys in this order. */
export type AuditLine = { readonly time: string, readonly tenant?: string } & AuditEvent

/** Longest text of an event on its way to the log, in characters: one more than is kept, so that the log shows the cut. */
export const MAX_AUDIT_TEXT = 257

const VERDICTS: Readonly<Partial<Record<AuditKind, Verdict>>> = { denied: 'deny', allowed: 'allow', revoked: 'deny', limit: 'deny' }

/** What a host can have seen itself. The rest is the supervisor's to witness, and a host may not say it. */
export const KINDS_OF_HOSTS: ReadonlySet<unknown> = new Set<AuditKind>(['denied', 'allowed', 'handler', 'revoked', 'limit', 'audit'])

const TEXTS = ['actor', 'onBehalfOf', 'action', 'resource', 'peer', 'address', 'policy', 'reason'] as const
const NUMBERS = ['uid', 'pid', 'epoch', 'dropped'] as const
const KEYS: ReadonlySet<string> = new Set(['event', 'decision', ...TEXTS, ...NUMBERS])

/** Whether a message from a host is an event that a host may report. Hosts parse bytes from the network: what they say is looked at. */
export function isAuditEvent (value: unknown): value is AuditEvent {
  if (typeof value !== 'object' || value === null) return false
  const fields: Record<string, unknown> = { ...value }
  return KINDS_OF_HOSTS.has(fields['event']) &&
    Object.keys(fields).every(name => KEYS.has(name)) &&
    TEXTS.every(name => fields[name] === undefined || isShort(fields[name])) &&
    NUMBERS.every(name => fields[name] === undefined || isCount(fields[name])) &&
    [undefined, 'allow', 'deny'].includes(fields['decision'] as Verdict | undefined)
}

/** The event with every text cut to what isAuditEvent() lets through. */
export function shortened (event: AuditEvent): AuditEvent {
  const long = TEXTS.filter(name => !isShort(event[name] ?? ''))
  if (long.length === 0) return event
  return { ...event, ...Object.fromEntries(long.map(name => [name, event[name]?.slice(0, MAX_AUDIT_TEXT)])) as Partial<AuditEvent> }
}

export function isCount (value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

export function isRecorded (level: AuditLevel, { event }: AuditEvent): boolean {
  return level === 'all' || event !== 'allowed'
}

/** What was decided; undefined where nothing was. */
export function verdictOf ({ event, decision }: AuditEvent): Verdict | undefined {
  return decision ?? VERDICTS[event]
}

/** The file that is written, and with 1, 2, ... those before it, the newest first. */
export function auditPath (stateDir: string, age = 0): string {
  return join(stateDir, age === 0 ? 'audit.jsonl' : `audit.jsonl.${age}`)
}

function isShort (value: unknown): boolean {
  return typeof value === 'string' && value.length <= MAX_AUDIT_TEXT
}
