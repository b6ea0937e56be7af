import test from 'ava'
import { Epochs } from '../../src/supervisor/epochs.ts'

async function isPending (promise: Promise<void>): Promise<boolean> {
  return await Promise.race([promise.then(() => false), new Promise<boolean>(resolve => { setImmediate(() => { resolve(true) }) })])
}

test('a host is told once of each newer epoch, and whoever wants it in force waits until it says so', async t => {
  const epochs = new Epochs()
  epochs.begin(3)
  t.false(epochs.tell(3))
  t.false(await isPending(epochs.reached(3).promise), 'it began with it')
  t.true(epochs.tell(4))
  const [first, second] = [epochs.reached(4), epochs.reached(4)]
  t.false(epochs.tell(4), 'told, though not yet in force')
  t.true(epochs.tell(5))
  const later = epochs.reached(5)
  t.true(await isPending(second.promise))
  epochs.reach(4)
  t.deepEqual(await Promise.all([first, second, later].map(async ({ promise }) => await isPending(promise))), [false, false, true])
  later.giveUp()
  t.false(await isPending(later.promise))
})

test('when the host has gone nobody waits; the next one begins anew', async t => {
  const epochs = new Epochs()
  epochs.begin()
  t.true(epochs.tell(1))
  const waiting = epochs.reached(1)
  epochs.reach(Infinity)
  t.false(await isPending(waiting.promise))
  epochs.begin(1)
  t.true(epochs.tell(2))
  t.true(await isPending(epochs.reached(2).promise))
})
