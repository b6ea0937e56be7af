/**
 * Inbound streams on the way to their receivers: dialled and told, or handed to a program that waits.
 *
 * Owns the count of those on the way and with programs that were dialled. Who receives is handlers.ts's to know.
 */
import type { Socket } from 'node:net'
import type { Audit } from '../audit.ts'
import { P2pdError, messageOf } from '../errors.ts'
import { safeText, type Logger } from '../log.ts'
import type { Ledger } from '../policy/ledger.ts'
import type { Judge } from '../policy/judge.ts'
import { encodeStreamInfo } from '../wire/codec.ts'
import { encodeFrame } from '../wire/frames.ts'
import type { Absentees } from './absentees.ts'
import type { DaemonHost } from './daemonHost.ts'
import { registrantOf } from './heldHandlers.ts'
import { isGivenUp, type RemoteStream } from './host.ts'
import { handlingOf } from './operations/handling.ts'
import type { Pipes } from './pipes.ts'
import type { AddressTarget, Receivers } from './receivers.ts'
import { streamInfoOf } from './streamInfo.ts'
import { targetDenial } from './targetDenial.ts'
import { dialTarget, isAbsent, type OwnSockets } from './targets.ts'
import { Turns } from './turns.ts'
import { Waiters } from './waiters.ts'

export interface DeliveryInit {
  readonly tenant: string
  readonly own: OwnSockets
  readonly daemon: Pick<DaemonHost, 'isHere'>
  readonly judge: Judge
  readonly audit: Audit
  readonly ledger: Ledger
  readonly pipes: Pipes
  readonly log: Logger
  /** How many inbound streams may be with handlers at once, those included that have ended and are not read to their end. */
  readonly maxPipes: number
  /** Ends every delivery. */
  readonly signal: AbortSignal
}

export class Delivery {
  readonly #init: DeliveryInit & { readonly absentees: Absentees | undefined }
  readonly #receiversOf: (protocol: string) => Receivers | undefined
  readonly #turns = new Turns()
  #pipes = 0

  /** @param init `absentees`: who is told which receivers are not there */
  constructor (init: DeliveryInit & { readonly absentees: Absentees | undefined }, receiversOf: (protocol: string) => Receivers | undefined) {
    this.#init = init
    this.#receiversOf = receiversOf
  }

  /** Inbound streams being delivered or piped now; one that a waiting connection has taken is that connection's. */
  get pipes (): number { return this.#pipes }

  /** Where an inbound stream arrives. Resolves when it is nobody's concern here any more; never rejects. */
  async deliver (remote: RemoteStream): Promise<void> {
    const { log, maxPipes } = this.#init
    if (this.#pipes >= maxPipes) return remote.stream.abort(new Error('nobody can take it'))
    this.#pipes++
    using _ = this.#init.pipes.expect(remote.stream, remote.whose)
    try {
      await this.#bring(remote)
    } catch (error) {
      remote.stream.abort(error instanceof Error ? error : new Error(String(error)))
      log.warn({ protocol: safeText(remote.protocol), reason: messageOf(error) }, 'inbound stream not delivered')
    } finally {
      this.#pipes--
    }
  }

  /** Where it meets its receiver: whoever's turn it is, or who takes the place of one that is over meanwhile. */
  async #bring (remote: RemoteStream): Promise<void> {
    for (;;) {
      const target = this.#receiversOf(remote.protocol)?.next()
      if (target === undefined) throw new P2pdError('ERR_UNAVAILABLE', 'nobody handles its protocol any more')
      if (!(target instanceof Waiters)) return await this.#dial(target, remote)
      if (await target.receive(remote)) return
    }
  }

  async #dial (target: AddressTarget, remote: RemoteStream): Promise<void> {
    const { descriptors } = this.#init.ledger
    descriptors.take()
    try {
      await this.#dialCounted(target, remote)
    } finally {
      descriptors.release()
    }
  }

  async #dialCounted (target: AddressTarget, remote: RemoteStream): Promise<void> {
    // Before the dial, which takes its time: what is revoked meanwhile ends now, and the program hears of no caller.
    const release = this.#hold(target, remote)
    try {
      const socket = await this.#reach(target, remote)
      if (isGivenUp(remote.stream)) {
        socket.destroy()
        return
      }
      // A bare StreamInfo, not wrapped in a Response, then the stream's bytes.
      socket.write(encodeFrame(encodeStreamInfo(streamInfoOf(remote))))
      await this.#init.pipes.join(socket, remote.stream, { whose: () => remote.whose })
    } finally {
      release()
    }
  }

  async #reach (target: AddressTarget, { protocol, stream }: RemoteStream): Promise<Socket> {
    const { absentees, own } = this.#init
    const { address, tenant, uid } = target
    // Nobody is dialled for a stream that was given up, and none holds a place for one.
    using wanted = new DisposableStack()
    const gone = new AbortController()
    const onClose = (): void => { if (isGivenUp(stream)) gone.abort() }
    stream.addEventListener('close', onClose)
    wanted.defer(() => { stream.removeEventListener('close', onClose) })
    onClose()
    const signal = AbortSignal.any([this.#init.signal, gone.signal])
    const socket = await dialTarget(address, { own, tenant, uid, turns: this.#turns, signal }).catch((error: unknown) => {
      this.#recordDenial(error, protocol, target)
      if (isAbsent(error)) absentees?.missed(protocol, target)
      throw error
    })
    absentees?.met(protocol, target)
    return socket
  }

  /** The stream is with this program because it may handle its protocol: it ends when that is no longer so. */
  #hold (target: AddressTarget, { protocol, stream }: RemoteStream): () => void {
    const { daemon, judge } = this.#init
    return judge.hold(registrantOf(target), handlingOf(protocol, daemon), reason => { stream.abort(reason) })
  }

  /** What listens there is not what may: an attempt, or a program that has let its address go. */
  #recordDenial (error: unknown, protocol: string, target: AddressTarget): void {
    if (error instanceof P2pdError && error.code === 'ERR_DENIED') this.#init.audit(targetDenial([protocol], target, error.message, this.#init))
  }
}
