import test from 'ava'
import { Rota } from '../../src/supervisor/rota.ts'

test('each tenant has a turn after the other, in its own order, however much one of them wants', t => {
  const rota = new Rota<number>()
  for (let i = 0; i < 4; i++) rota.add('greedy', i)
  rota.add('a', 10)
  rota.add('b', 20)
  rota.add('a', 11)
  t.is(rota.count('greedy'), 4)
  const story: string[] = []
  for (let next = rota.next(); next !== undefined; next = rota.next()) story.push(`${next.tenant} ${next.what}`)
  t.deepEqual(story, ['greedy 0', 'a 10', 'b 20', 'greedy 1', 'a 11', 'greedy 2', 'greedy 3'])
  t.true(rota.isEmpty)
})

test('what could not have its turn is its tenant\'s first again, and what waits can be taken away', t => {
  const rota = new Rota<number>()
  rota.add('a', 1)
  rota.add('a', 2)
  const next = rota.next()
  t.deepEqual(next, { tenant: 'a', what: 1 })
  rota.putBack('a', 1)
  t.is(rota.count('a'), 2)
  t.deepEqual(rota.next(), { tenant: 'a', what: 1 })
  rota.add('b', 3)
  t.deepEqual(rota.clear(), [2, 3])
  t.is(rota.next(), undefined)
  t.is(rota.count('a'), 0)
})
