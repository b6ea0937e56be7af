/**
 * Connections between hosts of this machine: a pair of sockets for two of them, each told who has the other end.
 *
 * This is what vouches for them in the local transport: both are processes that this one has started, and no other process
 * ever sees either end. Nothing is encrypted there, so an end goes to the very process it is meant for or to none. Owns how
 * many of them a host may have made; whether the two may talk is asked by both hosts.
 */
import { closeSync } from 'node:fs'
import { P2pdError, messageOf } from '../errors.ts'
import { socketPairFds } from '../os/socketPair.ts'
import { TokenBucket } from '../tokenBucket.ts'
import type { HostProcess } from './hostProcess.ts'
import type { Tenant } from './tenant.ts'

/** One end, as the supervisor knows it. */
export interface Introduced {
  readonly name: string
  /** Undefined while its identity is damaged. */
  readonly peerId: string | undefined
  readonly tenant: Pick<Tenant, 'running' | 'give'>
  /** Its manifest lets other tenants reach it so. */
  readonly isLocal: boolean
  /** The daemon's own: it is reached by every tenant, and its host is started for that. */
  readonly isDaemon: boolean
}

/** The process that asked. Its tenant may have another one by the time of the answer. */
export type Asker = Pick<HostProcess, 'give' | 'send'>

/** Far above what hosts need, which keep their connections: a restart of a hundred neighbours fits. */
const A_HOST = { perSecond: 50, burst: 200 }

export class Introductions {
  readonly #find: (peerId: string) => Introduced | undefined
  readonly #buckets = new Map<string, TokenBucket>()

  /** @param find who has this peer ID now */
  constructor (find: (peerId: string) => Introduced | undefined) {
    this.#find = find
  }

  /** Answers the host that asks with `reached` or `notReached`. Never rejects. */
  async introduce (from: Introduced, asker: Asker, id: number, peerId: string): Promise<void> {
    try {
      if (!this.#bucketOf(from.name).take()) throw again('too many connections to neighbours are asked for')
      const to = this.#find(peerId)
      if (to === undefined || to.name === from.name || from.peerId === undefined || !(to.isDaemon || (from.isLocal && to.isLocal))) {
        throw new P2pdError('ERR_UNAVAILABLE', 'no host of this machine is reached without the network there')
      }
      await running(to)
      // Waiting may have taken as long as a restart, with another key.
      if (!this.#isStill(from.peerId, from) || !this.#isStill(peerId, to)) throw new P2pdError('ERR_UNAVAILABLE', 'one of the two has become another meanwhile: ask again')
      connect({ asker, name: from.name, peerId: from.peerId }, { ...to, peerId }, id)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'ERR_SYSTEM'
      asker.send({ kind: 'notReached', id, code, reason: messageOf(error) })
    }
  }

  /** The tenant has gone. */
  forget (name: string): void {
    this.#buckets.delete(name)
  }

  #isStill (peerId: string, { tenant }: Introduced): boolean {
    return this.#find(peerId)?.tenant === tenant
  }

  #bucketOf (name: string): TokenBucket {
    const bucket = this.#buckets.get(name) ?? new TokenBucket(A_HOST)
    this.#buckets.set(name, bucket)
    return bucket
  }
}

async function running ({ tenant, isDaemon }: Introduced): Promise<void> {
  try {
    await tenant.running({ start: isDaemon })
  } catch (error) {
    // Why a neighbour's does not run are words of its own host, and not for another tenant's app. The log has them.
    throw isDaemon ? error : new P2pdError('ERR_UNAVAILABLE', 'its host does not run now: a program of its own starts it, or `start: always` in its manifest', { cause: error })
  }
}

function connect (from: { asker: Asker, name: string, peerId: string }, to: Introduced & { peerId: string }, id: number): void {
  const [one, other] = socketPairFds()
  try {
    const isGiven = to.tenant.give(other, descriptor => ({ kind: 'visited', descriptor, tenant: from.name, peerId: from.peerId }))
    if (!isGiven) throw again(`the host of ${to.name} takes no connection now`)
    // One that cannot be given back is found closed by the other end.
    if (!from.asker.give(one, descriptor => ({ kind: 'reached', id, descriptor, tenant: to.name, peerId: to.peerId }))) throw again('too many descriptors are on their way')
  } finally {
    closeSync(one)
    closeSync(other)
  }
}

function again (reason: string): Error {
  return Object.assign(new Error(reason), { code: 'EAGAIN' })
}
