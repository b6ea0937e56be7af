/**
 * The blessings of this machine: given, kept on disk, renewed, expired and taken back.
 *
 * What is given is on disk before anybody hears of it; where the disk refuses, it is not given. What is taken back has ended at
 * once, whatever the disk does, and is said to be done when it is on disk: so a crash at any moment revives nothing that was
 * said to be taken back, and loses nothing that was given. One change is written at a time. What a manifest says is renewed at
 * half of its lifetime for as long as it says so; what an operator gave expires. Time is the machine's clock, which may be set:
 * so it is looked at again every minute.
 */
import { standsAt, type Grant } from '../blessing/grant.ts'
import { MAX_GRANTS, type BlessedSpec } from '../config/blessed.ts'
import { show } from '../config/show.ts'
import type { AuditEvent } from '../audit.ts'
import { P2pdError, messageOf } from '../errors.ts'
import type { Logger } from '../log.ts'
import { BlessingsFile } from './blessingsFile.ts'
import { applyManifests, applyTime, dueOf, endUndeclared, type DeclaredBlessings } from './blessingsRules.ts'
import { BlessingsTable } from './blessingsTable.ts'

export interface BlessingsInit {
  readonly stateDir: string
  /** Called after what stands has changed by itself: renewed, or expired. Never for what give(), revoke() and declare() did. */
  readonly onChange: () => void
  readonly audit?: (tenant: string, event: AuditEvent) => void
  readonly log?: Logger
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** Calls back once, unless it is disposed before. */
  readonly after?: (ms: number, callback: () => void) => Disposable
}

export interface BlessRequest extends BlessedSpec {
  readonly tenant: string
  readonly tenantId: string
}

/** One line of the list that operators see. */
export interface BlessingRow extends Grant {
  /** Where the app asks in the daemon's name without saying so. */
  readonly socket: string
  /** `revoked`: the manifest says it, and an operator has taken it back. */
  readonly state: 'standing' | 'revoked'
}

/** How soon a disk that refused is tried again. */
const RETRY_MS = 5_000
/** The clock may be set, and timers stand still while a machine sleeps. */
const MAX_WAIT_MS = 60_000

export class Blessings implements Disposable, AsyncDisposable {
  readonly #init: BlessingsInit
  readonly #file: BlessingsFile
  readonly #now: () => number
  #table: BlessingsTable
  /** Of the last change that was tried. */
  #lastEpoch: number
  /** The draft that is being written: what is taken back meanwhile is gone from it too. */
  #pending: BlessingsTable | undefined
  /** Whether the disk lacks what was taken back, or may hold a change that did not happen: it refused in the midst of one. */
  #isUnsettled = false
  /** Whether it refused the last time. */
  #isRefusing = false
  /** Whether anybody has said what the manifests say. Until then what is of a manifest is neither renewed nor expires. */
  #isDeclared = false
  #timer: Disposable | undefined
  /** Changes, one after the other. */
  #queue: Promise<unknown> = Promise.resolve()
  #closed = false

  private constructor (init: BlessingsInit, file: BlessingsFile, table: BlessingsTable) {
    this.#init = init
    this.#file = file
    this.#table = table
    this.#lastEpoch = table.epoch
    this.#now = init.now ?? Date.now
    this.#schedule()
  }

  /**
   * What was kept stands from here on; declare() is to follow before anything is done by it. Rejects with a ConfigError when
   * what was kept cannot be read.
   */
  static async open (init: BlessingsInit): Promise<Blessings> {
    const file = new BlessingsFile(init.stateDir)
    return new Blessings(init, file, new BlessingsTable(await file.read()))
  }

  /** Counts up with every change to any of them, over restarts too. */
  get epoch (): number { return this.#table.epoch }

  /** What stands now, by the clock. */
  standing (): Grant[] {
    const nowMs = this.#now()
    return this.#table.grants.filter(grant => standsAt(grant, nowMs))
  }

  /** What stands, and what manifests say in vain; by tenant, the oldest change first. */
  rows (socketOf: (tenant: string) => string): BlessingRow[] {
    const rowOf = (state: BlessingRow['state']) => (grant: Grant): BlessingRow => ({ ...grant, socket: socketOf(grant.tenant), state })
    const rows = [...this.standing().map(rowOf('standing')), ...this.#table.revoked.map(rowOf('revoked'))]
    return rows.sort((a, b) => a.tenant === b.tenant ? a.epoch - b.epoch : a.tenant < b.tenant ? -1 : 1)
  }

  /** On disk when it resolves. ERR_LIMIT where there are enough, ERR_SYSTEM where the disk refuses. */
  async give ({ tenant, tenantId, ...spec }: BlessRequest): Promise<Grant> {
    return await this.#change((draft, nowSeconds) => {
      const has = draft.grants.filter(grant => grant.tenant === tenant && grant.expires > nowSeconds).length
      if (has >= MAX_GRANTS) throw new P2pdError('ERR_LIMIT', `${tenant} has ${has} blessings, and ${MAX_GRANTS} is the most: \`p2pctl blessings\` lists them, \`p2pctl unbless ${tenant} --id ID\` ends one`)
      return draft.give({ tenant, tenantId, source: 'operator' }, spec, nowSeconds)
    }, { mayGrow: true })
  }

  /**
   * All of a tenant's, or one: what was ended. It stands no longer when this returns, and is on disk when it resolves. One that
   * the manifest says is not given again until its entry there says something else. ERR_REQUEST when there is none, ERR_SYSTEM
   * where the disk refuses: they have ended then too, and it is tried again until it is on disk.
   *
   * @param enforce called when they stand no longer; waits for no disk
   */
  async revoke (tenant: string, id?: string, enforce = async (): Promise<void> => {}): Promise<Grant[]> {
    this.#assertOpen()
    const draft = this.#draft()
    const found = draft.grants.filter(grant => grant.tenant === tenant && (id === undefined || grant.id === id) &&
      // The renewal of one that a manifest says can be late, and comes.
      (grant.source === 'manifest' || grant.expires * 1000 > this.#now()))
    if (found.length === 0) {
      throw new P2pdError('ERR_REQUEST', `${tenant} has no blessing${id === undefined ? '' : ` ${show(id)}`} that stands: \`p2pctl blessings\` lists those there are`)
    }
    const ended = found.map(grant => draft.revoke(grant, `${grant.id}, by an operator`, { isRemembered: true }))
    for (const grant of ended) this.#pending?.follow(grant)
    this.#accept(draft)
    this.#isUnsettled = true
    const [enforced, kept] = await Promise.allSettled([enforce(), this.#settle()])
    if (enforced.status === 'rejected') throw enforced.reason
    if (kept.status === 'rejected') {
      throw new P2pdError('ERR_SYSTEM', `it has ended now; it is not on disk yet and would stand again after a crash (${reasonOf(kept.reason)}): make room on the disk, or mend what the reason names, and p2pd writes it within seconds`, { cause: kept.reason })
    }
    return ended
  }

  /**
   * What the manifests say now, all of them: given, kept or dropped. What was given to tenants that are not there any more ends,
   * also where another tenant has the name. On disk when it resolves. Where the disk refuses what is to be given, nothing has
   * changed; what only ends has ended, since it ends again with every start.
   */
  async declare (tenants: readonly DeclaredBlessings[]): Promise<void> {
    await this.#inTurn(async () => {
      let isGiving = false
      try {
        await this.#changeNow((draft, nowSeconds) => {
          applyManifests(draft, tenants, nowSeconds)
          isGiving = draft.happened.some(({ event }) => event.action === 'give')
        }, { mayGrow: true })
      } catch (error) {
        if (isGiving || !isRefusal(error)) throw error
        const draft = this.#draft()
        endUndeclared(draft, tenants)
        this.#accept(draft)
      }
    })
    this.#isDeclared = true
    this.#schedule()
  }

  /** Nothing changes any more; what is being written is. */
  [Symbol.dispose] (): void {
    this.#closed = true
    this.#timer?.[Symbol.dispose]()
  }

  /** The same, and what was being written is on disk, or has been refused for good. */
  async [Symbol.asyncDispose] (): Promise<void> {
    this[Symbol.dispose]()
    await this.#settle().catch(() => {})
  }

  /** On disk, and then so. What was not written before is written with it, or else tried, and no reason to reject. */
  async #change<T> (edit: (draft: BlessingsTable, nowSeconds: number) => T, { mayGrow }: { mayGrow: boolean }): Promise<T> {
    return await this.#inTurn(async () => await this.#changeNow(edit, { mayGrow }))
  }

  async #changeNow<T> (edit: (draft: BlessingsTable, nowSeconds: number) => T, { mayGrow }: { mayGrow: boolean }): Promise<T> {
    this.#assertOpen()
    const draft = this.#draft()
    const result = edit(draft, Math.floor(this.#now() / 1000))
    if (draft.isChanged) await this.#write(draft, { mayGrow })
    else if (this.#isUnsettled) await this.#write(draft, { mayGrow: false }).catch(() => {})
    return result
  }

  /** What was taken back is on disk when it resolves; also once nothing changes any more. */
  async #settle (): Promise<void> {
    await this.#inTurn(async () => { if (this.#isUnsettled) await this.#write(this.#draft(), { mayGrow: false }) })
  }

  async #write (draft: BlessingsTable, { mayGrow }: { mayGrow: boolean }): Promise<void> {
    const { state } = draft
    this.#lastEpoch = draft.epoch
    this.#pending = draft
    try {
      await this.#file.write(state, { mayGrow })
    } catch (error) {
      if (isRefusal(error)) this.#onRefusal(error)
      this.#schedule()
      throw error
    } finally {
      this.#pending = undefined
    }
    if (this.#isRefusing) this.#init.log?.info('blessings are kept on disk again')
    this.#isRefusing = false
    // Something was taken back meanwhile.
    this.#isUnsettled = draft.epoch > state.epoch
    this.#accept(draft)
  }

  #onRefusal (error: P2pdError): void {
    if (!this.#isRefusing) this.#init.log?.error({ reason: messageOf(error) }, 'blessings cannot be kept on disk: make room there, or mend what the reason names')
    this.#isUnsettled = true
    this.#isRefusing = true
  }

  #draft (): BlessingsTable {
    return this.#table.draft(this.#lastEpoch)
  }

  /** From here on it is so. */
  #accept (draft: BlessingsTable): void {
    this.#lastEpoch = draft.epoch
    this.#table = draft
    for (const { tenant, event } of draft.happened) this.#init.audit?.(tenant, event)
    this.#schedule()
  }

  /** One timer, for what is due next. */
  #schedule (): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
    const isDeclared = this.#isDeclared
    const due = this.#table.grants.map(grant => dueOf(grant, { isDeclared })).filter(seconds => seconds !== undefined)
    if (this.#closed || (due.length === 0 && !this.#isUnsettled)) return
    const waitMs = this.#isUnsettled ? RETRY_MS : Math.min(Math.max(Math.min(...due) * 1000 - this.#now(), 0), MAX_WAIT_MS)
    this.#timer = (this.#init.after ?? afterUnreffed)(waitMs, () => { void this.#tick() })
  }

  async #tick (): Promise<void> {
    const { log, onChange } = this.#init
    try {
      const isChanged = await this.#change((draft, nowSeconds) => {
        applyTime(draft, nowSeconds, { isDeclared: this.#isDeclared })
        return draft.isChanged
      }, { mayGrow: false })
      if (isChanged) onChange()
      else this.#schedule()
    } catch (error) {
      if (this.#closed) return
      if (!isRefusal(error)) log?.error({ reason: messageOf(error) }, 'blessings cannot be renewed')
      // Whatever the disk says: what is over is over.
      if (this.standing().length < this.#table.grants.length) onChange()
    }
  }

  #assertOpen (): void {
    if (this.#closed) throw new P2pdError('ERR_CLOSED', 'p2pd is stopping')
  }

  async #inTurn<T> (change: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(change)
    this.#queue = result.catch(() => {})
    return await result
  }
}

/** The disk's, not one of length. */
function isRefusal (error: unknown): error is P2pdError {
  return error instanceof P2pdError && error.code === 'ERR_SYSTEM'
}

/** What the system said, without what it means for a change that is disk first. */
function reasonOf (error: unknown): string {
  return messageOf(isRefusal(error) ? error.cause : error)
}

function afterUnreffed (ms: number, callback: () => void): Disposable {
  // Who waits for nothing but this may end.
  const timer = setTimeout(callback, ms).unref()
  return { [Symbol.dispose]: () => { clearTimeout(timer) } }
}
