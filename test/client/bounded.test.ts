import test from 'ava'
import { getEventListeners } from 'node:events'
import { orAborted } from '../../src/client/bounded.ts'

const reason = new Error('reason')
const never = new Promise<never>(() => {})

test('a promise that settles first is what counts', async t => {
  const { signal } = new AbortController()
  t.is(await orAborted(Promise.resolve(1), signal), 1)
  await t.throwsAsync(orAborted(Promise.reject(reason), signal), { is: reason })
})

test('a signal that aborts first is what counts, also one that is aborted already', async t => {
  const controller = new AbortController()
  const waiting = orAborted(never, controller.signal)
  controller.abort(reason)
  await t.throwsAsync(waiting, { is: reason })
  await t.throwsAsync(orAborted(never, controller.signal), { is: reason })
})

test('what the promise comes to after the abort is nobody’s unhandled rejection', async t => {
  const late = Promise.withResolvers<never>()
  await t.throwsAsync(orAborted(late.promise, AbortSignal.abort(reason)), { is: reason })
  late.reject(new Error('late'))
  await new Promise(setImmediate)
  t.pass()
})

test('a signal that lives longer holds nothing of it', async t => {
  const { signal } = new AbortController()
  for (let times = 0; times < 10; times++) await orAborted(Promise.resolve(), signal)
  await t.throwsAsync(orAborted(Promise.reject(reason), signal), { is: reason })
  t.is(getEventListeners(signal, 'abort').length, 0)
})
