/** From what was written down of the phases to what is said of a mode. Pure: no process, no clock. */

/** One phase, as the generator (load/phase.go) prints it. */
export interface Phase {
  seconds: number
  requestsUs: number[] | null
  opensUs: number[] | null
  bytes: number
  failedRequests: number
  failedOpens: number
  wholeTransfers: number
  cutTransfers: number
  wrongHashes: number
  failedBetween: number
  errors?: Record<string, number>
  lateP99Us: number
}

/** What the tenants that behave had, over all phases of a kind. */
export interface Experience {
  requestP50Us: number
  requestP99Us: number
  openP50Us: number
  openP99Us: number
  bytesPerSecond: number
  /** Requests, opens and transfers that failed. */
  resets: number
  wholeTransfers: number
  wrongHashes: number
}

export interface Verdict {
  baseline: Experience
  attack: Experience
  /** Attack divided by baseline. */
  ratios: { requestP50: number, requestP99: number, openP50: number, openP99: number, bytesPerSecond: number }
  /** The aims that are missed, in words; none: all hold. */
  missed: string[]
}

/** What one tenant may cost the others. */
export const AIMS = { p99Ratio: 2, throughputRatio: 0.9, resets: 0 } as const

/** The smallest sample that this share of all does not exceed. */
export function percentile (samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}

export function experienceOf (phases: readonly Phase[]): Experience {
  const requests = phases.flatMap(({ requestsUs }) => requestsUs ?? [])
  const opens = phases.flatMap(({ opensUs }) => opensUs ?? [])
  const sum = (of: (phase: Phase) => number): number => phases.reduce((total, phase) => total + of(phase), 0)
  return {
    requestP50Us: percentile(requests, 0.5),
    requestP99Us: percentile(requests, 0.99),
    openP50Us: percentile(opens, 0.5),
    openP99Us: percentile(opens, 0.99),
    bytesPerSecond: sum(({ bytes }) => bytes) / sum(({ seconds }) => seconds),
    resets: sum(({ failedRequests, failedOpens, cutTransfers, failedBetween }) => failedRequests + failedOpens + cutTransfers + failedBetween),
    wholeTransfers: sum(({ wholeTransfers }) => wholeTransfers),
    wrongHashes: sum(({ wrongHashes }) => wrongHashes)
  }
}

/** A phase without a single sample has no percentile, and that is a miss, too. */
export function judge (baselines: readonly Phase[], attacks: readonly Phase[]): Verdict {
  const [baseline, attack] = [experienceOf(baselines), experienceOf(attacks)]
  const ratios = {
    requestP50: attack.requestP50Us / baseline.requestP50Us,
    requestP99: attack.requestP99Us / baseline.requestP99Us,
    openP50: attack.openP50Us / baseline.openP50Us,
    openP99: attack.openP99Us / baseline.openP99Us,
    bytesPerSecond: attack.bytesPerSecond / baseline.bytesPerSecond
  }
  const missed: string[] = []
  const { resets, wrongHashes } = attack
  if (!(ratios.requestP99 <= AIMS.p99Ratio)) missed.push(`p99 of requests is ${ratios.requestP99.toFixed(2)} x, the aim ${AIMS.p99Ratio} x at most`)
  if (!(ratios.openP99 <= AIMS.p99Ratio)) missed.push(`p99 of opens is ${ratios.openP99.toFixed(2)} x, the aim ${AIMS.p99Ratio} x at most`)
  if (!(ratios.bytesPerSecond >= AIMS.throughputRatio)) missed.push(`throughput is ${(ratios.bytesPerSecond * 100).toFixed(0)} %, the aim ${AIMS.throughputRatio * 100} % at least`)
  if (resets > AIMS.resets) missed.push(`${resets} requests, opens or transfers failed, the aim ${AIMS.resets}`)
  if (wrongHashes > 0) missed.push(`${wrongHashes} transfers arrived with another hash`)
  return { baseline, attack, ratios, missed }
}
