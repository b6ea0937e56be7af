/** What a page shows is compared with what is printed: chance apart, to the letter. */
import test from 'ava'
import { Page, stepsOf } from './blessedPage.ts'

const ID = '12D3KooWBmkFz2a4NNf7F9kxxQ82TBpvjLijn73tromYK4sLMwta'
const OTHER_ID = '12D3KooWKcwPCH5KViptK2ZzCyKVQp3xRXXJ7p4z1wyvnB7ioGHE'

const rows: ReadonlyArray<readonly [title: string, shown: string, printed: string, matches: boolean]> = [
  ['the same text', 'search  /search/1.0.0\n', 'search  /search/1.0.0\n', true],
  ['another version', '/search/1.0.0\n', '/search/1.0.1\n', false],
  ['a character that means something to regular expressions', 'a.c (x)\n', 'abc (x)\n', false],
  ['one line more', 'one\n', 'one\ntwo\n', false],
  ['one line less', 'one\ntwo\n', 'one\n', false],
  ['nothing where there is something', 'one\n', '', false],
  ['wider columns', 'chat  Ed25519\n', 'chat     Ed25519\n', true],
  ['lines left out', 'one\n...\nfour\n', 'one\ntwo\nthree\nfour\n', true],
  ['lines left out that are not there', 'one\n...\n', 'one\n', true],
  ['lines left out, and the last is another', 'one\n...\nfour\n', 'one\ntwo\n', false],
  ['something left out in a line', 'for ... more\n', 'for ever more\n', true],
  ['another time', 'at 2026-11-28T07:17:26.011Z\n', 'at 2027-01-01T00:00:00.999Z\n', true],
  ['no time', 'at 2026-11-28T07:17:26.011Z\n', 'at noon\n', false],
  ['another process', 'uid 999 pid 255\n', 'uid 1 pid 2\n', true],
  ['another port of the kernel\'s choice', '/tcp/40342\n', '/tcp/55692\n', true],
  ['another port than was asked for', '/tcp/4101\n', '/tcp/4102\n', false],
  ['one name for another', `${ID} to ${ID}\n`, `${OTHER_ID} to ${OTHER_ID}\n`, true],
  ['two names for one', `${ID} to ${ID}\n`, `${ID} to ${OTHER_ID}\n`, false],
  ['one name for two', `${ID} to ${OTHER_ID}\n`, `${ID} to ${ID}\n`, false]
]

for (const [title, shown, printed, matches] of rows) {
  test(`${title}: ${matches ? 'is taken' : 'is not taken'} for what the page shows`, t => {
    t.is(new Page().matches(shown, printed), matches)
  })
}

test('a name stands for the same on the whole page', t => {
  const page = new Page()
  t.true(page.matches(`daemon ${ID}\n`, `daemon ${OTHER_ID}\n`))
  t.false(page.matches(`${ID} has answered\n`, `${ID} has answered\n`))
  t.true(page.matches(`${ID} has answered\n`, `${OTHER_ID} has answered\n`))
  t.false(page.matches(`by ${OTHER_ID}\n`, `by ${OTHER_ID}\n`), 'which has a name already')
})

test('blocks are steps: run, or run to be refused, with what is printed behind them', t => {
  t.deepEqual(stepsOf('a\n```sh run\none\n```\nb\n```text\n1\n```\n```sh refused\ntwo\n```\n```yaml\nx: 1\n```\n'), [
    { commands: 'one\n', isRefused: false, shown: '1\n' },
    { commands: 'two\n', isRefused: true, shown: undefined }
  ])
})
