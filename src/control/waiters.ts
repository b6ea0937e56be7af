/**
 * Programs that wait on their control connections for the streams of one protocol: first come, first served.
 *
 * Owns the order on both sides. A stream goes to whoever has waited longest. When nobody waits at the moment it is kept,
 * paused, as long as somebody is expected: a connection brings one stream only, so whoever has taken one is expected back.
 * With nobody waiting and nobody expected the queue is over, for good. How a stream is given to a program is the
 * connection's (waiting.ts), what becomes of the protocol is handlers.ts's.
 */
import { P2pdError } from '../errors.ts'
import { HANDLER_DIAL_TIMEOUT_MS } from '../limits.ts'
import { safeText } from '../log.ts'
import { isGivenUp, type RemoteStream } from './host.ts'

/**
 * How long a program that has taken a stream is expected back: as long as one that is dialled may take to accept. On a machine
 * with ten times the work it can do, programs were seen to come back after more than two seconds. One that has died is not
 * waited for by this: the end of its other connections is seen at once.
 */
const RETURN_GRACE_MS = HANDLER_DIAL_TIMEOUT_MS

/**
 * Streams of one protocol that may be kept until somebody comes back for them. Each can hold what a peer sends unasked,
 * 256 KiB; and of a burst of so many at once no stream is lost, however few connections wait.
 */
export const MAX_KEPT_STREAMS = 256

/** A connection that waits. */
export interface Client {
  /** Gives it the stream, now; true when the stream is its. False when its program has gone, and was told nothing. */
  give (remote: RemoteStream): boolean
  /** Ends its waiting, for this reason. */
  dismiss (reason: P2pdError): void
}

/** A connection's place in the queues of all protocols it named: the first stream of any is its, and leaves all. */
export class Place {
  readonly #queues: readonly Waiters[]
  readonly #client: Client
  #hasLeft = false

  constructor (queues: readonly Waiters[], client: Client) {
    this.#queues = queues
    this.#client = client
  }

  /** Goes to the end of the queues. May be given a stream, or be dismissed, before this returns. */
  enter (): void {
    for (const queue of this.#queues) if (!this.#hasLeft) queue.enter(this)
    for (const queue of this.#queues) if (!this.#hasLeft) queue.serve()
  }

  /** Harmless when it has left. */
  leave (): void {
    this.#hasLeft = true
    for (const queue of this.#queues) queue.leave(this)
  }

  /** For queues. True: the stream is its. In either case it is in no queue any more. */
  take (remote: RemoteStream): boolean {
    const isTaken = this.#client.give(remote)
    if (isTaken) for (const queue of this.#queues) queue.expect()
    this.leave()
    return isTaken
  }

  /** Ends the waiting because of this protocol; the program is expected back for the others. Nothing when it has left. */
  dismiss (protocol: string, reason: P2pdError): void {
    if (this.#hasLeft) return
    for (const queue of this.#queues) if (queue.protocol !== protocol) queue.expect()
    this.leave()
    this.#client.dismiss(reason)
  }
}

interface Kept {
  readonly remote: RemoteStream
  readonly settle: (isTaken: boolean) => void
}

export class Waiters {
  readonly protocol: string
  /** Whose programs they are. */
  readonly tenant: string
  readonly #onOver: (waiters: Waiters) => void
  readonly #places = new Set<Place>()
  readonly #kept: Kept[] = []
  /** How many have taken a stream and are expected back, and how many have been announced and not entered; until #grace is over. */
  #expected = 0
  #announced = 0
  readonly #grace = setTimeout(() => { this.#giveUpExpecting() }, RETURN_GRACE_MS)
  #end: P2pdError | undefined

  /** @param onOver called once, when it is over */
  constructor (protocol: string, tenant: string, onOver: (waiters: Waiters) => void) {
    this.protocol = protocol
    this.tenant = tenant
    this.#onOver = onOver
  }

  get isOver (): boolean { return this.#end !== undefined }

  /**
   * Gives the stream to somebody, now or when somebody comes. False when the queue was over first: the stream is still the
   * caller's. Rejects with ERR_LIMIT when too many are kept.
   */
  async receive (remote: RemoteStream): Promise<boolean> {
    if (this.isOver) return false
    if (this.#kept.length >= MAX_KEPT_STREAMS) {
      throw new P2pdError('ERR_LIMIT', `${safeText(this.protocol)}: ${MAX_KEPT_STREAMS} streams already wait for the program to come back: let it keep more connections waiting`)
    }
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const kept = { remote, settle: resolve }
    this.#kept.push(kept)
    const onClose = (): void => { if (isGivenUp(remote.stream)) this.#drop(kept) }
    remote.stream.addEventListener('close', onClose)
    onClose()
    this.serve()
    const isTaken = await promise
    remote.stream.removeEventListener('close', onClose)
    return isTaken
  }

  /** It was given up while it waited: nobody's any more. */
  #drop (kept: Kept): void {
    const at = this.#kept.indexOf(kept)
    if (at < 0) return
    this.#kept.splice(at, 1)
    kept.settle(true)
  }

  /** Somebody who takes a stream is going to come back. */
  expect (): void {
    if (this.isOver) return
    this.#expected++
    this.#grace.refresh()
  }

  /** Somebody is going to enter at once: who was expected, if anybody was. */
  announce (): void {
    if (this.isOver) return
    this.#expected = Math.max(0, this.#expected - 1)
    this.#announced++
    this.#grace.refresh()
  }

  enter (place: Place): void {
    if (this.#end !== undefined) return place.dismiss(this.protocol, this.#end)
    this.#announced = Math.max(0, this.#announced - 1)
    this.#places.add(place)
  }

  leave (place: Place): void {
    if (this.#places.delete(place)) this.#endWhenDeserted()
  }

  /** Brings those together who wait for each other. */
  serve (): void {
    for (const place of this.#places) {
      const [first] = this.#kept
      if (first === undefined) return
      if (!place.take(first.remote)) continue
      this.#kept.shift()
      first.settle(true)
    }
  }

  /** Ends it: who waits is dismissed for this reason, what is kept goes back. */
  close (reason: P2pdError): void {
    if (this.isOver) return
    this.#end = reason
    clearTimeout(this.#grace)
    for (const place of this.#places) place.dismiss(this.protocol, reason)
    for (const { settle } of this.#kept.splice(0)) settle(false)
    this.#onOver(this)
  }

  /** Whoever took a stream is not going to come back. */
  expectNobody (): void {
    this.#expected = 0
    if (!this.isOver) this.#endWhenDeserted()
  }

  #giveUpExpecting (): void {
    this.#expected = this.#announced = 0
    this.#endWhenDeserted()
  }

  #endWhenDeserted (): void {
    if (this.#places.size > 0 || this.#expected + this.#announced > 0) return
    this.close(new P2pdError('ERR_CLOSED', `nobody waits for ${safeText(this.protocol)} any more: ask again`))
  }
}
