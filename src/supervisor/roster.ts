/**
 * All tenants of this daemon: declared, with an identity, listening, and served.
 *
 * Owns how a declaration becomes a running tenant and how a reload changes exactly what it says: validated whole or nothing,
 * and only what changed restarts. A tenant whose identity is damaged is on the list too, refusing connects with the reason.
 */
import { closeSync } from 'node:fs'
import { refuse } from '../control/refusal.ts'
import { diffTenants } from '../config/diffTenants.ts'
import { loadTenants } from '../config/loadTenants.ts'
import type { TenantSpec } from '../config/tenant.ts'
import { P2pdError, messageOf } from '../errors.ts'
import type { Keystore } from '../keystore/keystore.ts'
import type { Registration } from '../link.ts'
import type { Logger } from '../log.ts'
import type { RunTree } from './runTree.ts'
import { Tenant, type TenantStatus } from './tenant.ts'

export interface RosterInit {
  readonly tenantsDir: string
  readonly run: RunTree
  readonly keystore: Keystore
  readonly uid: number
  readonly log: Logger
  readonly onChange: (row: Row) => void
}

/** One line of the list, without asking the host for anything. */
export interface Row {
  readonly name: string
  /** Absent if the identity is damaged; the reason says how. */
  readonly peerId?: string
  readonly socket: string
  readonly state: string
  readonly addresses: readonly string[]
}

export interface Changes { added: string[], removed: string[], changed: string[], same: string[] }

interface Entry {
  readonly spec: TenantSpec
  readonly fd: number
  readonly tenant: Tenant
  peerId: string | undefined
}

export class Roster {
  readonly #init: RosterInit
  readonly #entries = new Map<string, Entry>()
  /** Reloads and restarts, one after the other. */
  #queue: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor (init: RosterInit) {
    this.#init = init
  }

  /** Reads the declarations and applies them. Rejects with a ConfigError that holds every fault, and then nothing has changed. */
  async reload (): Promise<Changes> {
    return await this.#inTurn(async () => {
      if (this.#closed) throw new P2pdError('ERR_CLOSED', 'p2pd is stopping')
      const { tenantsDir, run, uid } = this.#init
      const specs = loadTenants(tenantsDir, { runDir: run.directory, uid })
      const diff = diffTenants([...this.#entries.values()].map(({ spec }) => spec), specs)
      await Promise.all(diff.removed.map(async ({ name }) => { await this.#remove(name) }))
      await Promise.all(diff.changed.map(async ({ after }) => { await this.#change(after) }))
      await Promise.all(diff.added.map(async spec => { await this.#add(spec) }))
      // Reloading is also how an operator says "I have mended it".
      await Promise.all(diff.same.map(async ({ name }) => {
        const { tenant } = this.#entry(name)
        if (tenant.state === 'failed' || tenant.state === 'parked') await tenant.restart()
      }))
      const names = (list: Array<{ name: string }>): string[] => list.map(({ name }) => name)
      return { added: names(diff.added), removed: names(diff.removed), changed: names(diff.changed.map(({ after }) => after)), same: names(diff.same) }
    })
  }

  /** Starts a tenant's host anew, whatever state it is in, with the identity the keystore has now. */
  async restart (name: string): Promise<void> {
    await this.#inTurn(async () => {
      const entry = this.#entry(name)
      entry.peerId = await this.#enrolled(name)
      await entry.tenant.restart()
    })
  }

  rows (): Row[] {
    return [...this.#entries.values()].map(entry => this.#row(entry)).sort((a, b) => a.name < b.name ? -1 : 1)
  }

  async statuses (): Promise<Array<Row & TenantStatus>> {
    const entries = [...this.#entries.values()].sort((a, b) => a.spec.name < b.spec.name ? -1 : 1)
    return await Promise.all(entries.map(async entry => ({ ...this.#row(entry), ...await entry.tenant.status() })))
  }

  candidates (uid: number): Array<{ tenant: Tenant, socketPath: string }> {
    return [...this.#entries.values()]
      .filter(({ spec }) => spec.app.uid === uid)
      .map(({ spec, tenant }) => ({ tenant, socketPath: this.#init.run.socketOf(spec.name) }))
  }

  appUids (): number[] { return [...this.#entries.values()].map(({ spec }) => spec.app.uid) }

  /** The peer ID it is served under; undefined while its identity is damaged. */
  peerIdOf (name: string): string | undefined { return this.#entries.get(name)?.peerId }

  has (name: string): boolean { return this.#entries.has(name) }

  /** Stops every host and removes every socket. */
  async close (): Promise<void> {
    await this.#inTurn(async () => {
      this.#closed = true
      await Promise.all([...this.#entries.keys()].map(async name => { await this.#remove(name) }))
    })
  }

  async #add (spec: TenantSpec): Promise<void> {
    const fd = await this.#init.run.listenForTenant(spec.name, spec.app.uid)
    await this.#install(spec, fd, [])
  }

  async #change (spec: TenantSpec): Promise<void> {
    const { fd, tenant, spec: before } = this.#entry(spec.name)
    await tenant.close()
    try {
      this.#init.run.chown(spec.name, spec.app.uid)
      await this.#install(spec, fd, tenant.registrations)
    } catch (error) {
      await this.#install(before, fd, tenant.registrations)
      throw error
    } finally {
      const successor = this.#entry(spec.name).tenant
      for (const { socket, caller } of tenant.takeWaiting()) successor.adopt(socket, caller)
    }
  }

  async #remove (name: string): Promise<void> {
    const { fd, tenant } = this.#entry(name)
    // First the name, so that nobody connects to a socket that will not be served.
    this.#init.run.removeTenant(name)
    await tenant.close()
    closeSync(fd)
    this.#entries.delete(name)
    for (const { socket } of tenant.takeWaiting()) void refuse(socket, `tenant ${name} has been stopped`)
  }

  async #install (spec: TenantSpec, fd: number, registrations: readonly Registration[]): Promise<void> {
    const { keystore, run, log, onChange } = this.#init
    const peerId = await this.#enrolled(spec.name)
    const tenant = new Tenant({
      name: spec.name,
      controlFd: fd,
      // A damaged identity is tried at once, so that it is seen now and not by the first client.
      always: spec.host.start === 'always' || peerId === undefined,
      memoryBytes: spec.limits.memoryBytes,
      registrations,
      log,
      privateKey: async () => (await keystore.identity(spec.name)).privateKey,
      start: {
        tenant: spec.name,
        callerUid: spec.app.uid,
        listen: spec.host.listen,
        announce: [],
        echo: false,
        limits: spec.limits,
        idleStopMs: spec.host.idleStopMs,
        own: { directories: [run.directory], paths: [], ports: [] }
      },
      onChange: () => {
        const entry = this.#entries.get(spec.name)
        if (entry !== undefined) onChange(this.#row(entry))
      }
    })
    this.#entries.set(spec.name, { spec, fd, tenant, peerId })
    tenant.open()
  }

  /** Enrols a new tenant. A damaged identity is not thrown: the tenant is there, and says so to whoever connects. */
  async #enrolled (name: string): Promise<string | undefined> {
    try {
      return (await this.#init.keystore.identity(name)).peerId
    } catch (error) {
      this.#init.log.error({ tenant: name, reason: messageOf(error) }, 'identity cannot be used')
      return undefined
    }
  }

  #row ({ spec, tenant, peerId }: Entry): Row {
    return { name: spec.name, ...peerId !== undefined && { peerId }, socket: this.#init.run.socketOf(spec.name), state: tenant.state, addresses: tenant.addresses }
  }

  #entry (name: string): Entry {
    const entry = this.#entries.get(name)
    if (entry === undefined) throw new P2pdError('ERR_REQUEST', `there is no tenant ${name}: \`p2pctl tenant list\` shows those there are`)
    return entry
  }

  async #inTurn<T> (change: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(change)
    this.#queue = result.catch(() => {})
    return await result
  }
}
