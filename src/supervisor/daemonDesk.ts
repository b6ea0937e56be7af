/**
 * Who may act in the daemon's name, put into effect: the record of blessings (blessings.ts), what the daemon's host decides
 * by, and the sockets at which blessed tenants' programs act.
 *
 * Owns that what is taken back has ended when that is said, within a second, whatever else is going on: it waits for no disk and
 * no reload, nor for a host that is slow to hear of what was given. Who is blessed, and as whom, is by what was declared last,
 * from the moment on that it was; the hosts of tenants that changed may still be stopping then.
 */
import type { Grant } from '../blessing/grant.ts'
import type { BlessedSpec } from '../config/blessed.ts'
import { DAEMON_NAME } from '../config/names.ts'
import type { TenantSpec } from '../config/tenant.ts'
import { serviceNameOf } from '../control/serviceNames.ts'
import { P2pdError, messageOf } from '../errors.ts'
import type { Registration, ServiceFigures } from '../link.ts'
import type { Logger } from '../log.ts'
import { AsDaemonSockets, type Actor } from './asDaemonSockets.ts'
import type { Blessings, BlessingRow } from './blessings.ts'
import type { Blessed, PolicyInForce } from './policyInForce.ts'
import type { RunTree } from './runTree.ts'
import type { Tenant } from './tenant.ts'

/** A tenant, or the daemon's own host, as far as it matters here. */
export interface Party {
  readonly spec: TenantSpec
  readonly tenant: Tenant
  /** Undefined while its identity is damaged. */
  readonly identity: { readonly id: string, readonly peerId: string } | undefined
}

type Declared = Omit<Party, 'tenant'>

export interface DaemonDeskInit {
  readonly blessings: Blessings
  readonly policy: PolicyInForce
  readonly run: RunTree
  readonly log: Logger
  /** Those there are now, the daemon not among them. */
  readonly tenants: () => readonly Party[]
  readonly daemon: () => Party | undefined
}

/** A host that has not let go by then of what was taken back is killed. */
const REVOKED_MS = 800

export class DaemonDesk {
  readonly #init: DaemonDeskInit
  readonly #sockets: AsDaemonSockets
  #declared: readonly Declared[] = []
  /** What policy was told of last: who may act, as which user, by what. */
  #told: ReadonlySet<string> = new Set()
  /** Whether something was taken away that the daemon's host has not been told yet. */
  #isTaken = false
  /** What is done to the sockets, one after the other. */
  #turn: Promise<unknown> = Promise.resolve()
  #isClosed = false

  constructor (init: DaemonDeskInit) {
    this.#init = init
    this.#sockets = new AsDaemonSockets({ run: init.run, daemon: () => this.#daemon().tenant, log: init.log })
  }

  /** On disk, and in force when it resolves. ERR_REQUEST for a tenant that there is not, or that cannot be blessed. */
  async bless (name: string, request: BlessedSpec): Promise<Grant> {
    const grant = await this.#init.blessings.give({ ...request, tenant: name, tenantId: this.#idOf(name) })
    await this.settle()
    return grant
  }

  /**
   * What was open by it has ended when this resolves, and that is on disk. ERR_REQUEST when there is none, ERR_SYSTEM where the
   * disk refuses: it has ended then too.
   */
  async unbless (name: string, id?: string): Promise<Grant[]> {
    return await this.#init.blessings.revoke(name, id, async () => { await this.settle() })
  }

  /** Something has changed by itself: renewed, expired. */
  onChange (): void {
    this.settle().catch((error: unknown) => {
      this.#init.log.error({ reason: messageOf(error) }, 'a change of blessings is not in force everywhere')
    })
  }

  /** What manifests say of blessings holds when this resolves, on disk. In force it is with publish(). */
  async declare (tenants: readonly Declared[]): Promise<void> {
    await this.#init.blessings.declare(tenants.map(({ spec: { name, blessed }, identity }) => ({ name, tenantId: identity?.id, blessed })))
    this.#declared = tenants.map(({ spec, identity }) => ({ spec, identity }))
    this.#tellPolicy()
  }

  /** What stands now decides in the daemon's host, and has its sockets. */
  async settle (): Promise<void> {
    if (this.#isClosed) return
    this.#tellPolicy()
    await Promise.all([this.publish(), this.keepSockets()])
  }

  /** The daemon's host decides by what is in force now when this resolves; what was taken away has ended there. */
  async publish (): Promise<void> {
    const daemon = this.#init.daemon()
    if (daemon === undefined) return
    const withinMs = this.#isTaken ? REVOKED_MS : undefined
    this.#isTaken = false
    await daemon.tenant.applyPolicy(this.#init.policy.documentFor(daemon.spec), withinMs)
  }

  /**
   * A socket for each tenant that is blessed now, and for no other. One that cannot be made is in the log: what was given is in
   * force all the same, and it is tried again with the next change.
   */
  async keepSockets (): Promise<void> {
    const turn = this.#turn.then(async () => { await this.#sockets.keep(this.#actors()) })
    this.#turn = turn.catch((error: unknown) => { this.#init.log.error({ reason: messageOf(error) }, 'not every blessed tenant has its socket') })
    await this.#turn
  }

  /** For good, whatever changes later. */
  async closeSockets (): Promise<void> {
    this.#isClosed = true
    await this.keepSockets()
  }

  /** The user of a blessed tenant's app; undefined for one that is not blessed. */
  actorUid (name: string): number | undefined {
    return this.#blessed().find(({ spec }) => spec.name === name)?.spec.app.uid
  }

  blessings (): BlessingRow[] {
    return this.#init.blessings.rows(tenant => this.#init.run.asDaemonSocketOf(tenant))
  }

  /** What is served under the daemon's identity; while its host does not run, what it will serve again. */
  async services (): Promise<{ daemon: string | undefined, services: ServiceFigures[] }> {
    const { tenant, identity } = this.#daemon()
    const { figures } = await tenant.status()
    return { daemon: identity?.peerId, services: [...figures?.services ?? tenant.registrations.flatMap(servicesOf)] }
  }

  #tellPolicy (): void {
    const blessed = this.#blessed()
    const told = new Set(blessed.flatMap(({ spec: { name, app }, grants }) => grants.map(({ id }) => `${name} ${app.uid} ${id}`)))
    if ([...this.#told].some(what => !told.has(what))) this.#isTaken = true
    this.#told = told
    this.#init.policy.bless(blessed)
  }

  /** Those who are there as they were declared: one that is to be another user's is between the two. */
  #actors (): Actor[] {
    if (this.#isClosed || this.#init.daemon() === undefined) return []
    const uids = new Map(this.#init.tenants().map(({ spec: { name, app } }) => [name, app.uid]))
    return this.#blessed().map(({ spec: { name, app } }) => ({ name, uid: app.uid })).filter(({ name, uid }) => uids.get(name) === uid)
  }

  /** Not those whose identity is damaged: who they are is not known. */
  #blessed (): Blessed[] {
    const standing = this.#init.blessings.standing()
    return this.#declared
      .filter(({ identity }) => identity !== undefined)
      .map(({ spec }) => ({ spec, grants: standing.filter(({ tenant }) => tenant === spec.name) }))
      .filter(({ grants }) => grants.length > 0)
  }

  #daemon (): Party {
    const daemon = this.#init.daemon()
    if (daemon === undefined) throw new P2pdError('ERR_CLOSED', 'p2pd is starting or stopping: ask again')
    return daemon
  }

  #idOf (name: string): string {
    const party = this.#declared.find(({ spec }) => spec.name === name)
    if (party === undefined) throw new P2pdError('ERR_REQUEST', `there is no tenant ${name}: \`p2pctl tenant list\` shows those there are`)
    if (party.identity === undefined) throw new P2pdError('ERR_REQUEST', `${name} has no identity that could be blessed: \`p2pctl status\` says what is wrong with it`)
    return party.identity.id
  }
}

/** Callers only a running host can count. */
function servicesOf ({ protocol, targets }: Registration): ServiceFigures[] {
  return targets.slice(0, 1).map(({ tenant = DAEMON_NAME }) => ({ name: serviceNameOf(protocol), proto: protocol, owner: tenant, callers: 0 }))
}
