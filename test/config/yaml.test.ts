import test from 'ava'
import { formatFault } from '../../src/errors.ts'
import { parseYaml } from '../../src/config/yaml.ts'

/** The billion laughs: nine levels of nine aliases each are 387 million values. */
const BOMB = ['a0: &a0 [lol]', ...Array.from({ length: 9 }, (_, n) => `a${n + 1}: &a${n + 1} [${Array(9).fill(`*a${n}`).join(', ')}]`)].join('\n')

const rows: Array<[title: string, text: string, ...faults: string[]]> = [
  ['an unclosed list is reported where it is missed', 'name: [a\n', '2:1: Flow sequence in block collection must be sufficiently indented and end with a ]'],
  ['a tab is reported where it is', 'host:\n\tlisten: []\n', '2:1: Tabs are not allowed as indentation'],
  ['a second colon is reported where it is', 'name: a: b\n', '1:7: Nested mappings are not allowed in compact mappings'],
  ['a key that is there twice is a fault', 'a: 1\nb:\n  c: 1\n  c: 2\na: 3\n', '5:1: the key a is here for the second time', '4:3: the key c is here for the second time'],
  ['a key is the same with quotes', 'a: 1\n"a": 2\n', '2:1: the key a is here for the second time'],
  ['lines are counted in a file with carriage returns', 'a: 1\r\na: 2\r\n', '2:1: the key a is here for the second time'],
  ['a list as a key is a fault', '? [a]\n: 1\n', '1:3: a key has to be a word, found a list or a mapping'],
  ['an alias is a fault', 'a: &x 1\nb: *x\n', '2:4: aliases are not read here; write the value of `x` out'],
  ['an alias of nothing is a fault', 'b: *x\n', '1:4: aliases are not read here; write the value of `x` out'],
  ['an alias of itself is a fault', 'a: &x [*x]\n', '1:8: aliases are not read here; write the value of `x` out'],
  ['a tag is a fault', 'a: !!binary aGk=\nb: !own x\n', '1:13: tags are not read here; take "tag:yaml.org,2002:binary" out', '2:9: tags are not read here; take "!own" out'],
  ['a second document is a fault', 'a: 1\n---\nb: 1\n', '2:1: a second document begins here; a file holds one'],
  ['another version of YAML is a fault', '%YAML 1.1\n---\na: no\n', '1:1: take the %YAML line out; files are read as YAML 1.2'],
  ['nesting deeper than the parser can follow is a fault', '['.repeat(60_000), 'is nested too deeply to be read'],
  ['nesting deeper than can be looked at is a fault', `${'{a: '.repeat(15_000)}1${'}'.repeat(15_000)}`, 'is nested too deeply to be read']
]

for (const [title, text, ...faults] of rows) {
  test(title, t => {
    const parsed = parseYaml(text, 'x.yaml')
    t.deepEqual(parsed.faults.map(formatFault), faults.map(fault => `x.yaml: ${fault}`))
    t.is(parsed.value, undefined)
  })
}

test('a bomb of aliases is refused at once, with a few faults', t => {
  const before = process.memoryUsage().heapUsed
  const { faults } = parseYaml(BOMB, 'x.yaml')
  t.is(faults.length, 10)
  t.true(faults.every(({ what }) => what.startsWith('aliases are not read here')))
  t.true(process.memoryUsage().heapUsed - before < 64 * 2 ** 20)
})

test('a file full of keys is read in a time that grows with its length only', t => {
  const text = Array.from({ length: 10_000 }, (_, n) => `k${n}: 1\n`).join('')
  const start = process.hrtime.bigint()
  t.deepEqual(parseYaml(text, 'x.yaml').faults, [])
  // Comparing each key with all before it took nine times as long as reading the file.
  t.true(process.hrtime.bigint() - start < 2_000_000_000n)
})

test('words that YAML 1.1 took for booleans are words', t => {
  t.deepEqual(parseYaml('[yes, no, on, off, 12:30, 2020-01-01]', 'x.yaml').value, ['yes', 'no', 'on', 'off', '12:30', '2020-01-01'])
})

test('a key called __proto__ is a key, and changes no prototype', t => {
  const { value } = parseYaml('__proto__: { polluted: 1 }\n', 'x.yaml')
  t.deepEqual(Object.keys(value ?? {}), ['__proto__'])
  t.is(Object.getPrototypeOf(value), Object.prototype)
})
