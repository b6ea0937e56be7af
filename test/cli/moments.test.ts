import test from 'ava'
import { until } from '../../src/cli/moments.ts'

const NOW_MS = Date.parse('2026-11-28T12:00:00.400Z')

for (const [leftSeconds, wanted] of [
  [1, 'in 0 s'], [2, 'in 1 s'], [60, 'in 59 s'], [61, 'in 1 min'], [91, 'in 1 min 30 s'], [3_600, 'in 59 min'], [3_601, 'in 1 h'], [5_401, 'in 1 h 30 min'], [36_001, 'in 10 h'], [86_400, 'in 23 h'], [86_401, 'in 1 d']
] as const) {
  test(`what ends ${leftSeconds} s after the second that has begun ends ${wanted}`, t => {
    t.true(until(Math.floor(NOW_MS / 1000) + leftSeconds, NOW_MS).endsWith(`UTC, ${wanted.replace('in 0 s', 'over')}`))
  })
}

test('the time is told to the second, in UTC', t => {
  t.is(until(Date.parse('2026-11-28T13:00:01Z') / 1000, NOW_MS), '2026-11-28 13:00:01 UTC, in 1 h')
  t.is(until(Date.parse('2026-11-28T11:59:59Z') / 1000, NOW_MS), '2026-11-28 11:59:59 UTC, over')
})
