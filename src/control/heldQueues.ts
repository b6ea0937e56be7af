/**
 * Queues of programs that wait, as policy knows them. Those that wait are asked about again by their sessions when policy
 * changes; here it is who has taken a stream and is expected back: when that is denied meanwhile, nobody is.
 */
import type { Caller } from '../policy/ask.ts'
import type { Judge } from '../policy/judge.ts'
import type { DaemonHost } from './daemonHost.ts'
import { handlingOf } from './operations/handling.ts'
import type { Waiters } from './waiters.ts'

export class HeldQueues {
  readonly #judge: Judge
  readonly #daemon: Pick<DaemonHost, 'isHere'>
  readonly #releases = new Map<Waiters, () => void>()

  constructor ({ judge, daemon }: { judge: Judge, daemon: Pick<DaemonHost, 'isHere'> }) {
    this.#judge = judge
    this.#daemon = daemon
  }

  /** This caller is the last one who was allowed to wait in it: what is asked again is asked for that one. */
  hold (queue: Waiters, caller: Caller): void {
    this.#releases.get(queue)?.()
    this.#releases.set(queue, this.#judge.hold(caller, handlingOf(queue.protocol, this.#daemon), () => { queue.expectNobody() }))
  }

  /** It is over. */
  release (queue: Waiters): void {
    this.#releases.get(queue)?.()
    this.#releases.delete(queue)
  }
}
