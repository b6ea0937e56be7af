/**
 * Who receives the streams of one protocol, in turn: programs that listen at an address, and those that wait, who have one
 * turn together.
 */
import type { SocketAddress } from '../wire/addresses.ts'
import { describe } from './targets.ts'
import { Waiters } from './waiters.ts'

/** Where a program listens, whose it is, and the user and group it registered as. */
export interface AddressTarget {
  readonly address: SocketAddress
  readonly tenant: string
  readonly uid: number | undefined
  readonly gid: number | undefined
  /** The process that registered; unknown after a restart of the host. */
  readonly pid?: number
  /** It was registered to share its protocol, also with programs that wait. */
  readonly shares: boolean
}

export type Target = AddressTarget | Waiters

/** Never changes but for whose turn it is. */
export class Receivers {
  readonly targets: readonly Target[]
  #turn = 0

  constructor (targets: readonly Target[]) {
    this.targets = targets
  }

  get addresses (): AddressTarget[] { return this.targets.filter((target): target is AddressTarget => !(target instanceof Waiters)) }

  /** Whose protocol it is; undefined without a receiver. */
  get tenant (): string | undefined { return this.targets[0]?.tenant }

  /** Unless they are over. */
  get waiters (): Waiters | undefined {
    return this.targets.find((target): target is Waiters => target instanceof Waiters && !target.isOver)
  }

  /** Whose turn it is. Undefined when nobody is left. */
  next (): Target | undefined {
    const there = this.targets.filter(target => !(target instanceof Waiters) || !target.isOver)
    return there[this.#turn++ % there.length]
  }

  /** All but the one of this tenant at this address. */
  without (address: SocketAddress, tenant: string): Receivers {
    return new Receivers(this.targets.filter(target => target instanceof Waiters || target.tenant !== tenant || describe(target.address) !== describe(address)))
  }
}
