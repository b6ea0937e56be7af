import test from 'ava'
import { TokenBucket } from '../src/tokenBucket.ts'

function bucket (perSecond: number, burst?: number): { bucket: TokenBucket, pass: (ms: number) => void } {
  let now = 0
  return { bucket: new TokenBucket({ perSecond, ...burst !== undefined && { burst }, now: () => now }), pass: ms => { now += ms } }
}

test('it holds two seconds\' worth at first and never more', t => {
  const { bucket: tokens, pass } = bucket(10)
  pass(60_000)
  t.is(Array.from({ length: 30 }, () => tokens.take()).filter(Boolean).length, 20)
})

test('what was used comes back at the rate, to a fraction', t => {
  const { bucket: tokens, pass } = bucket(10, 1)
  t.true(tokens.take())
  pass(99)
  t.false(tokens.take())
  pass(1)
  t.true(tokens.take())
})

test('what is not there is not taken in part', t => {
  const { bucket: tokens } = bucket(10, 5)
  t.false(tokens.take(6))
  t.true(tokens.take(5))
})

test('what is owed is paid back before anything else', t => {
  const { bucket: tokens, pass } = bucket(100, 100)
  tokens.owe(350)
  t.is(tokens.owedMs(), 2_500)
  pass(2_499)
  t.not(tokens.owedMs(), 0)
  pass(1)
  t.is(tokens.owedMs(), 0)
})
