import test from 'ava'
import { mock } from 'node:test'
import { IdleClock } from '../../src/host/idle.ts'

test.serial('a host is idle after that long without anything, and not a moment before', t => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    let busy = true
    let stops = 0
    const clock = new IdleClock(1_000, () => !busy, () => { stops++ })
    clock.touch()
    mock.timers.tick(5_000)
    t.is(stops, 0)
    busy = false
    clock.touch()
    mock.timers.tick(999)
    t.is(stops, 0)
    busy = true // something begins just before
    mock.timers.tick(10_000)
    t.is(stops, 0)
    busy = false
    clock.touch()
    mock.timers.tick(1_000)
    t.is(stops, 1)
  } finally {
    mock.timers.reset()
  }
})

test.serial('zero is never', t => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    new IdleClock(0, () => true, () => { t.fail() }).touch()
    mock.timers.tick(1_000_000_000)
    t.pass()
  } finally {
    mock.timers.reset()
  }
})
