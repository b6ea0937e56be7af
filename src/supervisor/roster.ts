/**
 * All tenants of this daemon, its own host among them: declared, with an identity, listening, and served.
 *
 * Owns how a declaration becomes a running tenant and how a reload changes exactly what it says: validated whole or nothing,
 * and only what changed restarts. A tenant whose identity is damaged is on the list too, refusing connects with the reason.
 */
import { closeSync } from 'node:fs'
import { refuse } from '../control/refusal.ts'
import { diffTenants } from '../config/diffTenants.ts'
import { loadDeclarations } from '../config/loadTenants.ts'
import { DAEMON_NAME } from '../config/names.ts'
import type { TenantSpec } from '../config/tenant.ts'
import { P2pdError, messageOf } from '../errors.ts'
import type { Identity, Keystore } from '../keystore/keystore.ts'
import type { Registration } from '../link.ts'
import type { Logger } from '../log.ts'
import { uidOf } from '../os/rights.ts'
import { loadPolicies } from '../policy/load.ts'
import type { AuditLog } from './auditLog.ts'
import type { Blessings } from './blessings.ts'
import { DaemonDesk } from './daemonDesk.ts'
import { limitHost, type HostLimits } from './hostLimits.ts'
import { Introductions, type Introduced } from './introductions.ts'
import { isolationOf, least, type IsolationLevel, type Posture } from './isolation.ts'
import { PolicyInForce } from './policyInForce.ts'
import type { Changes, Row } from './rows.ts'
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
  readonly blessings: Blessings
  readonly uid: number
  /** With root: who hosts run as. */
  readonly serviceUids: ServiceUids | undefined
  readonly hostLimits: HostLimits
  readonly log: Logger
  readonly onChange: (row: Row) => void
}

interface Entry {
  readonly spec: TenantSpec
  readonly fd: number
  readonly tenant: Tenant
  /** Undefined while its identity is damaged. */
  identity: Enrolled | undefined
}

type Enrolled = Pick<Identity, 'id' | 'peerId'>

export class Roster {
  /** Where tenants are blessed. */
  readonly desk: DaemonDesk
  readonly #init: RosterInit
  readonly #entries = new Map<string, Entry>()
  /** Reloads and restarts, one after the other. */
  #queue: Promise<unknown> = Promise.resolve()
  readonly #policy = new PolicyInForce()
  readonly #introductions: Introductions
  #closed = false

  constructor (init: RosterInit) {
    this.#init = init
    this.#introductions = new Introductions(peerId => [...this.#entries.values()].map(introducedOf).find(found => found.peerId === peerId))
    this.desk = new DaemonDesk({
      blessings: init.blessings, policy: this.#policy, run: init.run, log: init.log,
      tenants: () => this.#tenants(), daemon: () => this.#entries.get(DAEMON_NAME)
    })
  }

  /** What decides: its epoch, and how many policies it has. */
  get policy (): { epoch: number, policies: number } {
    return { epoch: this.#policy.epoch, policies: this.#policy.policies }
  }

  /** Reads the declarations and applies them. Rejects with a ConfigError that holds every fault, and then nothing has changed. */
  async reload (): Promise<Changes> {
    return await this.#inTurn(async () => {
      if (this.#closed) throw new P2pdError('ERR_CLOSED', 'p2pd is stopping')
      const { audit } = this.#init
      try {
        const changes = await this.#apply()
        audit.record(undefined, { event: 'reload', action: 'apply', decision: 'allow', epoch: this.#policy.epoch })
        for (const [action, names] of [['add', changes.added], ['remove', changes.removed], ['change', changes.changed]] as const) {
          for (const name of names) audit.record(name, { event: 'tenant', action })
        }
        return changes
      } catch (error) {
        audit.record(undefined, { event: 'reload', action: 'refuse', decision: 'deny', epoch: this.#policy.epoch, reason: messageOf(error) })
        throw error
      }
    })
  }

  async #apply (): Promise<Changes> {
    const { tenantsDir, policyDir, run, uid, log } = this.#init
    const { tenants, daemon } = loadDeclarations(tenantsDir, { runDir: run.directory, uid })
    const specs = [...tenants, daemon]
    this.#init.serviceUids?.assertNoApp(tenants)
    const policies = await loadPolicies(policyDir, specs.map(({ name, groups }) => ({ name, groups })))
    for (const warning of policies.warnings) log.warn(warning)
    const diff = diffTenants([...this.#entries.values()].map(({ spec }) => spec), specs)
    const identities = new Map(await Promise.all(specs.map(async ({ name }) => [name, await this.#enrolled(name)] as const)))
    await this.desk.declare(tenants.map(spec => ({ spec, identity: identities.get(spec.name) })))
    this.#policy.replace(policies, specs.map(({ name, groups }) => ({ tenant: name, groups, peerId: identities.get(name)?.peerId })))
    await this.#publish() // first of all: what is denied from now on does not wait for hosts that have to stop
    await Promise.all(diff.removed.map(async ({ name }) => { await this.#remove(name) }))
    await Promise.all(diff.changed.map(async ({ after }) => { await this.#change(after, identities.get(after.name)) }))
    await Promise.all(diff.added.map(async spec => { await this.#add(spec, identities.get(spec.name)) }))
    await this.desk.settle()
    // Reloading is also how an operator says "I have mended it".
    await Promise.all(diff.same.map(async ({ name }) => {
      const { tenant } = this.#entry(name)
      if (tenant.state === 'failed' || tenant.state === 'parked') await tenant.restart()
    }))
    // The daemon's own host is not one of those who come and go; that it has changed is told.
    const names = (list: Array<{ name: string }>): string[] => list.map(({ name }) => name).filter(name => name !== DAEMON_NAME)
    return { added: names(diff.added), removed: names(diff.removed), changed: diff.changed.map(({ after }) => after.name), same: names(diff.same), ...this.policy }
  }

  /** Every running host decides by what is in force now when this resolves. */
  async #publish (): Promise<void> {
    await Promise.all([...this.#entries.values()].map(async ({ tenant, spec }) => { await (spec.name === DAEMON_NAME ? this.desk.publish() : tenant.applyPolicy(this.#policy.documentFor(spec))) }))
  }

  /** Starts a tenant's host anew, whatever state it is in, with the identity the keystore has now. */
  async restart (name: string): Promise<void> {
    await this.#inTurn(async () => {
      const entry = this.#entry(name)
      entry.identity = await this.#enrolled(name)
      // With another key it is another tenant: what the one before was given is not its own, and what was signed for that one ends.
      await this.desk.declare(this.#tenants())
      this.#policy.rename(name, entry.identity?.peerId)
      await this.#publish()
      await entry.tenant.restart()
      await this.desk.settle()
    })
  }

  rows (): Row[] {
    return this.#tenants().map(entry => this.#row(entry))
  }

  /** Of the daemon's own host. */
  async daemonStatus (): Promise<Row & TenantStatus> {
    const entry = this.#entry(DAEMON_NAME)
    return { ...this.#row(entry), ...await entry.tenant.status() }
  }

  async statuses (): Promise<Array<Row & TenantStatus & { isolation: IsolationLevel }>> {
    const entries = this.#tenants()
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
    const tenants = this.#tenants().map(({ spec, tenant }) => ({ name: spec.name, appUid: spec.app.uid, hostUid: tenant.hostPid === undefined ? undefined : uidOf(tenant.hostPid) }))
    return { daemonUid: uid, givesUids: serviceUids !== undefined, tenants }
  }

  candidates (uid: number): Array<{ tenant: Tenant, socketPath: string }> {
    return this.#tenants()
      .filter(({ spec }) => spec.app.uid === uid)
      .map(({ spec, tenant }) => ({ tenant, socketPath: this.#init.run.socketOf(spec.name) }))
  }

  /** The peer ID it is served under; undefined while its identity is damaged. */
  peerIdOf (name: string): string | undefined { return this.#entries.get(name)?.identity?.peerId }

  has (name: string): boolean { return this.#entries.has(name) }

  /** Stops every host and removes every socket. */
  async close (): Promise<void> {
    await this.#inTurn(async () => {
      this.#closed = true
      await this.desk.closeSockets()
      await Promise.all([...this.#entries.keys()].map(async name => { await this.#remove(name) }))
    })
  }

  async #add (spec: TenantSpec, identity: Enrolled | undefined): Promise<void> {
    const fd = await this.#init.run.listenForTenant(spec.name, spec.app.uid)
    this.#install(spec, fd, identity, [])
  }

  async #change (spec: TenantSpec, identity: Enrolled | undefined): Promise<void> {
    const { fd, tenant, spec: before } = this.#entry(spec.name)
    await this.desk.keepSockets() // it may be another user's from now on
    await tenant.close()
    try {
      this.#init.run.chown(spec.name, spec.app.uid)
      // Handlers are their user's: what the one before listens at is nothing of this one's.
      this.#install(spec, fd, identity, spec.app.uid === before.app.uid ? tenant.registrations : [])
    } catch (error) {
      this.#install(before, fd, identity, tenant.registrations)
      throw error
    } finally {
      const successor = this.#entry(spec.name).tenant
      for (const { socket, caller } of tenant.takeWaiting()) successor.adopt(socket, caller)
    }
  }

  async #remove (name: string): Promise<void> {
    const { fd, tenant } = this.#entry(name)
    // First the names, so that nobody connects to a socket that will not be served.
    await this.desk.keepSockets()
    this.#init.run.removeTenant(name)
    this.#introductions.forget(name)
    await tenant.close()
    closeSync(fd)
    this.#entries.delete(name)
    for (const { socket } of tenant.takeWaiting()) void refuse(socket, `tenant ${name} has been stopped`)
  }

  #install (spec: TenantSpec, fd: number, identity: Enrolled | undefined, registrations: readonly Registration[]): void {
    const { keystore, run, serviceUids, log, audit, auditAllowed, onChange } = this.#init
    const tenant = new Tenant({
      name: spec.name,
      controlFd: fd,
      // A damaged identity is tried at once, so that it is seen now and not by the first client.
      always: spec.host.start === 'always' || identity === undefined,
      memoryBytes: spec.limits.memoryBytes,
      registrations,
      log,
      identity: async () => await keystore.identity(spec.name),
      ...serviceUids !== undefined && { serviceUid: async () => await serviceUids.of((await keystore.identity(spec.name)).id) },
      policy: () => this.#policy.documentFor(spec),
      ...spec.name === DAEMON_NAME && { actorUid: (actor: string) => this.desk.actorUid(actor) },
      onReach: (id, peerId, asker) => { void this.#introductions.introduce(introducedOf(this.#entry(spec.name)), asker, id, peerId) },
      onSpawn: pid => { limitHost(this.#init.hostLimits, { name: spec.name, memoryBytes: spec.limits.memoryBytes, pid, log }) },
      audit: event => { audit.record(spec.name, event) },
      start: {
        tenant: spec.name,
        callerUid: spec.app.uid,
        listen: spec.host.listen,
        announce: [],
        local: spec.host.local ? 'neighbours' : 'daemon',
        echo: false,
        limits: spec.limits,
        auditAllowed,
        idleStopMs: spec.host.idleStopMs,
        own: { directories: [run.directory], paths: [], ports: [] },
        ...serviceUids !== undefined && { hostUids: serviceUids.range }
      },
      onChange: () => { if (spec.name !== DAEMON_NAME && this.#entries.has(spec.name)) onChange(this.#row(this.#entry(spec.name))) }
    })
    this.#entries.set(spec.name, { spec, fd, tenant, identity })
    tenant.open()
  }

  /** Enrols a new tenant. A damaged identity is not thrown: the tenant is there, and says so to whoever connects. */
  async #enrolled (name: string): Promise<Enrolled | undefined> {
    try {
      const { id, peerId } = await this.#init.keystore.identity(name)
      return { id, peerId }
    } catch (error) {
      this.#init.log.error({ tenant: name, reason: messageOf(error) }, 'identity cannot be used')
      return undefined
    }
  }

  /** All but the daemon's own host, in order of name. */
  #tenants (): Entry[] {
    return [...this.#entries.values()].filter(({ spec }) => spec.name !== DAEMON_NAME).sort((a, b) => a.spec.name < b.spec.name ? -1 : 1)
  }

  #row ({ spec, tenant, identity }: Entry): Row {
    const peerId = identity?.peerId
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

function introducedOf ({ spec, tenant, identity }: Entry): Introduced {
  return { name: spec.name, peerId: tenant.hostPeerId ?? identity?.peerId, tenant, isLocal: spec.host.local, isDaemon: spec.name === DAEMON_NAME }
}
