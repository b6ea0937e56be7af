/** Who has which stream, when some wait, some leave and some come back: the queue alone, without sockets. */
import test from 'ava'
import { setImmediate as turn } from 'node:timers/promises'
import { P2pdError } from '../../src/errors.ts'
import type { RemoteStream } from '../../src/control/host.ts'
import { MAX_KEPT_STREAMS, Place, Waiters } from '../../src/control/waiters.ts'

/** A queue gives streams on and looks at nothing in them. */
const stream = (name: string): RemoteStream => ({ protocol: name, stream: Object.assign(new EventTarget(), { status: 'open' }) }) as unknown as RemoteStream

class Program {
  readonly given: string[] = []
  readonly place: Place
  dismissed: string | undefined
  isGone = false

  constructor (...queues: Waiters[]) {
    for (const queue of queues) queue.announce()
    this.place = new Place(queues, {
      give: ({ protocol }) => {
        if (this.isGone) return false
        this.given.push(protocol)
        return true
      },
      dismiss: ({ message }) => { this.dismissed = message }
    })
  }

  enter (): this {
    this.place.enter()
    return this
  }
}

const queueFor = (protocol = '/x'): Waiters => new Waiters(protocol, 'chat', () => {})
const REPLACED = new P2pdError('ERR_CLOSED', 'replaced')

test('first come, first served, and each has one', async t => {
  const queue = queueFor()
  const programs = [new Program(queue).enter(), new Program(queue).enter(), new Program(queue).enter()]
  for (const name of ['1', '2', '3']) t.true(await queue.receive(stream(name)))
  t.deepEqual(programs.map(({ given }) => given), [['1'], ['2'], ['3']])
  queue.close(REPLACED)
})

test('one that has gone is passed over, and what it was offered is the next one\'s', async t => {
  const queue = queueFor()
  const [gone, there] = [new Program(queue).enter(), new Program(queue).enter()]
  gone.isGone = true
  t.true(await queue.receive(stream('1')))
  t.deepEqual([gone.given, there.given], [[], ['1']])
  gone.isGone = false
  const kept = queue.receive(stream('2'))
  t.deepEqual(gone.given, [], 'it is out of the queue')
  queue.close(REPLACED)
  t.false(await kept)
})

test('streams are kept in their order while somebody is expected back', async t => {
  const queue = queueFor()
  new Program(queue).enter()
  const kept = ['1', '2', '3'].map(async name => await queue.receive(stream(name)))
  t.true(await kept[0])
  const [second, third] = [new Program(queue).enter(), new Program(queue).enter()]
  t.deepEqual(await Promise.all(kept), [true, true, true])
  t.deepEqual([second.given, third.given], [['2'], ['3']])
  queue.close(REPLACED)
})

test('when the last one leaves and nobody is expected back it is over at once', async t => {
  const over: string[] = []
  const queue = new Waiters('/x', 'chat', ({ protocol }) => { over.push(protocol) })
  const [first, last] = [new Program(queue).enter(), new Program(queue).enter()]
  first.place.leave()
  t.false(queue.isOver)
  last.place.leave()
  t.deepEqual([queue.isOver, over], [true, ['/x']])
  t.false(await queue.receive(stream('1')))
})

test('whoever took a stream and came back is not expected any more', async t => {
  const queue = queueFor()
  new Program(queue).enter()
  t.true(await queue.receive(stream('1')))
  const back = new Program(queue).enter()
  back.place.leave()
  t.true(queue.isOver)
})

test('somebody who is announced is waited for, also when all the others leave meanwhile', async t => {
  const queue = queueFor()
  const other = new Program(queue).enter()
  const announced = new Program(queue)
  other.place.leave()
  t.false(queue.isOver)
  announced.enter()
  t.true(await queue.receive(stream('1')))
  t.deepEqual(announced.given, ['1'])
  queue.close(REPLACED)
})

test('no more streams are kept than the limit says, and those that are stay', async t => {
  const queue = queueFor()
  new Program(queue).enter()
  t.true(await queue.receive(stream('first')))
  const kept = Array.from({ length: MAX_KEPT_STREAMS }, async (_, i) => await queue.receive(stream(String(i))))
  await t.throwsAsync(queue.receive(stream('over')), { code: 'ERR_LIMIT', message: /^\/x: 256 streams already wait for the program to come back/ })
  const back = new Program(queue).enter()
  t.deepEqual(back.given, ['0'])
  queue.close(REPLACED)
  t.is((await Promise.all(kept)).filter(isTaken => isTaken).length, 1)
})

test('a place in several queues is left in all with the first stream, and its program is expected back in all', async t => {
  const [x, y] = [queueFor('/x'), queueFor('/y')]
  const program = new Program(x, y).enter()
  t.true(await y.receive(stream('1')))
  const kept = x.receive(stream('2'))
  await turn()
  t.deepEqual(program.given, ['1'])
  const back = new Program(x, y).enter()
  t.true(await kept)
  t.deepEqual(back.given, ['2'])
  for (const queue of [x, y]) queue.close(REPLACED)
})

test('a queue that is closed dismisses who waits, gives back what it keeps, and leaves the others of a place open for its return', async t => {
  const [x, y] = [queueFor('/x'), queueFor('/y')]
  const program = new Program(x, y).enter()
  x.close(REPLACED)
  t.is(program.dismissed, 'replaced')
  t.false(y.isOver)
  const kept = y.receive(stream('1'))
  t.deepEqual(program.given, [])
  const back = new Program(y).enter()
  t.true(await kept)
  t.deepEqual(back.given, ['1'])
  y.close(REPLACED)
})

test('who enters one queue that is over is dismissed, and in no other', async t => {
  const [x, y] = [queueFor('/x'), queueFor('/y')]
  const late = new Program(x, y)
  x.close(REPLACED)
  late.enter()
  t.is(late.dismissed, 'replaced')
  const kept = y.receive(stream('1'))
  const back = new Program(y).enter()
  t.true(await kept)
  t.deepEqual([late.given, back.given], [[], ['1']])
  y.close(REPLACED)
})

test('one that is dismissed by two reasons is told one, and one that has a stream none', async t => {
  const [x, y] = [queueFor('/x'), queueFor('/y')]
  const [twice, served] = [new Program(x, y).enter(), new Program(x, y)]
  x.close(REPLACED)
  y.close(new P2pdError('ERR_CLOSED', 'again'))
  t.is(twice.dismissed, 'replaced')
  const z = queueFor('/z')
  const taken = new Program(z).enter()
  t.true(await z.receive(stream('1')))
  taken.place.dismiss('/z', REPLACED)
  t.is(taken.dismissed, undefined)
  served.place.leave()
  z.close(REPLACED)
})
