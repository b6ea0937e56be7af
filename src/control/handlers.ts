/**
 * The handlers a tenant has registered: protocol -> who receives its streams.
 *
 * A handler at an address outlives the control connection that registered it (classic clients close theirs at once), and a
 * refused dial: its program may be restarting. It ends when it is overwritten or removed. One that waits on its connection
 * ends with that. Whether a protocol may be handled at all has been decided before this is called; how a stream comes to its
 * receiver is delivery.ts's.
 */
import { P2pdError, messageOf } from '../errors.ts'
import { safeText } from '../log.ts'
import type { SocketAddress } from '../wire/addresses.ts'
import { actorOf } from '../policy/judge.ts'
import type { Caller } from '../policy/ask.ts'
import type { Ledger } from '../policy/ledger.ts'
import type { ServiceInfo } from '../wire/codec.ts'
import { Absentees } from './absentees.ts'
import { shareOf, wordsOf } from './actorShares.ts'
import type { DaemonHost } from './daemonHost.ts'
import { Delivery, type DeliveryInit } from './delivery.ts'
import { HeldHandlers, type HeldHandlersInit } from './heldHandlers.ts'
import { HeldQueues } from './heldQueues.ts'
import type { Host } from './host.ts'
import { assertWithinShare } from './nameShares.ts'
import { handlingOf } from './operations/handling.ts'
import { Receivers, type AddressTarget } from './receivers.ts'
import { registrationsOf, targetFrom, type Registration, type Sharing } from './registrations.ts'
import { assertFree, serviceNameOf } from './serviceNames.ts'
import { targetDenial } from './targetDenial.ts'
import { checkTarget, describe } from './targets.ts'
import { Waiters } from './waiters.ts'

export type { Registration, Sharing }

export interface HandlersInit extends DeliveryInit, HeldHandlersInit {
  readonly host: Host
  readonly daemon: Pick<DaemonHost, 'isHere'>
  readonly ledger: Ledger
  /** Called after each change, with all that listen at an address. */
  readonly onChange: (registrations: Registration[]) => void
}

/** Addresses that share one protocol. */
const MAX_SHARING = 64

export class Handlers {
  readonly #init: HandlersInit
  readonly #entries = new Map<string, Receivers>()
  readonly #absentees: Absentees | undefined
  readonly #delivery: Delivery
  readonly #held: HeldHandlers
  readonly #heldQueues: HeldQueues
  #lastChange: Promise<unknown> = Promise.resolve()

  constructor (init: HandlersInit) {
    this.#init = init
    const giveUp = (protocol: string, { address, tenant }: AddressTarget): void => {
      this.remove([protocol], address, tenant).catch(() => { /* it has gone meanwhile */ })
    }
    const absentees = init.daemon.isHere ? new Absentees({ giveUp, targets: () => [...this.#entries].flatMap(([protocol, { addresses }]) => addresses.map(target => [protocol, target] as const)) }) : undefined
    if (absentees !== undefined) init.signal.addEventListener('abort', () => { absentees[Symbol.dispose]() }, { once: true })
    this.#absentees = absentees
    this.#delivery = new Delivery({ ...init, absentees }, protocol => this.#entries.get(protocol))
    this.#heldQueues = new HeldQueues(init)
    this.#held = new HeldHandlers(init, giveUp)
  }

  /** Handled protocols. */
  get size (): number { return this.#entries.size }

  /** Inbound streams being delivered or piped now; one that a waiting connection has taken is that connection's. */
  get pipes (): number { return this.#delivery.pipes }

  /** What is handled, as others see it who use it. */
  services (): ServiceInfo[] {
    return [...this.#entries].map(([proto, { tenant: owner = this.#init.tenant }]) => ({ name: serviceNameOf(proto), proto, owner, callers: this.#init.host.callers(proto) }))
  }

  /** All of the protocols or none: an error leaves everything as it was. ERR_REQUEST where one is another tenant's. */
  async add (protocols: readonly string[], target: Omit<AddressTarget, 'shares'>, sharing: Sharing): Promise<void> {
    await this.#register(protocols, { ...target, shares: sharing === 'share' }, sharing)
  }

  async #register (protocols: readonly string[], target: AddressTarget, sharing: Sharing): Promise<void> {
    try {
      checkTarget(target.address, this.#init.own)
    } catch (error) {
      const denial = targetDenial(protocols, target, messageOf(error), this.#init)
      this.#init.audit(denial)
      throw new P2pdError('ERR_DENIED', `${denial.action} denied: ${denial.reason}`, { cause: error })
    }
    await this.#inTurn(async () => {
      assertFree(protocols, target.tenant, this.#owners())
      for (const protocol of protocols) {
        const others = this.#entries.get(protocol)?.without(target.address, target.tenant).targets.length ?? 0
        if (sharing === 'share' && others >= MAX_SHARING) throw new P2pdError('ERR_LIMIT', `${safeText(protocol)} is shared by ${MAX_SHARING} addresses, and cannot be by more: remove one first`)
        if (sharing === 'exclusive' && this.#entries.has(protocol)) throw new P2pdError('ERR_REQUEST', `${safeText(protocol)} has a handler already: remove it first, or register with balanced = true to share the protocol`)
      }
      await this.#change(protocols, target.tenant, (_, old) => {
        if (sharing === 'share' && old !== undefined) return new Receivers([...old.without(target.address, target.tenant).targets, target])
        return new Receivers([target])
      })
      // Its program is back, or new: what was missed before is no reason to give it up.
      for (const protocol of protocols) this.#absentees?.met(protocol, target)
    })
  }

  /**
   * The queues in which a program is to wait for streams of these protocols; it is announced there. ERR_REQUEST, and nothing
   * has changed, when one of them has a handler at an address that does not share it.
   */
  async queuesFor (protocols: readonly string[], caller: Caller): Promise<Waiters[]> {
    return await this.#inTurn(async () => {
      assertFree(protocols, caller.tenant, this.#owners())
      for (const protocol of protocols) {
        const other = this.#entries.get(protocol)?.addresses.find(({ shares }) => !shares)
        if (other !== undefined) throw new P2pdError('ERR_REQUEST', `${safeText(protocol)} is handled at ${describe(other.address)}: remove that handler first (REMOVE_STREAM_HANDLER), or let it register with balanced = true to share the protocol`)
      }
      const queues: Waiters[] = []
      await this.#change(protocols, caller.tenant, (protocol, old) => {
        const queue = old?.waiters ?? this.#newQueue(protocol, caller.tenant)
        queue.announce()
        this.#heldQueues.hold(queue, caller)
        queues.push(queue)
        return queue === old?.waiters ? old : new Receivers([...old?.addresses ?? [], queue])
      })
      return queues
    })
  }

  /** Removes this target from the protocols; ERR_REQUEST if it handles none of them for this tenant. */
  async remove (protocols: readonly string[], address: SocketAddress, tenant: string): Promise<void> {
    await this.#inTurn(async () => {
      let found = false
      for (const protocol of protocols) {
        const entry = this.#entries.get(protocol)
        const rest = entry?.without(address, tenant)
        if (entry === undefined || rest === undefined || rest.targets.length === entry.targets.length) continue
        found = true
        await this.#replace(protocol, rest)
      }
      if (!found) throw new P2pdError('ERR_REQUEST', `${describe(address)} handles none of ${protocols.map(safeText).join(', ')}`)
      this.#changed()
    })
  }

  /** Puts back what an earlier host of this tenant had registered. What is no longer allowed is left out and logged. */
  async restore (registrations: readonly Registration[]): Promise<void> {
    for (const { protocol, targets } of registrations) {
      for (const target of targets) {
        try {
          await this.#register([protocol], targetFrom(target, this.#init.tenant), 'share')
        } catch (error) {
          this.#init.log.warn({ protocol: safeText(protocol), reason: messageOf(error) }, 'handler not restored')
        }
      }
    }
  }

  #owners (): Array<[protocol: string, owner: string]> {
    return [...this.#entries].flatMap(([protocol, { tenant }]) => tenant === undefined ? [] : [[protocol, tenant]])
  }

  /** One change at a time: each waits for libp2p, and has to find what it saw. */
  async #inTurn<T> (change: () => Promise<T>): Promise<T> {
    const turn = this.#lastChange.then(change)
    this.#lastChange = turn.catch(() => {})
    return await turn
  }

  /** Gives all of the protocols new receivers of this tenant's, or none. */
  async #change (protocols: readonly string[], tenant: string, receiversFor: (protocol: string, old: Receivers | undefined) => Receivers): Promise<void> {
    const { daemon, host, ledger } = this.#init
    const limit = ledger.limits.handlers
    for (const protocol of protocols) {
      if (host.isReserved(protocol)) throw new P2pdError('ERR_DENIED', `${handlingOf(protocol, daemon).action} denied: ${safeText(protocol)} is a protocol of libp2p itself, which the host answers`)
    }
    const fresh = protocols.filter(protocol => !this.#entries.has(protocol))
    const others = protocols.filter(protocol => this.#entries.has(protocol))
    if (this.#entries.size + fresh.length > limit) throw ledger.over('handlers', limit)
    // Of those who act in the daemon's name none takes all the names there can be.
    const its = [...this.#entries.values()].filter(receivers => receivers.tenant === tenant).length
    if (tenant !== this.#init.tenant && its + fresh.length > shareOf(limit)) throw ledger.over('handlers', shareOf(limit), wordsOf(tenant))
    if (tenant !== this.#init.tenant) assertWithinShare(this.#entries, protocols, tenant, limit)
    // What can fail comes first. A stream may come as soon as its protocol is handled.
    for (const protocol of fresh) this.#entries.set(protocol, receiversFor(protocol, undefined))
    try {
      await Promise.all(fresh.map(protocol => host.handle(protocol, remote => { void this.#delivery.deliver(remote) })))
    } catch (error) {
      for (const protocol of fresh) this.#entries.delete(protocol)
      throw error
    }
    let isChanged = fresh.length > 0
    for (const protocol of others) {
      const old = this.#entries.get(protocol)
      const receivers = receiversFor(protocol, old)
      if (receivers === old) continue
      isChanged = true
      await this.#replace(protocol, receivers)
    }
    if (isChanged) this.#changed()
  }

  async #replace (protocol: string, receivers: Receivers): Promise<void> {
    const old = this.#entries.get(protocol)?.waiters
    const [first] = receivers.addresses
    if (receivers.targets.length > 0) this.#entries.set(protocol, receivers)
    else this.#entries.delete(protocol)
    if (old !== receivers.waiters && first !== undefined) old?.close(new P2pdError('ERR_CLOSED', `${safeText(protocol)} is handled at ${describe(first.address)} from now on`))
    if (receivers.targets.length === 0) await this.#init.host.unhandle(protocol)
  }

  #newQueue (protocol: string, tenant: string): Waiters {
    this.#init.audit({ event: 'handler', action: 'wait', resource: `Protocol ${protocol}`, ...actorOf({ tenant }, this.#init.tenant) })
    return new Waiters(protocol, tenant, this.#onOver)
  }

  readonly #onOver = (waiters: Waiters): void => {
    const { protocol } = waiters
    this.#heldQueues.release(waiters)
    this.#inTurn(async () => {
      const entry = this.#entries.get(protocol)
      if (entry?.targets.includes(waiters) !== true) return
      await this.#replace(protocol, new Receivers(entry.addresses))
      this.#changed()
    }).catch((error: unknown) => { this.#init.log.warn({ protocol: safeText(protocol), reason: messageOf(error) }, 'protocol not given up') })
  }

  #changed (): void {
    this.#held.keep([...this.#entries].flatMap(([protocol, { addresses }]) => addresses.map(target => ({ protocol, target }))))
    this.#init.onChange(registrationsOf(this.#entries, this.#init.tenant))
  }
}
