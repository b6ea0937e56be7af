/**
 * Who may act in the daemon's name, put into effect: the record of blessings (blessings.ts), what the daemon's host decides
 * by, and the sockets at which blessed tenants' programs act.
 *
 * Owns that what is taken back has ended when that is said, within a second, whatever else is going on: changes come one after
 * the other here and wait for no reload.
 */
import type { Grant } from '../blessing/grant.ts'
import type { BlessedSpec } from '../config/blessed.ts'
import { DAEMON_NAME } from '../config/names.ts'
import type { TenantSpec } from '../config/tenant.ts'
import { serviceNameOf } from '../control/serviceNames.ts'
import { P2pdError, messageOf } from '../errors.ts'
import type { Registration, ServiceFigures } from '../link.ts'
import type { Logger } from '../log.ts'
import { AsDaemonSockets } from './asDaemonSockets.ts'
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

export interface DaemonDeskInit {
  readonly blessings: Blessings
  readonly policy: PolicyInForce
  readonly run: RunTree
  readonly log: Logger
  /** Those there are now, the daemon not among them. */
  readonly tenants: () => readonly Party[]
  readonly daemon: () => Party | undefined
}

/** A host that has not let go by then is killed. */
const REVOKED_MS = 800

export class DaemonDesk {
  readonly #init: DaemonDeskInit
  readonly #sockets: AsDaemonSockets
  #turn: Promise<unknown> = Promise.resolve()

  constructor (init: DaemonDeskInit) {
    this.#init = init
    this.#sockets = new AsDaemonSockets({ run: init.run, daemon: () => this.#daemon().tenant, log: init.log })
  }

  /** On disk, and in force when it resolves. ERR_REQUEST for a tenant that there is not, or that cannot be blessed. */
  async bless (name: string, request: BlessedSpec): Promise<Grant> {
    return await this.#inTurn(async () => {
      const grant = await this.#init.blessings.give({ ...request, tenant: name, tenantId: this.#idOf(name) })
      await this.#apply()
      return grant
    })
  }

  /** What was open by it has ended when this resolves. ERR_REQUEST when there is none. */
  async unbless (name: string, id?: string): Promise<Grant[]> {
    return await this.#inTurn(async () => {
      const ended = await this.#init.blessings.revoke(name, id)
      await this.#apply()
      return ended
    })
  }

  /** Something has changed by itself: renewed, expired. */
  onChange (): void {
    this.#inTurn(async () => { await this.#apply() }).catch((error: unknown) => {
      this.#init.log.error({ reason: messageOf(error) }, 'a change of blessings is not in force everywhere')
    })
  }

  /** What manifests say of blessings holds when this resolves, on disk. In force it is with publish(). */
  async declare (tenants: ReadonlyArray<{ readonly spec: TenantSpec, readonly identity: Party['identity'] }>): Promise<void> {
    await this.#inTurn(async () => {
      await this.#init.blessings.declare(tenants.flatMap(({ spec: { name, blessed }, identity }) => identity === undefined ? [] : [{ name, tenantId: identity.id, blessed }]))
      this.#init.policy.bless(this.#blessedOf(tenants.map(({ spec }) => spec)))
    })
  }

  /** A socket for each tenant that is blessed now, but for one that is going. */
  async keepSockets (except?: string): Promise<void> {
    await this.#inTurn(async () => { await this.#keepSockets(except) })
  }

  async closeSockets (): Promise<void> {
    await this.#inTurn(async () => { await this.#sockets.keep([]) })
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

  async #apply (): Promise<void> {
    const daemon = this.#init.daemon()
    if (daemon === undefined) return
    this.#init.policy.bless(this.#blessed())
    await Promise.all([daemon.tenant.applyPolicy(this.#init.policy.documentFor(daemon.spec), REVOKED_MS), this.#keepSockets()])
  }

  async #keepSockets (except?: string): Promise<void> {
    const actors = this.#blessed().filter(({ spec }) => spec.name !== except)
    await this.#sockets.keep(actors.map(({ spec }) => ({ name: spec.name, uid: spec.app.uid })))
  }

  #blessed (): Blessed[] {
    return this.#blessedOf(this.#init.tenants().map(({ spec }) => spec))
  }

  #blessedOf (specs: readonly TenantSpec[]): Blessed[] {
    const standing = this.#init.blessings.standing()
    return specs.map(spec => ({ spec, grants: standing.filter(({ tenant }) => tenant === spec.name) })).filter(({ grants }) => grants.length > 0)
  }

  #daemon (): Party {
    const daemon = this.#init.daemon()
    if (daemon === undefined) throw new P2pdError('ERR_CLOSED', 'p2pd is starting or stopping: ask again')
    return daemon
  }

  #idOf (name: string): string {
    if (name === DAEMON_NAME) throw new P2pdError('ERR_REQUEST', `${name} is in whose name others act: name one of them`)
    const party = this.#init.tenants().find(({ spec }) => spec.name === name)
    if (party === undefined) throw new P2pdError('ERR_REQUEST', `there is no tenant ${name}: \`p2pctl tenant list\` shows those there are`)
    if (party.identity === undefined) throw new P2pdError('ERR_REQUEST', `${name} has no identity that could be blessed: \`p2pctl status\` says what is wrong with it`)
    return party.identity.id
  }

  async #inTurn<T> (change: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(change)
    this.#turn = result.catch(() => {})
    return await result
  }
}

/** Callers only a running host can count. */
function servicesOf ({ protocol, targets }: Registration): ServiceFigures[] {
  return targets.slice(0, 1).map(({ tenant = DAEMON_NAME }) => ({ name: serviceNameOf(protocol), proto: protocol, owner: tenant, callers: 0 }))
}
