import test from 'ava'
import { nearest } from '../../src/config/nearest.ts'

const WORDS = ['name', 'limits', 'groups', 'hostAddrs', 'tls', 'q']

const rows: Array<[word: string, meant: string | undefined]> = [
  ['nam', 'name'],
  ['limit', 'limits'],
  ['LIMITS', 'limits'],
  ['hostadr', 'hostAddrs'],
  ['gruops', 'groups'],
  ['dht', undefined],
  ['x', undefined],
  ['', undefined],
  ['something else', undefined],
  ['limits'.repeat(100_000), undefined]
]

for (const [word, meant] of rows) {
  test(`${JSON.stringify(word.slice(0, 20))} was ${meant === undefined ? 'nothing known' : `meant to be ${meant}`}`, t => {
    t.is(nearest(word, WORDS), meant)
  })
}
