/**
 * The sockets at which unmodified clients of a blessed tenant act in the daemon's name: `<run>/TENANT/as-daemon.sock`, there for
 * as long as a blessing stands.
 *
 * Works as the front desk does: the kernel says who connects, and the connection goes to the daemon's host, unread. What may
 * be done there is that host's to ask at each request.
 */
import { messageOf } from '../errors.ts'
import type { Logger } from '../log.ts'
import { openFrontDesk } from './frontDesk.ts'
import type { RunTree } from './runTree.ts'
import type { Tenant } from './tenant.ts'

export interface Actor {
  readonly name: string
  /** The user of its app. */
  readonly uid: number
}

export interface AsDaemonSocketsInit {
  readonly run: RunTree
  /** The daemon's own. */
  readonly daemon: () => Tenant
  readonly log: Logger
}

const ROOT_UID = 0

export class AsDaemonSockets {
  readonly #init: AsDaemonSocketsInit
  readonly #open = new Map<string, { readonly uid: number, readonly desk: Disposable }>()

  constructor (init: AsDaemonSocketsInit) {
    this.#init = init
  }

  /** These tenants have one, and no others. Rejects with an AggregateError when that cannot be done for some; for the others it is. */
  async keep (actors: readonly Actor[]): Promise<void> {
    const wanted = new Map(actors.map(actor => [actor.name, actor.uid]))
    const faults: unknown[] = []
    for (const [name, { uid }] of this.#open) {
      try {
        if (wanted.get(name) !== uid) this.#close(name)
      } catch (error) { faults.push(error) }
    }
    for (const actor of actors) {
      try {
        if (!this.#open.has(actor.name)) await this.#openFor(actor)
      } catch (error) { faults.push(error) }
    }
    if (faults.length > 0) throw new AggregateError(faults, faults.map(messageOf).join('; '))
  }

  async #openFor ({ name, uid }: Actor): Promise<void> {
    const { run, daemon, log } = this.#init
    const fd = await run.listenAsDaemon(name, uid)
    const desk = openFrontDesk(fd, {
      actor: name,
      log,
      candidates: caller => caller === uid || caller === ROOT_UID ? [{ tenant: daemon(), socketPath: run.socketOf(name) }] : []
    })
    this.#open.set(name, { uid, desk })
  }

  /** The name first, so that nobody connects to what is not served. */
  #close (name: string): void {
    try {
      this.#init.run.removeAsDaemon(name)
    } finally {
      this.#open.get(name)?.desk[Symbol.dispose]()
      this.#open.delete(name)
    }
  }
}
