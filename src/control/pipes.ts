/**
 * All pipes of a tenant: makes them, and watches what they have in common.
 *
 * Owns two limits of the manifest: how many bytes may pass in a second (byteMeter.ts), and how many may wait in streams whose
 * ends do not read. While too many wait new streams are refused (the ledger does that), and the pipe that has been stuck for
 * longest is given up; one that moves never is. Where the host is shared both is for those alone who have more than an equal part
 * of what waits.
 */
import type { Socket } from 'node:net'
import type { Stream } from '@libp2p/interface'
import type { Ledger } from '../policy/ledger.ts'
import { ByteMeter } from './byteMeter.ts'
import { Pipe } from './pipe.ts'

/** How often what waits is counted. */
const COUNT_MS = 500
/** A pipe that has not moved for so long may be given up when too much waits. */
const STUCK_UNDER_PRESSURE_MS = 5_000

const UNMETERED = new ByteMeter(0)

export interface JoinOptions {
  /** Bytes of the client that were read ahead, to go first. */
  readonly head?: Uint8Array
  /** The tenant that opened it, where the host is shared; strangers are one. Asked each time it is counted. */
  readonly whose?: () => string
  /** False where another pipe passes the same bytes on. */
  readonly isMetered?: boolean
}

interface Watched {
  readonly pipe: Pipe
  readonly whose: () => string
  moved: number
  /** When it was last seen to have moved. */
  at: number
}

export class Pipes {
  readonly #ledger: Ledger
  readonly #signal: AbortSignal
  readonly #meter: ByteMeter
  readonly #pipes = new Map<Pipe, Watched>()
  /** Streams that have come and are with nobody yet. */
  readonly #coming = new Map<Stream, string>()
  #timer: NodeJS.Timeout | undefined

  /** @param signal ends all of them at once */
  constructor ({ ledger, signal }: { ledger: Ledger, signal: AbortSignal }) {
    this.#ledger = ledger
    this.#signal = signal
    this.#meter = new ByteMeter(ledger.limits.bytesPerSecond)
  }

  get size (): number { return this.#pipes.size }

  /** What waits in this stream counts from now on, until it is joined or what is returned is disposed. */
  expect (stream: Stream, whose: string): Disposable {
    this.#coming.set(stream, whose)
    this.#timer ??= setInterval(this.#count, COUNT_MS)
    return {
      [Symbol.dispose]: () => {
        this.#coming.delete(stream)
        this.#stopIfIdle()
      }
    }
  }

  /**
   * Joins the two and takes both over, paused or not; resolves when both are closed and everything is released. Never
   * rejects: how a stream ends is told to its two ends and is nobody else's affair.
   */
  async join (socket: Socket, stream: Stream, { head, whose = () => '', isMetered = true }: JoinOptions = {}): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const pipe = new Pipe({ socket, stream, meter: isMetered ? this.#meter : UNMETERED, signal: this.#signal, onDone: resolve })
    this.#coming.delete(stream)
    this.#pipes.set(pipe, { pipe, whose, moved: 0, at: performance.now() })
    this.#timer ??= setInterval(this.#count, COUNT_MS)
    pipe.start(head)
    await promise
    this.#pipes.delete(pipe)
    this.#stopIfIdle()
  }

  #stopIfIdle (): void {
    if (this.#pipes.size + this.#coming.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#ledger.waiting = new Map()
  }

  readonly #count = (): void => {
    const now = performance.now()
    const waiting = new Map<string, number>()
    const longest = new Map<string, Watched>()
    const add = (payer: string, bytes: number): void => { if (bytes > 0) waiting.set(payer, (waiting.get(payer) ?? 0) + bytes) }
    for (const [stream, whose] of this.#coming) add(this.#ledger.payerOf(whose), stream.readBufferLength)
    for (const watched of this.#pipes.values()) {
      const { pipe } = watched
      const payer = this.#ledger.payerOf(watched.whose())
      const bytes = pipe.waitingBytes
      add(payer, bytes)
      if (pipe.movedBytes !== watched.moved || bytes === 0) {
        watched.moved = pipe.movedBytes
        watched.at = now
      } else if (watched.at < (longest.get(payer)?.at ?? Infinity)) {
        longest.set(payer, watched)
      }
    }
    this.#ledger.waiting = waiting
    for (const [payer, { pipe, at }] of longest) {
      if (now - at < STUCK_UNDER_PRESSURE_MS || !this.#ledger.isFull(payer)) continue
      this.#ledger.over('buffered', this.#ledger.limits.buffered)
      pipe.giveUp()
    }
  }
}
