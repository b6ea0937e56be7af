/** The decision benchmark's result for people. */
import Table from 'cli-table3'
import { AIM_POLICIES, AIM_US, type DecisionResult } from './decision.ts'

const us = (value: number): string => value < 10 ? value.toFixed(1) : value.toFixed(0)
const ms = (value: number): string => (value / 1_000).toFixed(1)

export function showDecision (results: readonly DecisionResult[]): string {
  const table = new Table({
    head: ['policies', 'about', 'in the host', 'new p50 us', 'p99', 'known p50 us', 'p99', 'first 100 p99 us', 'very first ms', 'of an epoch ms', 'private MB'],
    colAligns: ['right', 'left', ...Array.from({ length: 9 }, () => 'right' as const)],
    style: { head: [], border: [], compact: true }
  })
  for (const one of results) {
    table.push([
      String(one.policies), one.title, String(one.given), us(one.uncachedP50Us), us(one.uncachedP99Us), us(one.cachedP50Us), us(one.cachedP99Us),
      us(one.firstP99Us), ms(one.veryFirstUs), ms(one.epochP50Us), one.privateMB.toFixed(1)
    ])
  }
  const aim = `p99 of a new decision at ${AIM_POLICIES} policies at most ${AIM_US} us`
  const missed = results.filter(({ policies, uncachedP99Us }) => policies >= AIM_POLICIES && uncachedP99Us > AIM_US)
  return [
    table.toString(),
    ...missed.map(({ title, uncachedP99Us }) => `MISSED, ${title}: ${us(uncachedP99Us)} us; the aim is ${aim}`),
    ...missed.length === 0 ? [`Aim: ${aim}: holds.`] : []
  ].join('\n')
}
