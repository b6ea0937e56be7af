import { P2pdError } from '../../errors.ts'
import type { Operation } from '../operation.ts'

/** A request of the classic protocol that this daemon has no provider for: answered, never ignored. */
export function unavailable (what: string): Operation {
  return {
    ask () { throw new P2pdError('ERR_UNAVAILABLE', `${what} is not available on this daemon`) },
    run () { throw new P2pdError('ERR_UNAVAILABLE', `${what} is not available on this daemon`) }
  }
}
