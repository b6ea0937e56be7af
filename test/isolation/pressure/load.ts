/** Orders for children/load.ts: a program of some user that puts load on its tenant, or feels what others put on theirs. */
import { fileURLToPath } from 'node:url'
import type { SocketAddress } from '../../../src/wire/addresses.ts'
import { Actor } from './actor.ts'
import type { Flooded, Held, Latencies, LoadOrder, Manner } from './children/load.ts'

const ENTRY = fileURLToPath(new URL('children/load.ts', import.meta.url))

/** No end in sight, as JSON can say it. */
const ENDLESS = Number.MAX_SAFE_INTEGER

export interface FloodInit {
  readonly request: Uint8Array
  readonly ms?: number
  readonly count?: number
  readonly connections?: number
  /** Requests on their way before the first answer is waited for. */
  readonly ahead?: number
}

export class Load extends Actor<LoadOrder> {
  static async start (uid: number): Promise<Load> {
    return await new Load(ENTRY, uid).started()
  }

  /** Asks who it is, once a millisecond or as fast as it is answered. */
  async probe (socket: string, ms: number): Promise<Latencies> {
    return await this.order({ do: 'probe', to: socket, ms })
  }

  /** Resolves with how many of the connections came about; those held before included. */
  async hold (to: SocketAddress | string, count: number, bytes: Uint8Array, manner: Manner = {}): Promise<number> {
    const address = typeof to === 'string' ? { path: to } : to
    return await this.order({ do: 'hold', to: address, count, bytes: Buffer.from(bytes).toString('base64'), ...manner })
  }

  async held (): Promise<Held> { return await this.order({ do: 'held' }) }

  async release (): Promise<void> { await this.order({ do: 'release' }) }

  async flood (socket: string, { request, ms = ENDLESS, count = ENDLESS, connections = 4, ahead = 32 }: FloodInit): Promise<Flooded> {
    return await this.order({ do: 'flood', to: socket, request: Buffer.from(request).toString('base64'), ms, count, connections, ahead })
  }
}
