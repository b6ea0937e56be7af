/**
 * The fairness benchmark: fifteen tenants with a steady load, one that misbehaves, and what that costs the fifteen.
 *
 * Phases with and without the attack take turns in one run with the same processes, so that a slow minute of the machine
 * meets both. The steady load is far below what the machine can do: the question is whether one tenant harms the others, not
 * how much all of them can have.
 */
import { mkdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../src/errors.ts'
import { Conversation } from '../conversation.ts'
import { loadCommand } from '../load.ts'
import { cpuSeconds, machineCpuSeconds } from '../processes.ts'
import { beginAttack, modes, type Deeds, type Mode } from './attack.ts'
import { canBeFirst, first } from './priority.ts'
import { NEIGHBOURS, Scene } from './scene.ts'
import { experienceOf, judge, type Experience, type Phase, type Verdict } from './verdict.ts'

export interface FairnessSize {
  /** Baselines, and attacks, of each mode. */
  rounds: number
  phaseMs: number
  /** Between two phases: for the one that misbehaved to be gone. */
  settleMs: number
  /** How often a pair of phases is measured until it is undisturbed; then it counts as it is, and is said to be disturbed. */
  tries: number
  /** Unmeasured load at the beginning: until then just-in-time compilers are busy. */
  warmMs: number
}

/** A second of each of the fifteen. Together about a third of two cores, the generator included. */
const PACE = { requests: 10, opens: 2, rate: 256 * 1024 }

/** CPU time as a share of one core. */
export type Cores = Record<'neighbours' | 'rogue' | 'accomplice' | 'attacker' | 'generator' | 'others', number>

export interface ModeResult extends Verdict {
  name: string
  title: string
  calibration: boolean
  deeds: Deeds
  baselineCores: Cores
  attackCores: Cores
  errors: Record<string, number>
  /** Of the generator itself, the worst phase. */
  lateP99Us: number
  /** Pairs of phases in which other programs of the machine were busy, every time they were tried. */
  disturbed: number
  failed?: string
}

export interface FairnessResult {
  pace: typeof PACE
  size: FairnessSize
  /** Whether the generator ran before everything else on the machine. */
  generatorFirst: boolean
  /** Over all modes. */
  baseline: Experience
  lostNeighbours: number
  modes: ModeResult[]
}

interface Measured { phase: Phase, cores: Cores }

/** A baseline and the attack right after it. */
interface Pair { baseline: Measured, attack: Measured, deeds: Deeds }

interface Records { pairs: Pair[], failed?: string }

/** Cores that other programs of the machine may use before a pair is measured again. */
const QUIET_CORES = 0.25

/** @param dir does not exist yet, and is the caller's to remove */
export async function fairness (dir: string, size: FairnessSize, say: (line: string) => void, chosen: readonly Mode[] = modes): Promise<FairnessResult> {
  mkdirSync(dir, { mode: 0o755 })
  await using scene = await Scene.start(dir)
  const load = loadCommand('steady', { sockets: NEIGHBOURS.map(name => scene.socket(name)).join(','), dir, within: '2h', ...PACE })
  await using steady = new Conversation(first(load), { ownSession: true })
  await steady.next()
  scene.rememberNeighbours()

  const measure = async (ms: number, attacker?: number): Promise<Measured> => {
    const usedBy = (): Omit<Cores, 'others'> & { all: number } => ({
      ...scene.cpu(), attacker: attacker === undefined ? 0 : cpuSeconds([attacker]), generator: cpuSeconds([steady.pid]), all: machineCpuSeconds()
    })
    const before = usedBy()
    steady.say(`measure ${ms}`)
    await sleep(ms)
    const after = usedBy()
    const per = (of: keyof typeof before): number => (after[of] - before[of]) / (ms / 1_000)
    const own = { neighbours: per('neighbours'), rogue: per('rogue'), accomplice: per('accomplice'), attacker: per('attacker'), generator: per('generator') }
    const sum = Object.values(own).reduce((total, one) => total + one, 0)
    return { phase: await steady.next<Phase>(), cores: { ...own, others: Math.max(0, per('all') - sum) } }
  }

  const measurePair = async (mode: Mode): Promise<Pair> => {
    for (let left = size.tries; ; left--) {
      const baseline = await measure(size.phaseMs)
      const attack = await beginAttack(scene, mode)
      let attacked: Measured
      try {
        attacked = await measure(size.phaseMs, attack.pid)
      } finally {
        await attack.stop()
      }
      await sleep(size.settleMs)
      // What has failed since then is the attack's, too.
      attacked.phase.failedBetween += (await measure(1)).phase.failedBetween
      const pair = { baseline, attack: attacked, deeds: await attack.stop() }
      if (left <= 1 || !isDisturbed(pair) || hasFailed(attacked)) return pair
    }
  }

  await measure(size.warmMs)
  const records = new Map<Mode, Records>(chosen.map(mode => [mode, { pairs: [] }]))
  for (let round = 0; round < size.rounds; round++) {
    for (const [mode, record] of records) {
      say(`fairness, round ${round + 1} of ${size.rounds}: ${mode.title}`)
      try {
        record.pairs.push(await measurePair(mode))
      } catch (error) {
        // The steady load's own end would be the end of every mode.
        if (!steady.isOpen) throw error
        record.failed = messageOf(error)
      }
    }
  }
  // All of them: there are too few of one mode for a percentile that holds still.
  const baselines = [...records.values()].flatMap(({ pairs }) => pairs.map(({ baseline }) => baseline.phase))
  return {
    pace: PACE,
    size,
    generatorFirst: canBeFirst(),
    baseline: experienceOf(baselines),
    lostNeighbours: scene.lostNeighbours,
    modes: [...records].map(([mode, record]) => resultOf(mode, record, baselines))
  }
}

const isDisturbed = ({ baseline, attack }: Pair): boolean => Math.max(baseline.cores.others, attack.cores.others) > QUIET_CORES

/** Something failed that should not, and that counts on a busy machine as well. */
function hasFailed ({ phase }: Measured): boolean {
  const { resets, wrongHashes } = experienceOf([phase])
  return resets > 0 || wrongHashes > 0
}

function resultOf ({ name, title, calibration = false }: Mode, { pairs, failed }: Records, allBaselines: readonly Phase[]): ModeResult {
  const [baselines, attacks] = [pairs.map(({ baseline }) => baseline), pairs.map(({ attack }) => attack)]
  const phases = [...baselines, ...attacks].map(({ phase }) => phase)
  return {
    ...judge(allBaselines, attacks.map(({ phase }) => phase)),
    name,
    title,
    calibration,
    deeds: added(pairs.map(({ deeds }) => deeds)),
    baselineCores: meanCores(baselines),
    attackCores: meanCores(attacks),
    errors: added(phases.map(({ errors }) => errors ?? {})),
    lateP99Us: Math.max(...phases.map(({ lateP99Us }) => lateP99Us)),
    disturbed: pairs.filter(isDisturbed).length,
    ...failed !== undefined && { failed }
  }
}

function added (all: ReadonlyArray<Readonly<Record<string, number>>>): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const one of all) for (const [name, value] of Object.entries(one)) sums[name] = (sums[name] ?? 0) + value
  return sums
}

function meanCores (measured: readonly Measured[]): Cores {
  const mean = (of: keyof Cores): number => measured.reduce((sum, { cores }) => sum + cores[of], 0) / measured.length
  return { neighbours: mean('neighbours'), rogue: mean('rogue'), accomplice: mean('accomplice'), attacker: mean('attacker'), generator: mean('generator'), others: mean('others') }
}
