import test from 'ava'
import { setTimeout as delay } from 'node:timers/promises'
import { Turns } from '../../src/control/turns.ts'

const signal = new AbortController().signal

test('whoever wants the same is served one at a time, in the order in which they came; others are not waited for', async t => {
  const turns = new Turns()
  const story: string[] = []
  let running = 0
  await Promise.all(Array.from({ length: 20 }, async (_, i) => {
    await turns.take('a', signal, async () => {
      t.is(++running, 1)
      await delay(Math.random() * 3)
      story.push(`a${i}`)
      running--
    })
  }).concat(turns.take('b', signal, async () => { story.push('b') })))
  t.deepEqual(story, ['b', ...Array.from({ length: 20 }, (_, i) => `a${i}`)])
  t.false(turns.has('a'))
})

test('who gives up while waiting keeps nobody from their turn, and lets nobody in before it', async t => {
  const turns = new Turns()
  const { promise, resolve } = Promise.withResolvers<void>()
  const first = turns.take('a', signal, async () => { await promise })
  const impatient = new AbortController()
  const second = turns.take('a', impatient.signal, async () => { t.fail('it has given up') })
  let isThird = false
  const third = turns.take('a', signal, async () => { isThird = true })
  impatient.abort(new Error('enough'))
  await t.throwsAsync(second, { message: 'enough' })
  await t.throwsAsync(turns.take('a', AbortSignal.abort(new Error('before')), async () => {}), { message: 'before' })
  await delay(5)
  t.false(isThird)
  resolve()
  await Promise.all([first, third])
  t.true(isThird)
  t.false(turns.has('a'))
})

test('a turn that fails is over', async t => {
  const turns = new Turns()
  await t.throwsAsync(turns.take('a', signal, async () => { throw new Error('no') }), { message: 'no' })
  t.is(await turns.take('a', signal, async () => 1), 1)
  t.false(turns.has('a'))
})
