/**
 * Connections between hosts of this machine: a pair of sockets for two of them, each told who has the other end.
 *
 * This is what vouches for them in the local transport: both are processes that this one has started, and no other process
 * ever sees either end. Owns how many of them a host may have made; whether the two may talk is asked by both hosts.
 */
import { closeSync } from 'node:fs'
import { P2pdError, messageOf } from '../errors.ts'
import { socketPairFds } from '../os/socketPair.ts'
import { TokenBucket } from '../tokenBucket.ts'
import type { Tenant } from './tenant.ts'

/** One end, as the supervisor knows it. */
export interface Introduced {
  readonly name: string
  /** Undefined while its identity is damaged. */
  readonly peerId: string | undefined
  readonly tenant: Tenant
  /** Its manifest lets other tenants reach it so. */
  readonly isLocal: boolean
  /** The daemon's own: reached by every tenant, and its host is started for that. */
  readonly isDaemon: boolean
}

/** Far above what hosts need, which keep their connections: a restart of a hundred neighbours fits. */
const A_HOST = { perSecond: 50, burst: 200 }

export class Introductions {
  readonly #find: (peerId: string) => Introduced | undefined
  readonly #buckets = new Map<string, TokenBucket>()

  constructor (find: (peerId: string) => Introduced | undefined) {
    this.#find = find
  }

  /** Answers the host that asks with `reached` or `notReached`. Never rejects. */
  async introduce (from: Introduced, id: number, peerId: string): Promise<void> {
    try {
      if (!this.#bucketOf(from.name).take()) throw Object.assign(new Error('too many connections to neighbours are asked for'), { code: 'EAGAIN' })
      const to = this.#find(peerId)
      const isWire = from.isDaemon || to?.isDaemon === true
      if (to === undefined || to.name === from.name || from.peerId === undefined || !(isWire || (from.isLocal && to.isLocal))) {
        throw new P2pdError('ERR_UNAVAILABLE', 'no host of this machine is reached without the network there')
      }
      await to.tenant.running({ start: to.isDaemon })
      connect(from.tenant, from.name, from.peerId, to, id)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'ERR_SYSTEM'
      from.tenant.tell({ kind: 'notReached', id, code, reason: messageOf(error) })
    }
  }

  /** The tenant has gone. */
  forget (name: string): void {
    this.#buckets.delete(name)
  }

  #bucketOf (name: string): TokenBucket {
    const bucket = this.#buckets.get(name) ?? new TokenBucket(A_HOST)
    this.#buckets.set(name, bucket)
    return bucket
  }
}

function connect (from: Tenant, tenant: string, peerId: string, to: Introduced, id: number): void {
  const [one, other] = socketPairFds()
  try {
    const isGiven = to.tenant.give(other, descriptor => ({ kind: 'visited', descriptor, tenant, peerId }))
    if (!isGiven) throw Object.assign(new Error(`the host of ${to.name} takes no connection now`), { code: 'EAGAIN' })
    // One that cannot be given back is found closed by the other end.
    if (!from.give(one, descriptor => ({ kind: 'reached', id, descriptor, tenant: to.name }))) throw Object.assign(new Error('too many descriptors are on their way'), { code: 'EAGAIN' })
  } finally {
    closeSync(one)
    closeSync(other)
  }
}
