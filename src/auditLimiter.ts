/**
 * How often the same may be said to the audit log, and how much a tenant may make it write.
 *
 * The first of what can be repeated at will passes at once. Repeats within a window are held, and pass as one when the window
 * ends: the last of them, with `dropped` for how many it stands for. What passes is bounded besides, by a token bucket; what finds
 * it empty is counted, and a line of its own says so once a second. So nothing is left uncounted: the events that pass, each
 * for the `dropped` it has or for one, are all that were recorded.
 *
 * Used in a host, so that the channel to the supervisor is not flooded, and for each tenant in the supervisor, because a
 * host may be hostile.
 */
import { shortened, verdictOf, type Audit, type AuditEvent, type AuditKind } from './audit.ts'
import { TokenBucket } from './tokenBucket.ts'

/** Time as the limiter needs it, monotonic. */
export interface AuditClock {
  now (): number
  after (ms: number, callback: () => void): Disposable
}

/** A program that is refused tries again at once and for hours: six lines a minute say that as well as thousands. */
export const WINDOW_MS = 10_000
/** A tenant that does all it can to push others' lines out of the log, 50 MiB of about 350 bytes each, needs four hours for it. */
export const LINES_PER_SECOND = 10
/** A program that starts asks for everything it will ever do, at once. */
export const BURST_LINES = 200
/** How often windows are looked at while something is held. */
const TICK_MS = 1_000

/** What a program or a peer can repeat at will. Of the rest there are no more than there were things to close, hosts and reloads. */
const REPEATABLE: ReadonlySet<AuditKind> = new Set<AuditKind>(['denied', 'allowed', 'handler', 'limit'])

/** What was written about one kind of event: when, and what has come since. */
interface Window { readonly sinceMs: number, held: number, last: AuditEvent }

export class AuditLimiter implements Disposable {
  readonly #pass: Audit
  readonly #clock: AuditClock
  /** The oldest first. No more than the bucket lets through in the time of one, which is 300, each about 2 KiB. */
  readonly #windows = new Map<string, Window>()
  /** Windows that hold something. */
  #holding = 0
  readonly #tokens: TokenBucket
  /** Events that found no token since the last line about such. */
  #dropped = 0
  #droppedSinceMs = 0
  /** Runs only while something is held or counted. */
  #tick: Disposable | undefined

  constructor (pass: Audit, clock = MONOTONIC) {
    this.#pass = pass
    this.#clock = clock
    this.#tokens = new TokenBucket({ perSecond: LINES_PER_SECOND, burst: BURST_LINES, now: () => clock.now() })
  }

  readonly record: Audit = event => {
    const nowMs = this.#clock.now()
    this.#settle(nowMs)
    const bounded = shortened(event)
    const key = REPEATABLE.has(bounded.event) ? keyOf(bounded) : undefined
    const window = key === undefined ? undefined : this.#windows.get(key)
    if (window === undefined) {
      if (this.#write(bounded, nowMs) && key !== undefined) this.#windows.set(key, { sinceMs: nowMs, held: 0, last: bounded })
    } else {
      if (window.held === 0) this.#holding++
      window.held += weightOf(bounded)
      window.last = bounded
    }
    this.#keepTicking()
  }

  /** Passes what is held. */
  [Symbol.dispose] (): void {
    const nowMs = this.#clock.now()
    for (const window of this.#windows.values()) this.#summarise(window, nowMs)
    this.#windows.clear()
    this.#sayDropped()
    this.#keepTicking()
  }

  /** Ends the windows that are over, and says what was dropped if that was a while ago. */
  #settle (nowMs: number): void {
    for (const [key, window] of this.#windows) {
      if (nowMs - window.sinceMs < WINDOW_MS) break
      this.#windows.delete(key)
      // What goes on gets one line a window, not two.
      if (this.#summarise(window, nowMs)) this.#windows.set(key, { ...window, sinceMs: nowMs, held: 0 })
    }
    if (nowMs - this.#droppedSinceMs >= TICK_MS) this.#sayDropped()
  }

  /** Whether it held something, and that has been written. */
  #summarise ({ held, last }: Window, nowMs: number): boolean {
    if (held === 0) return false
    this.#holding--
    return this.#write({ ...last, dropped: held }, nowMs)
  }

  /** Whether there was a token for it. */
  #write (event: AuditEvent, nowMs: number): boolean {
    if (!this.#tokens.take()) {
      if (this.#dropped === 0) this.#droppedSinceMs = nowMs
      this.#dropped += weightOf(event)
      return false
    }
    this.#pass(event)
    return true
  }

  /** Takes no token: there is one such line a second at most. */
  #sayDropped (): void {
    if (this.#dropped === 0) return
    const dropped = this.#dropped
    this.#dropped = 0
    this.#pass({ event: 'audit', action: 'drop', reason: `more than ${LINES_PER_SECOND} lines a second`, dropped })
  }

  #keepTicking (): void {
    if (this.#dropped === 0 && this.#holding === 0) {
      this.#tick?.[Symbol.dispose]()
      this.#tick = undefined
    } else {
      this.#tick ??= this.#clock.after(TICK_MS, () => {
        this.#tick = undefined
        this.#settle(this.#clock.now())
        this.#keepTicking()
      })
    }
  }
}

export const MONOTONIC: AuditClock = {
  now: () => performance.now(),
  after (ms, callback) {
    // What is held holds no process: whoever stops in order disposes of the limiter.
    const timer = setTimeout(callback, ms).unref()
    return { [Symbol.dispose]: () => { clearTimeout(timer) } }
  }
}

/** How many events it stands for. */
function weightOf ({ dropped }: AuditEvent): number {
  return dropped ?? 1
}

/**
 * What makes two events the same. The peer is part of it: one that is refused all day may not hide another. The address is
 * not: a peer has as many as it likes.
 */
function keyOf (event: AuditEvent): string {
  return JSON.stringify([event.event, event.actor, event.action, event.resource, event.peer, event.uid, verdictOf(event)])
}
