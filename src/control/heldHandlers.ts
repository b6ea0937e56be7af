/**
 * What is registered at an address, as policy and the audit log know it: recorded when it comes and goes, and asked about again
 * when policy changes. Programs that wait on their connections are held by those.
 */
import type { Audit } from '../audit.ts'
import type { Caller } from '../policy/ask.ts'
import type { Judge } from '../policy/judge.ts'
import { actorOf } from '../policy/judge.ts'
import type { DaemonHost } from './daemonHost.ts'
import { handlingOf } from './operations/handling.ts'
import type { AddressTarget } from './receivers.ts'
import { describe } from './targets.ts'

export interface HeldHandlersInit {
  readonly tenant: string
  readonly daemon: Pick<DaemonHost, 'isHere'>
  readonly judge: Judge
  readonly audit: Audit
}

/** One address for one protocol. */
export interface HandledAt {
  readonly protocol: string
  readonly target: AddressTarget
}

/** A registration outlives the process that made it. */
const UNKNOWN_PID = 0

export class HeldHandlers {
  readonly #init: HeldHandlersInit
  readonly #revoke: (protocol: string, target: AddressTarget) => void
  readonly #held = new Map<string, HandledAt & { readonly release: () => void }>()

  /** @param revoke called when policy no longer allows it */
  constructor (init: HeldHandlersInit, revoke: (protocol: string, target: AddressTarget) => void) {
    this.#init = init
    this.#revoke = revoke
  }

  /** These are registered now, and no others. */
  keep (registered: readonly HandledAt[]): void {
    const now = new Map(registered.map(handled => [keyOf(handled), handled]))
    for (const [key, held] of this.#held) {
      if (now.has(key)) continue
      held.release()
      this.#held.delete(key)
      this.#record('remove', held)
    }
    for (const [key, handled] of now) {
      if (this.#held.has(key)) continue
      this.#record('register', handled)
      this.#held.set(key, { ...handled, release: this.#hold(handled) })
    }
  }

  #hold ({ protocol, target }: HandledAt): () => void {
    const { judge, daemon } = this.#init
    return judge.hold(registrantOf(target), handlingOf(protocol, daemon), () => { this.#revoke(protocol, target) })
  }

  #record (action: string, { protocol, target: { address, tenant, uid } }: HandledAt): void {
    this.#init.audit({ event: 'handler', action, resource: `Protocol ${protocol}`, address: describe(address), ...uid !== undefined && { uid }, ...actorOf({ tenant }, this.#init.tenant) })
  }
}

/** Who registered it. */
export function registrantOf ({ tenant, uid, gid }: AddressTarget): Caller {
  return uid === undefined || gid === undefined ? { tenant } : { tenant, process: { uid, gid, pid: UNKNOWN_PID } }
}

function keyOf ({ protocol, target: { address, tenant, uid } }: HandledAt): string {
  return JSON.stringify([protocol, describe(address), tenant, uid])
}
