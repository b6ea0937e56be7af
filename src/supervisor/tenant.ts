/**
 * One tenant: its listening socket, and the host process that comes and goes behind it.
 *
 * Owns when a host is started (first use, or always), stopped (idle, reload, shutdown) and restarted (after a crash, with
 * back-off), and that a connect in between waits and is then served. A connect never fails because of what this does; only
 * a tenant that cannot run at all answers its connects, with the reason.
 */
import type { Socket } from 'node:net'
import { refuse } from '../control/refusal.ts'
import { P2pdError, messageOf } from '../errors.ts'
import type { FromHost, Registration, ToHost } from '../link.ts'
import { onConnectWaiting } from '../os/listening.ts'
import type { Caller } from '../policy/ask.ts'
import type { PolicyDocument } from '../policy/document.ts'
import { BackOff } from './backOff.ts'
import { Epochs } from './epochs.ts'
import { HostProcess, type Adoptee } from './hostProcess.ts'
import { refuseConnects } from './refuser.ts'
import type { TenantInit, TenantState, TenantStatus } from './tenantShapes.ts'

export type { TenantState, TenantStatus }

/** A running host that has not taken over a new policy by then is stopped: what is denied must not go on. */
const POLICY_MS = 5_000

/** How soon listening is tried again when the process had no descriptor left. */
const LISTEN_RETRY_MS = 1_000

export class Tenant {
  readonly #init: TenantInit
  readonly #backOff: BackOff
  #state: TenantState = 'stopped'
  #reason: string | undefined
  #crashes = 0
  #host: HostProcess | undefined
  /** What waits for a connect, answers it, or ends the back-off, as the state has it. */
  #standby: Disposable | undefined
  #registrations: readonly Registration[]
  #addresses: readonly string[] = []
  /** Connections from the front desk that wait for the host. */
  #adoptees: Adoptee[] = []
  readonly #epochs = new Epochs()
  #startedAs: string | undefined
  /** Called at the next change of state. */
  #onNextState = Promise.withResolvers<void>()
  #closed = false

  constructor (init: TenantInit) {
    this.#init = init
    this.#backOff = init.backOff ?? new BackOff()
    this.#registrations = init.registrations ?? []
  }

  get name (): string { return this.#init.name }
  get state (): TenantState { return this.#state }
  /** Why it is parked, failed or backing off. */
  get reason (): string | undefined { return this.#reason }
  /** Where peers reach its host; of the last one, while none runs. */
  get addresses (): readonly string[] { return this.#addresses }

  get hostPid (): number | undefined { return this.#host?.pid }

  /** Who its host is: with a new key it is another from its next start on. Undefined while there is none. */
  get hostPeerId (): string | undefined { return this.#host === undefined ? undefined : this.#startedAs }

  get registrations (): readonly Registration[] { return this.#registrations }

  async status (): Promise<TenantStatus> {
    const figures = this.#state === 'running' ? await this.#host?.report() : undefined
    return {
      state: this.#state,
      crashes: this.#crashes,
      ...this.#reason !== undefined && { reason: this.#reason },
      ...this.#host?.pid !== undefined && { pid: this.#host.pid },
      ...figures !== undefined && { figures }
    }
  }

  /** From here on connects are served: by a host at once if it is always to run or peers count on its handlers, otherwise from the first one on. */
  open (): void {
    if (this.#init.always || this.#registrations.length > 0) this.#start()
    else this.#await()
  }

  /** A connection that somebody else accepted; `caller` is by the kernel's word. Taken over. */
  adopt (socket: Socket, caller: Caller): void {
    if (this.#state === 'running') return this.#host?.adopt(socket, caller)
    if (this.#state === 'parked' || this.#state === 'failed') {
      void refuse(socket, refusalOf(this.#state, this.#reason ?? 'no reason given'))
      return
    }
    this.#adoptees.push({ socket, caller })
    if (this.#state === 'stopped') this.#start()
  }

  /**
   * Resolves when its host runs; one that is to be started is, if `start` says so. ERR_UNAVAILABLE when none runs or will for
   * now, with the reason.
   */
  async running ({ start }: { start: boolean }): Promise<void> {
    while (this.#state !== 'running') {
      const isComing = this.#state === 'starting' || this.#state === 'stopping' || (this.#state === 'stopped' && start)
      if (this.#closed || !isComing) throw new P2pdError('ERR_UNAVAILABLE', `the host of ${this.name} does not run${this.#reason === undefined ? '' : `: ${this.#reason}`}`)
      const { promise } = this.#onNextState
      if (this.#state === 'stopped') this.#start()
      await promise
    }
  }

  /** Passes a descriptor on to the running host; false when there is none that takes it now. */
  give (fd: number, announce: (descriptor: number) => ToHost): boolean {
    return this.#state === 'running' && this.#host?.give(fd, announce) === true
  }

  /** By an operator's wish: past crashes are forgotten, and a fault is looked at anew. */
  async restart (): Promise<void> {
    this.#backOff.forget()
    const wasRunning = this.#host !== undefined
    await this.#stopHost()
    if (wasRunning) this.#start()
    else this.open()
  }

  /**
   * Resolves, in that time at the latest, when this decides in the running host and what it denies has been closed there, or
   * when there is no host that an older one could decide in. A host that runs and has not done so in time is killed.
   */
  async applyPolicy (document: PolicyDocument, withinMs = POLICY_MS): Promise<void> {
    const host = this.#host
    if (host === undefined) return
    if (this.#epochs.tell(document.epoch)) {
      try {
        host.send({ kind: 'policy', document })
      } catch (error) {
        host.kill(messageOf(error)) // too long for a message; the next host gets it with its start
      }
    }
    const { promise, giveUp } = this.#epochs.reached(document.epoch)
    const deadline = setTimeout(() => {
      // One that starts serves nobody yet, reads this before it does, and has a time of its own to be ready in.
      if (this.#state === 'starting') giveUp()
      else host.kill('it did not take over a new policy')
    }, withinMs)
    await promise
    clearTimeout(deadline)
  }

  /** Stops for good; resolves when the host is gone. The socket is the caller's to close, and so are those still waiting. */
  async close (): Promise<void> {
    this.#closed = true
    await this.#stopHost()
    this.#standBy('stopped')
  }

  /** Once closed: connections that wait for a host, to be given to the tenant that takes this one's place, or refused. */
  takeWaiting (): Adoptee[] {
    return this.#adoptees.splice(0)
  }

  async #stopHost (): Promise<void> {
    const host = this.#host
    if (host === undefined) return
    this.#standBy('stopping')
    await host.stop()
  }

  /** Every change of state passes here: what stood by for the old one is disposed. */
  #standBy (state: TenantState, standby?: Disposable, reason?: string): void {
    this.#standby?.[Symbol.dispose]()
    this.#standby = standby
    this.#state = state
    this.#reason = reason
    const changed = this.#onNextState
    this.#onNextState = Promise.withResolvers()
    changed.resolve()
    this.#init.onChange?.(this)
  }

  #await (): void {
    if (this.#closed) return
    this.#standBy('stopped', this.#retrying(() => onConnectWaiting(this.#init.controlFd, () => { this.#start() })))
    if (this.#adoptees.length > 0) this.#start()
  }

  /** Listening anew takes a descriptor. Where none is left it is tried again, for as long as the state lasts. */
  #retrying (listen: () => Disposable): Disposable {
    try {
      return listen()
    } catch (error) {
      this.#init.log.error({ tenant: this.name, reason: messageOf(error) }, 'cannot listen, trying again')
      const timer = setTimeout(() => { this.#standby = this.#retrying(listen) }, LISTEN_RETRY_MS)
      return { [Symbol.dispose]: () => { clearTimeout(timer) } }
    }
  }

  #start (): void {
    if (this.#closed || this.#host !== undefined || this.#state === 'starting') return
    this.#standBy('starting')
    void this.#startWithKey()
  }

  async #startWithKey (): Promise<void> {
    let privateKey: Uint8Array
    let serviceUid: number | undefined
    try {
      const identity = await this.#init.identity()
      privateKey = identity.privateKey
      this.#startedAs = identity.peerId
      serviceUid = await this.#init.serviceUid?.()
    } catch (error) {
      return this.#giveUp('failed', messageOf(error))
    }
    try {
      this.#spawn(privateKey, serviceUid)
    } catch (error) {
      this.#onCrash(messageOf(error)) // no process was to be had
    }
  }

  #spawn (privateKey: Uint8Array, serviceUid: number | undefined): void {
    if (this.#closed) return
    const { controlFd, memoryBytes, start, policy, actorUid, onSpawn } = this.#init
    const document = policy?.()
    this.#epochs.begin(document?.epoch)
    let last: FromHost | undefined
    this.#host = new HostProcess({
      start: { ...start, ...serviceUid !== undefined && { serviceUid }, registrations: this.#registrations, ...document !== undefined && { policy: document } },
      privateKey,
      controlFd,
      memoryBytes,
      ...actorUid !== undefined && { actorUid },
      ...onSpawn !== undefined && { onSpawn },
      onMessage: message => {
        if (message.kind === 'idle' || message.kind === 'unable') last = message
        this.#onMessage(message)
      },
      onExit: ({ how, clean, unconfirmed }) => {
        this.#host = undefined
        this.#epochs.reach(Infinity)
        this.#adoptees.unshift(...unconfirmed)
        if (clean && last?.kind === 'idle') this.#await()
        else if (this.#state === 'stopping') this.#standBy('stopped')
        else this.#onCrash(last?.kind === 'unable' ? last.reason : how)
      }
    })
  }

  #onMessage (message: FromHost): void {
    if (message.kind === 'handlers') {
      this.#registrations = message.registrations
    } else if (message.kind === 'audit') {
      this.#init.audit?.(message.event)
    } else if (message.kind === 'reach') {
      if (this.#host !== undefined) this.#init.onReach?.(message.id, message.peerId, this.#host)
    } else if (message.kind === 'epoch') {
      this.#epochs.reach(message.epoch)
    } else if (message.kind === 'ready') {
      this.#addresses = message.addresses
      this.#init.audit?.({ event: 'host', action: 'start', ...this.#host?.pid !== undefined && { pid: this.#host.pid } })
      if (this.#state === 'starting') this.#standBy('running')
      for (const { socket, caller } of this.#adoptees.splice(0)) this.#host?.adopt(socket, caller)
    } else if (message.kind === 'idle') {
      // Connects wait from now on; those of the front desk have to as well.
      this.#standBy('stopping')
    }
  }

  #onCrash (how: string): void {
    if (this.#closed) return
    this.#crashes++
    this.#init.audit?.({ event: 'host', action: 'crash', reason: how })
    const delay = this.#backOff.crashed()
    this.#init.log.error({ tenant: this.name, how, ...delay === 'park' ? { parked: true } : { restartInMs: delay } }, 'host ended unexpectedly')
    if (delay === 'park') return this.#giveUp('parked', `its host crashed five times within five minutes, the last time by ${how}; see the daemon's log, then \`p2pctl tenant restart ${this.name}\``)
    const timer = setTimeout(() => {
      // A tenant with handlers has peers that count on it; another waits for its next connect.
      if (this.#init.always || this.#registrations.length > 0) this.#start()
      else this.#await()
    }, delay)
    this.#standBy('backing-off', { [Symbol.dispose]: () => { clearTimeout(timer) } }, how)
  }

  #giveUp (state: 'parked' | 'failed', reason: string): void {
    if (this.#closed) return
    this.#init.audit?.({ event: 'host', action: state === 'failed' ? 'fail' : 'park', reason })
    if (state === 'failed') this.#init.log.error({ tenant: this.name, reason }, 'tenant cannot be started')
    const refusal = refusalOf(state, reason)
    this.#standBy(state, this.#retrying(() => refuseConnects(this.#init.controlFd, refusal)), reason)
    for (const { socket } of this.#adoptees.splice(0)) void refuse(socket, refusal)
  }
}

function refusalOf (state: 'parked' | 'failed', reason: string): string {
  return state === 'failed' ? `this tenant cannot be started: ${reason}` : `this tenant is parked: ${reason}`
}
