/**
 * The contract of the control protocol: what proto/PROTOCOL.md promises, as tests that any daemon can be held to.
 *
 * Speaks only in bytes, over whatever sockets it is given, so it does not matter in which language or process the daemon is.
 */
import type { TestFn } from 'ava'
import type { Difference } from './differences.ts'
import type { Pair } from './pair.ts'
import { accepting } from './rules/accepting.ts'
import { turns } from './rules/acceptingTurns.ts'
import { answers } from './rules/answers.ts'
import { connecting } from './rules/connecting.ts'
import { disconnecting } from './rules/disconnecting.ts'
import { excess } from './rules/excess.ts'
import { framing } from './rules/framing.ts'
import { handlers } from './rules/handlers.ts'
import { halfClose } from './rules/halfClose.ts'
import { malformed } from './rules/malformed.ts'
import { opening } from './rules/opening.ts'
import { protocolIds } from './rules/protocolIds.ts'
import { sharing } from './rules/sharing.ts'
import { streams } from './rules/streams.ts'
import { targets } from './rules/targets.ts'
import { unavailable } from './rules/unavailable.ts'
import { makeSuite } from './suite.ts'
import { RawConnection } from '../helpers/rawConnection.ts'
import { identify } from '../helpers/requests.ts'

export type { Difference, Pair }

const RULES = [framing, answers, malformed, excess, connecting, disconnecting, opening, streams, halfClose, handlers, sharing, accepting, turns, targets, protocolIds, unavailable]

export interface ContractOptions {
  /** What the daemon is known to do otherwise: asserted too, instead. */
  readonly differences?: Iterable<Difference>
}

/** Registers every test of the contract with ava, under this name. The pair is made once, before them. */
export function controlContract (test: TestFn, name: string, makePair: () => Promise<Pair>, { differences = [] }: ContractOptions = {}): void {
  let pair: Pair | undefined
  let pids: number[] = []
  test.before(`${name}: the pair is there`, async () => {
    pair = await makePair()
    pids = await pidsOf(pair)
  })
  test.after.always(`${name}: the pair is gone`, async () => { await pair?.[Symbol.asyncDispose]() })
  const suite = makeSuite({
    test,
    name,
    pair: () => {
      if (pair === undefined) throw new Error('the pair was not made')
      return pair
    },
    differences: new Set(differences)
  })
  for (const rule of RULES) rule(suite)
  suite.test('nothing of all this has made a process fall', async (t, scene) => { t.deepEqual(await pidsOf(scene.pair), pids) })
}

/** Of the processes that serve the two sides, which are running from the first request on. */
async function pidsOf ({ a, b }: Pair): Promise<number[]> {
  return await Promise.all([a, b].map(async ({ control, pid }) => {
    using connection = await RawConnection.to(control)
    await connection.ask(identify())
    return await pid()
  }))
}
