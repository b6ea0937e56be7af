/** The fairness benchmark's result for people. */
import Table from 'cli-table3'
import { AIMS } from './verdict.ts'
import type { FairnessResult, ModeResult } from './fairness.ts'

const milliseconds = (us: number): string => (us / 1_000).toFixed(us < 10_000 ? 2 : 1)
const times = (ratio: number): string => `${ratio.toFixed(2)} x`

function row ({ title, attack, ratios, missed, calibration, failed }: ModeResult): string[] {
  return [
    title,
    `${milliseconds(attack.requestP50Us)} / ${milliseconds(attack.requestP99Us)}`, times(ratios.requestP50), times(ratios.requestP99),
    `${milliseconds(attack.openP50Us)} / ${milliseconds(attack.openP99Us)}`, times(ratios.openP50), times(ratios.openP99),
    `${(ratios.bytesPerSecond * 100).toFixed(0)} %`,
    String(attack.resets),
    attack.wrongHashes === 0 && attack.wholeTransfers > 0 ? 'equal' : `${attack.wrongHashes} wrong`,
    failed !== undefined ? 'failed' : calibration ? '(to compare)' : missed.length === 0 ? 'hold' : `${missed.length} missed`
  ]
}

export function showFairness ({ pace, size, generatorFirst, baseline, lostNeighbours, modes }: FairnessResult): string {
  const table = new Table({
    head: ['15 tenants, while one has', 'request p50/p99 ms', 'p50', 'p99', 'open p50/p99 ms', 'p50', 'p99', 'throughput', 'resets', 'hashes', 'aims'],
    colAligns: ['left', ...Array.from({ length: 9 }, () => 'right' as const), 'left'],
    style: { head: [], border: [], compact: true }
  })
  table.push([
    'nothing wrong (baseline)',
    `${milliseconds(baseline.requestP50Us)} / ${milliseconds(baseline.requestP99Us)}`, '', '',
    `${milliseconds(baseline.openP50Us)} / ${milliseconds(baseline.openP99Us)}`, '', '',
    `${(baseline.bytesPerSecond / 1e6).toFixed(1)} MB/s`, String(baseline.resets), baseline.wrongHashes === 0 ? 'equal' : `${baseline.wrongHashes} wrong`, ''
  ])
  for (const mode of modes) table.push(row(mode))
  const lines = [table.toString()]
  for (const { title, missed, calibration, failed, errors } of modes) {
    if (failed !== undefined) lines.push(`${title}: could not be measured to its end: ${failed}`)
    if (!calibration) for (const one of missed) lines.push(`MISSED, ${title}: ${one}`)
    for (const [error, count] of Object.entries(errors)) lines.push(`  ${title}: ${error} (${count} times)`)
  }
  const disturbed = modes.reduce((sum, mode) => sum + mode.disturbed, 0)
  if (disturbed > 0) lines.push(`Other programs of this machine were busy in ${disturbed} of ${modes.length * size.rounds} pairs of phases (column \`others\`): measure again when it is quiet.`)
  if (lostNeighbours > 0) lines.push(`MISSED: ${lostNeighbours} hosts of tenants that behave have ended`)
  lines.push('', 'Processors used, in cores, with nothing wrong and under attack:', cores(modes).toString(), '', 'What the attacks did:', ...modes.map(deedsOf), '')
  lines.push(`Aims: p99 at most ${AIMS.p99Ratio} x, throughput at least ${AIMS.throughputRatio * 100} %, ${AIMS.resets} resets, all hashes equal.`)
  lines.push(`Each of the 15: ${pace.requests} requests, ${pace.opens} opens and ${pace.rate / 1024} KiB a second; ${size.rounds} round${size.rounds === 1 ? '' : 's'} of ${size.phaseMs / 1_000} s with and without.`)
  if (!generatorFirst) lines.push('The generator has no real-time priority here (that needs root and chrt): times include its own waiting.')
  return lines.join('\n')
}

const deedsOf = ({ title, deeds }: ModeResult): string =>
  `  ${title}: ${Object.entries(deeds).map(([deed, count]) => `${count.toLocaleString('en')} x ${deed}`).join(', ')}`

function cores (modes: readonly ModeResult[]): Table.Table {
  const table = new Table({
    head: ['mode', "neighbours' hosts", 'generator', "rogue's host, supervisor", 'accomplice', "rogue's program", 'others', 'generator late p99 ms'],
    colAligns: ['left', ...Array.from({ length: 7 }, () => 'right' as const)],
    style: { head: [], border: [], compact: true }
  })
  for (const { title, baselineCores: before, attackCores: during, lateP99Us } of modes) {
    table.push([
      title,
      `${before.neighbours.toFixed(2)} -> ${during.neighbours.toFixed(2)}`,
      `${before.generator.toFixed(2)} -> ${during.generator.toFixed(2)}`,
      `${before.rogue.toFixed(2)} -> ${during.rogue.toFixed(2)}`,
      during.accomplice.toFixed(2),
      during.attacker.toFixed(2),
      `${before.others.toFixed(2)} -> ${during.others.toFixed(2)}`,
      milliseconds(lateP99Us)
    ])
  }
  return table
}
