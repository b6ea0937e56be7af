/** A store of blessings for one test: its directory, its clock, and what it says of changes. */
import type { ExecutionContext } from 'ava'
import { mkdirSync, mkdtempSync, rmSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AuditEvent } from '../../src/audit.ts'
import type { Grant } from '../../src/blessing/grant.ts'
import type { BlessedSpec } from '../../src/config/blessed.ts'
import { Blessings } from '../../src/supervisor/blessings.ts'
import { until } from '../helpers/deadlines.ts'
import { FakeClock } from '../helpers/fakeClock.ts'

export const NOON = Date.parse('2026-11-28T12:00:00Z')
export const MINUTE_MS = 60_000
export const HOUR_MS = 60 * MINUTE_MS

export const SEARCH: BlessedSpec = { actions: ['provideService', 'openStream'], resources: ['/search/'], seconds: 3_600 }
export const CHAT = { tenant: 'chat', tenantId: 'id-of-chat' }

export class World {
  readonly stateDir = mkdtempSync(join(tmpdir(), 'p2pd-blessings-'))
  readonly clock = new FakeClock()
  readonly audited: Array<AuditEvent & { tenant: string }> = []
  changes = 0
  /** How far the machine's clock has been set, beside the time that passes. */
  setMs = 0
  readonly #opened: Blessings[] = []

  constructor (t: ExecutionContext) {
    t.teardown(async () => {
      for (const blessings of this.#opened) await blessings[Symbol.asyncDispose]()
      rmSync(this.stateDir, { recursive: true, force: true })
    })
  }

  get path (): string { return join(this.stateDir, 'blessings.json') }
  get seconds (): number { return Math.floor(this.nowMs / 1000) }
  get nowMs (): number { return NOON + this.clock.now() + this.setMs }

  async open (): Promise<Blessings> {
    const blessings = await Blessings.open({
      stateDir: this.stateDir,
      onChange: () => { this.changes++ },
      audit: (tenant, event) => { this.audited.push({ tenant, ...event }) },
      now: () => this.nowMs,
      after: this.clock.after
    })
    this.#opened.push(blessings)
    return blessings
  }

  /** Lets time pass, and waits for what it sets off. */
  async pass (ms: number, changes: number): Promise<void> {
    const wanted = this.changes + changes
    this.clock.advance(ms)
    await until(`${changes} changes`, () => this.changes >= wanted)
  }

  /** The audit trail since it was last asked for: `chat give provideService openStream on /search/`. */
  story (): string[] {
    return this.audited.splice(0).map(({ tenant, event, action, resource }) => `${event === 'blessing' ? '' : event}${tenant} ${action} ${resource}`)
  }

  /** From here on no file can be written; what is there stays. */
  refuseWrites (): void { mkdirSync(`${this.path}.new`) }
  allowWrites (): void { rmdirSync(`${this.path}.new`) }
}

export function resourcesOf (grants: readonly Grant[]): string[] {
  return grants.flatMap(({ resources }) => resources).sort()
}

export function on (resource: string, seconds = 3_600): BlessedSpec {
  return { actions: ['openStream'], resources: [resource], seconds }
}
