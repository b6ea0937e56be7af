/** Benchmarks of p2pd alone: what they ask has no counterpart in a daemon for one user. */
import { join } from 'node:path'
import { decision } from './decision/decision.ts'
import { showDecision } from './decision/show.ts'
import { fairness, type FairnessSize } from './fairness/fairness.ts'
import { showFairness } from './fairness/show.ts'
import { whyNotBuilt } from './serve.ts'

export interface OwnBenchmark {
  name: string
  /** Why it cannot run here, or undefined. */
  prepare: () => string | undefined
  /** @param dir an empty directory, gone afterwards */
  run: (dir: string, quick: boolean, say: (line: string) => void) => Promise<{ json: unknown, text: string }>
}

const FAIRNESS: Record<'whole' | 'quick', FairnessSize> = {
  whole: { rounds: 5, phaseMs: 5_000, settleMs: 2_000, tries: 3, warmMs: 20_000 },
  quick: { rounds: 1, phaseMs: 1_500, settleMs: 500, tries: 1, warmMs: 1_000 }
}

/** Decisions of each kind. */
const DECISIONS = { whole: 4_000, quick: 500 }

export const ownBenchmarks: readonly OwnBenchmark[] = [
  {
    name: 'decision',
    prepare: () => undefined,
    async run (dir, quick, say) {
      const json = await decision(join(dir, 'decision'), quick ? DECISIONS.quick : DECISIONS.whole, say)
      return { json, text: showDecision(json) }
    }
  },
  {
    name: 'fairness',
    prepare: whyNotBuilt,
    async run (dir, quick, say) {
      const json = await fairness(join(dir, 'fairness'), quick ? FAIRNESS.quick : FAIRNESS.whole, say)
      return { json, text: showFairness(json) }
    }
  }
]
