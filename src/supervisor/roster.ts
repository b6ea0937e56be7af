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
import { uidOf } from '../os/rights.ts'
import { loadPolicies } from '../policy/load.ts'
import type { AuditLog } from './auditLog.ts'
import { capsOf, type HostLimits } from './hostLimits.ts'
import { isolationOf, least, type IsolationLevel, type Posture } from './isolation.ts'
import { PolicyInForce } from './policyInForce.ts'
import type { RunTree } from './runTree.ts'
import type { ServiceUids } from './serviceUids.ts'
import { Tenant, type TenantStatus } from './tenant.ts'

export interface RosterInit {
  readonly tenantsDir: string
  readonly policyDir: string
  readonly audit: AuditLog
  readonly auditAllowed: boolean
  readonly run: RunTree
  readonly keystore: Keystore
  readonly uid: number
  /** With root: who hosts run as. */
  readonly serviceUids: ServiceUids | undefined
  readonly hostLimits: HostLimits
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

export interface Changes {
  added: string[]
  removed: string[]
  changed: string[]
  same: string[]
  /** The policy that decides from now on: its epoch, and how many policies it has. */
  epoch: number
  policies: number
}

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
  readonly #policy = new PolicyInForce()
  #closed = false

  constructor (init: RosterInit) {
    this.#init = init
  }

  /** What decides: its epoch, and how many policies it has. */
  get policy (): { epoch: number, policies: number } {
    const { epoch, policies } = this.#policy
    return { epoch, policies }
  }

  /** Reads the declarations and applies them. Rejects with a ConfigError that holds every fault, and then nothing has changed. */
  async reload (): Promise<Changes> {
    return await this.#inTurn(async () => {
      if (this.#closed) throw new P2pdError('ERR_CLOSED', 'p2pd is stopping')
      const { audit } = this.#init
      try {
        const changes = await this.#apply()
        audit.record(undefined, { event: 'reload', action: 'apply', decision: 'allow', epoch: this.#policy.epoch })
        for (const name of changes.added) audit.record(name, { event: 'tenant', action: 'add' })
        for (const name of changes.removed) audit.record(name, { event: 'tenant', action: 'remove' })
        for (const name of changes.changed) audit.record(name, { event: 'tenant', action: 'change' })
        return changes
      } catch (error) {
        audit.record(undefined, { event: 'reload', action: 'refuse', decision: 'deny', epoch: this.#policy.epoch, reason: messageOf(error) })
        throw error
      }
    })
  }

  async #apply (): Promise<Changes> {
    const { tenantsDir, policyDir, run, uid, log } = this.#init
    const specs = loadTenants(tenantsDir, { runDir: run.directory, uid })
    this.#init.serviceUids?.assertNoApp(specs)
    const policies = await loadPolicies(policyDir, specs.map(({ name, groups }) => ({ name, groups })))
    for (const warning of policies.warnings) log.warn(warning)
    const diff = diffTenants([...this.#entries.values()].map(({ spec }) => spec), specs)
    const peerIds = new Map(await Promise.all(specs.map(async ({ name }) => [name, await this.#enrolled(name)] as const)))
    this.#policy.replace(policies, specs.map(({ name, groups }) => ({ tenant: name, groups, peerId: peerIds.get(name) })))
    await this.#publish() // first of all: what is denied from now on does not wait for hosts that have to stop
    await Promise.all(diff.removed.map(async ({ name }) => { await this.#remove(name) }))
    await Promise.all(diff.changed.map(async ({ after }) => { await this.#change(after, peerIds.get(after.name)) }))
    await Promise.all(diff.added.map(async spec => { await this.#add(spec, peerIds.get(spec.name)) }))
    // Reloading is also how an operator says "I have mended it".
    await Promise.all(diff.same.map(async ({ name }) => {
      const { tenant } = this.#entry(name)
      if (tenant.state === 'failed' || tenant.state === 'parked') await tenant.restart()
    }))
    const names = (list: Array<{ name: string }>): string[] => list.map(({ name }) => name)
    return { added: names(diff.added), removed: names(diff.removed), changed: names(diff.changed.map(({ after }) => after)), same: names(diff.same), ...this.policy }
  }

  /** Every running host decides by what is in force now when this resolves. */
  async #publish (): Promise<void> {
    await Promise.all([...this.#entries.values()].map(async ({ tenant, spec }) => { await tenant.applyPolicy(this.#policy.documentFor(spec)) }))
  }

  /** Starts a tenant's host anew, whatever state it is in, with the identity the keystore has now. */
  async restart (name: string): Promise<void> {
    await this.#inTurn(async () => {
      const entry = this.#entry(name)
      entry.peerId = await this.#enrolled(name)
      this.#policy.rename(name, entry.peerId)
      await entry.tenant.restart()
      await this.#publish()
    })
  }

  rows (): Row[] {
    return [...this.#entries.values()].map(entry => this.#row(entry)).sort((a, b) => a.name < b.name ? -1 : 1)
  }

  async statuses (): Promise<Array<Row & TenantStatus & { isolation: IsolationLevel }>> {
    const entries = [...this.#entries.values()].sort((a, b) => a.spec.name < b.spec.name ? -1 : 1)
    const posture = this.#posture()
    return await Promise.all(entries.map(async entry => ({ ...this.#row(entry), ...await entry.tenant.status(), isolation: isolationOf(entry.spec.name, posture) })))
  }

  /** How far the kernel keeps the tenant apart for whom it does least. */
  isolation (): IsolationLevel | undefined {
    const posture = this.#posture()
    return least(posture.tenants.map(({ name }) => ({ name, ...isolationOf(name, posture) })))
  }

  #posture (): Posture {
    const { uid, serviceUids } = this.#init
    const tenants = [...this.#entries.values()].map(({ spec, tenant }) => ({ name: spec.name, appUid: spec.app.uid, hostUid: tenant.hostPid === undefined ? undefined : uidOf(tenant.hostPid) }))
    return { daemonUid: uid, givesUids: serviceUids !== undefined, tenants }
  }

  candidates (uid: number): Array<{ tenant: Tenant, socketPath: string }> {
    return [...this.#entries.values()]
      .filter(({ spec }) => spec.app.uid === uid)
      .map(({ spec, tenant }) => ({ tenant, socketPath: this.#init.run.socketOf(spec.name) }))
  }

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

  async #add (spec: TenantSpec, peerId: string | undefined): Promise<void> {
    const fd = await this.#init.run.listenForTenant(spec.name, spec.app.uid)
    this.#install(spec, fd, peerId, [])
  }

  async #change (spec: TenantSpec, peerId: string | undefined): Promise<void> {
    const { fd, tenant, spec: before } = this.#entry(spec.name)
    await tenant.close()
    try {
      this.#init.run.chown(spec.name, spec.app.uid)
      this.#install(spec, fd, peerId, tenant.registrations)
    } catch (error) {
      this.#install(before, fd, peerId, tenant.registrations)
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

  #install (spec: TenantSpec, fd: number, peerId: string | undefined, registrations: readonly Registration[]): void {
    const { keystore, run, serviceUids, log, audit, auditAllowed, onChange } = this.#init
    const tenant = new Tenant({
      name: spec.name,
      controlFd: fd,
      // A damaged identity is tried at once, so that it is seen now and not by the first client.
      always: spec.host.start === 'always' || peerId === undefined,
      memoryBytes: spec.limits.memoryBytes,
      registrations,
      log,
      privateKey: async () => (await keystore.identity(spec.name)).privateKey,
      ...serviceUids !== undefined && { serviceUid: async () => await serviceUids.of((await keystore.identity(spec.name)).id) },
      policy: () => this.#policy.documentFor(spec),
      onSpawn: pid => { this.#limit(spec, pid) },
      audit: event => { audit.record(spec.name, event) },
      start: {
        tenant: spec.name,
        callerUid: spec.app.uid,
        listen: spec.host.listen,
        announce: [],
        echo: false,
        limits: spec.limits,
        auditAllowed,
        idleStopMs: spec.host.idleStopMs,
        own: { directories: [run.directory], paths: [], ports: [] },
        ...serviceUids !== undefined && { hostUids: serviceUids.range }
      },
      onChange: () => {
        const entry = this.#entries.get(spec.name)
        if (entry !== undefined) onChange(this.#row(entry))
      }
    })
    this.#entries.set(spec.name, { spec, fd, tenant, peerId })
    tenant.open()
  }

  /** By the kernel, where it has cgroups for that. It is no reason not to serve a tenant that it fails. */
  #limit ({ name, limits }: TenantSpec, pid: number): void {
    const { hostLimits, log } = this.#init
    try {
      if ('place' in hostLimits) hostLimits.place(name, pid, capsOf(limits.memoryBytes))
    } catch (error) {
      log.warn({ tenant: name, reason: messageOf(error) }, 'host without limits by cgroup')
    }
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
