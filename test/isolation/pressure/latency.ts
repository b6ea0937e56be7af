/**
 * Whether one tenant feels what another suffers: the same measurement with and without the attack, in turns.
 *
 * The machine is shared and noisy. So each round compares two windows that lie next to each other, and the median of the
 * rounds counts, or the best window of each kind, which has least of others' noise in it: an attack that is felt is felt in
 * every window. What nobody would notice passes whatever the ratio is.
 */
import type { ExecutionContext } from 'ava'

const ROUNDS = 5

/** Twice the p99 of the quiet window is what the project promises. */
const TIMES = 2

/** Two time slices of the scheduler: what two cores with more work than that cost anybody, whatever p2pd does. */
const UNNOTICED_MS = 12

export interface Compared {
  /** One window: milliseconds for each answer. */
  readonly probe: () => Promise<number[]>
  /** Begins the attack; what it returns ends it. */
  readonly attack: () => Promise<AsyncDisposable>
}

export function p99 (values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? Infinity
}

export function median (values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Infinity
}

function bound (quietMs: number): number {
  return Math.max(TIMES * quietMs, UNNOTICED_MS)
}

/** Others' p99 is what it was, or twice that, or not to be noticed. */
export async function isUnharmed (t: ExecutionContext, { probe, attack }: Compared): Promise<void> {
  const rounds: Array<{ quiet: number, attacked: number }> = []
  for (let round = 0; round < ROUNDS; round++) {
    const quiet = p99(await probe())
    await using _attack = await attack()
    rounds.push({ quiet, attacked: p99(await probe()) })
  }
  const quiet = median(rounds.map(round => round.quiet))
  const attacked = median(rounds.map(round => round.attacked))
  const ratio = median(rounds.map(round => round.attacked / round.quiet))
  const shown = `p99 ${quiet.toFixed(1)} ms quiet, ${attacked.toFixed(1)} ms under attack, ratio ${ratio.toFixed(1)}`
  t.log(shown)
  const [best, bestAttacked] = [Math.min(...rounds.map(round => round.quiet)), Math.min(...rounds.map(round => round.attacked))]
  t.true(ratio <= TIMES || attacked <= bound(quiet) || bestAttacked <= bound(best), shown)
}
