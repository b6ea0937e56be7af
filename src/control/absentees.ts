/**
 * Handlers of services that nobody answers at: given up after a grace, so that their names are free.
 *
 * Noticed by a call that finds nobody, or without one when the program that registered it has ended and nobody listens there.
 * Only for services. A tenant's own handler stays: its program may be gone for a night, and nobody else wants its protocol.
 */
import { isAlive, unixListeners } from '../os/unixListeners.ts'
import { listenersAt } from '../os/tcpOwners.ts'
import type { AddressTarget } from './receivers.ts'
import { describe } from './targets.ts'

/** As long as a program that waits for streams is expected back; long enough to restart one. */
export const ABSENT_GRACE_MS = 10_000

/** How often it is looked whether programs that registered have ended. */
const LOOK_MS = 2_000

type Served = readonly [protocol: string, target: AddressTarget]

export interface AbsenteesInit {
  /** Called when one has not been there for the whole grace. */
  readonly giveUp: (protocol: string, target: AddressTarget) => void
  /** Those there are now. */
  readonly targets: () => readonly Served[]
}

export class Absentees implements Disposable {
  readonly #init: AbsenteesInit
  readonly #timers = new Map<string, NodeJS.Timeout>()
  /** Missed because they were looked for, and not by a call. */
  readonly #looked = new Set<string>()
  readonly #look = setInterval(() => { this.#lookFor(this.#init.targets()) }, LOOK_MS).unref()

  constructor (init: AbsenteesInit) {
    this.#init = init
  }

  /** It could not be reached. The grace begins with the first time. */
  missed (protocol: string, target: AddressTarget): void {
    const key = keyOf(protocol, target)
    if (this.#timers.has(key)) return
    this.#timers.set(key, setTimeout(() => {
      this.#timers.delete(key)
      this.#looked.delete(key)
      this.#init.giveUp(protocol, target)
    }, ABSENT_GRACE_MS))
  }

  /** It was reached, or has registered again. */
  met (protocol: string, target: AddressTarget): void {
    const key = keyOf(protocol, target)
    clearTimeout(this.#timers.get(key))
    this.#timers.delete(key)
    this.#looked.delete(key)
  }

  [Symbol.dispose] (): void {
    clearInterval(this.#look)
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }

  /** Whoever registered may have been a helper of the program that listens, and its socket may have another name where it is. */
  #lookFor (targets: readonly Served[]): void {
    const orphans = targets.filter(([, { pid = 0 }]) => pid > 0 && !isAlive(pid))
    if (orphans.length === 0) return
    const names = unixListeners()
    for (const [protocol, target] of orphans) {
      const { address } = target
      const isThere = 'path' in address ? names.has(address.path) : listenersAt(address.host, address.port).length > 0
      const key = keyOf(protocol, target)
      if (isThere) {
        if (this.#looked.has(key)) this.met(protocol, target)
      } else if (!this.#timers.has(key)) {
        this.#looked.add(key)
        this.missed(protocol, target)
      }
    }
  }
}

function keyOf (protocol: string, { address, tenant }: AddressTarget): string {
  return JSON.stringify([protocol, describe(address), tenant])
}
