import test from 'ava'
import { BackOff } from '../../src/supervisor/backOff.ts'

const MINUTE = 60_000

function clocked (): { backOff: BackOff, pass: (ms: number) => void } {
  let now = 0
  return { backOff: new BackOff(() => now), pass: ms => { now += ms } }
}

test('the delay doubles with each crash, and the fifth within five minutes parks', t => {
  const { backOff, pass } = clocked()
  const delays = Array.from({ length: 5 }, () => {
    pass(10_000)
    return backOff.crashed()
  })
  t.deepEqual(delays, [1_000, 2_000, 4_000, 8_000, 'park'])
})

test('crashes further apart than five minutes do not add up', t => {
  const { backOff, pass } = clocked()
  for (let crash = 0; crash < 20; crash++) {
    pass(5 * MINUTE)
    t.is(backOff.crashed(), 1_000)
  }
})

test('a crash every two minutes is never parked, and waits a few seconds at most', t => {
  const { backOff, pass } = clocked()
  for (let crash = 0; crash < 20; crash++) {
    pass(2 * MINUTE)
    const delay = backOff.crashed()
    t.true(delay !== 'park' && delay <= 4_000)
  }
})

test('an operator\'s restart forgets what was', t => {
  const { backOff } = clocked()
  for (let crash = 0; crash < 4; crash++) backOff.crashed()
  backOff.forget()
  t.is(backOff.crashed(), 1_000)
})
