/**
 * All pipes of a tenant: makes them, and watches what they have in common.
 *
 * Owns two limits of the manifest: how many bytes may pass in a second (byteMeter.ts), and how many may wait in streams whose
 * ends do not read. While too many wait new streams are refused (the ledger does that), and the pipe that has been stuck for
 * longest is given up; one that moves never is.
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

interface Watched {
  readonly pipe: Pipe
  moved: number
  /** When it was last seen to have moved. */
  at: number
}

export class Pipes {
  readonly #ledger: Ledger
  readonly #signal: AbortSignal
  readonly #meter: ByteMeter
  readonly #pipes = new Map<Pipe, Watched>()
  #timer: NodeJS.Timeout | undefined

  /** @param signal ends all of them at once */
  constructor ({ ledger, signal }: { ledger: Ledger, signal: AbortSignal }) {
    this.#ledger = ledger
    this.#signal = signal
    this.#meter = new ByteMeter(ledger.limits.bytesPerSecond)
  }

  get size (): number { return this.#pipes.size }

  /**
   * Joins the two and takes both over, paused or not; resolves when both are closed and everything is released. Never
   * rejects: how a stream ends is told to its two ends and is nobody else's affair.
   *
   * @param head bytes of the client that were read ahead, to go first
   */
  async join (socket: Socket, stream: Stream, head?: Uint8Array): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const pipe = new Pipe({ socket, stream, meter: this.#meter, signal: this.#signal, onDone: resolve })
    this.#pipes.set(pipe, { pipe, moved: 0, at: performance.now() })
    this.#timer ??= setInterval(this.#count, COUNT_MS)
    pipe.start(head)
    await promise
    this.#pipes.delete(pipe)
    if (this.#pipes.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#ledger.bufferedBytes = 0
  }

  readonly #count = (): void => {
    const now = performance.now()
    const limit = this.#ledger.limits.buffered
    let waiting = 0
    let longest: Watched | undefined
    for (const watched of this.#pipes.values()) {
      const { pipe } = watched
      waiting += pipe.waitingBytes
      if (pipe.movedBytes !== watched.moved || pipe.waitingBytes === 0) {
        watched.moved = pipe.movedBytes
        watched.at = now
      } else if (longest === undefined || watched.at < longest.at) {
        longest = watched
      }
    }
    this.#ledger.bufferedBytes = waiting
    if (waiting <= limit || longest === undefined || now - longest.at < STUCK_UNDER_PRESSURE_MS) return
    this.#ledger.over('buffered', limit)
    longest.pipe.giveUp()
  }
}
