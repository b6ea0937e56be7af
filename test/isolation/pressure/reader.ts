/** Orders for children/reader.ts: a program of some user that sends, or takes in at its own pace. */
import { fileURLToPath } from 'node:url'
import type { Peer } from '../../../src/client/index.ts'
import { Actor } from './actor.ts'
import type { ReaderOrder, Sum } from './children/reader.ts'

const ENTRY = fileURLToPath(new URL('children/reader.ts', import.meta.url))

export class Reader extends Actor<ReaderOrder> {
  readonly #socket: string

  private constructor (uid: number, socket: string) {
    super(ENTRY, uid)
    this.#socket = socket
  }

  /** The socket is the one of its tenant. */
  static async start (uid: number, socket: string): Promise<Reader> {
    return await new Reader(uid, socket).started()
  }

  async identify (): Promise<Peer> { return await this.order({ do: 'identify', socket: this.#socket }) }

  async connect ({ peerId, addresses }: Peer): Promise<void> {
    await this.order({ do: 'connect', socket: this.#socket, peer: peerId, addresses })
  }

  /** Reads that many bytes of each stream and no more until resume(). */
  async handle (protocol: string, home: string, pauseAfter: number): Promise<void> {
    await this.order({ do: 'handle', socket: this.#socket, home, protocol, pauseAfter })
  }

  /** Resolves when a stream has come that far. */
  async paused (): Promise<void> { await this.order({ do: 'paused' }) }

  async resume (): Promise<void> { await this.order({ do: 'resume' }) }

  async send (peer: string, protocol: string, bytes: number): Promise<{ readonly sent: Sum, readonly taken: Sum }> {
    return await this.order({ do: 'send', socket: this.#socket, peer, protocol, bytes })
  }
}
