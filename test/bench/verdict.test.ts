/** What is said of a mode, from phases made up by hand. */
import test from 'ava'
import { experienceOf, judge, percentile, type Phase } from '../../bench/fairness/verdict.ts'

const hundred = Array.from({ length: 100 }, (_, n) => n + 1)

const phase = (other: Partial<Omit<Phase, 'errors'>> = {}): Phase => ({
  seconds: 2,
  requestsUs: hundred,
  opensUs: hundred,
  bytes: 2_000_000,
  failedRequests: 0,
  failedOpens: 0,
  wholeTransfers: 15,
  cutTransfers: 0,
  wrongHashes: 0,
  failedBetween: 0,
  lateP99Us: 1,
  ...other
})

test('a percentile is a sample, whatever order they came in', t => {
  t.is(percentile([3, 1, 2], 0.5), 2)
  t.is(percentile(hundred.toReversed(), 0.99), 100)
  t.is(percentile([7], 0.99), 7)
})

test('phases are put together sample by sample, not percentile by percentile', t => {
  const slow = phase({ requestsUs: [1_000], bytes: 0 })
  const { requestP50Us, requestP99Us, bytesPerSecond } = experienceOf([phase(), slow])
  t.is(requestP50Us, 51)
  t.is(requestP99Us, 100)
  t.is(bytesPerSecond, 500_000)
})

test('an attack nobody notices misses no aim', t => {
  t.deepEqual(judge([phase()], [phase()]).missed, [])
})

test('twice the p99 and nine tenths of the bytes still hold', t => {
  const doubled = hundred.map(us => us * 2)
  t.deepEqual(judge([phase()], [phase({ requestsUs: doubled, opensUs: doubled, bytes: 1_800_000 })]).missed, [])
})

for (const [title, attack, words] of [
  ['slow requests', { requestsUs: hundred.map(us => us * 2.1) }, /p99 of requests is 2\.10 x/],
  ['slow opens', { opensUs: hundred.map(us => us * 3) }, /p99 of opens is 3\.00 x/],
  ['fewer bytes', { bytes: 1_700_000 }, /throughput is 85 %/],
  ['a request that fails', { failedRequests: 1 }, /^1 requests, opens or transfers failed/],
  ['an open that fails', { failedOpens: 1 }, /^1 requests, opens or transfers failed/],
  ['a transfer that is cut', { cutTransfers: 1 }, /^1 requests, opens or transfers failed/],
  ['what fails while nothing is measured', { failedBetween: 1 }, /^1 requests, opens or transfers failed/],
  ['a wrong hash', { wrongHashes: 2 }, /^2 transfers arrived with another hash/]
] as const) {
  test(`one aim is missed by ${title}`, t => {
    const { missed } = judge([phase()], [phase(attack)])
    t.is(missed.length, 1)
    t.regex(missed[0] ?? '', words)
  })
}

test('where nothing was measured no aim is said to hold', t => {
  t.is(judge([phase()], [phase({ requestsUs: null, opensUs: null, bytes: 0 })]).missed.length, 3)
})

test('what fails without an attack is not the attack\'s', t => {
  const { baseline, missed } = judge([phase({ failedOpens: 4 })], [phase()])
  t.is(baseline.resets, 4)
  t.deepEqual(missed, [])
})
