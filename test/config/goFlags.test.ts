import test from 'ava'
import { formatFault } from '../../src/errors.ts'
import { parseGoFlags } from '../../src/config/goFlags.ts'
import type { GoType, GoValue } from '../../src/config/goValues.ts'
import { parseGoValue } from '../../src/config/goValues.ts'

const TYPES = new Map<string, GoType>([['b', 'bool'], ['text', 'string'], ['n', 'int'], ['u', 'uint'], ['wait', 'duration']])

const rows: Array<[argv: string[], values: Record<string, GoValue>, rest?: string[]]> = [
  [[], {}],
  [['-b'], { b: true }],
  [['--b'], { b: true }],
  [['-b=false'], { b: false }],
  [['-b=T', '--b=0'], { b: false }],
  [['-b', 'false'], { b: true }, ['false']],
  [['-text', 'v'], { text: 'v' }],
  [['-text=v'], { text: 'v' }],
  [['--text=a=b'], { text: 'a=b' }],
  [['-text='], { text: '' }],
  [['-text', ''], { text: '' }],
  [['-text', '-b'], { text: '-b' }],
  [['-text', '--', '-b'], { text: '--', b: true }],
  [['-text=a\nb'], { text: 'a\nb' }],
  [['-text', 'a', '-text', 'b'], { text: 'b' }],
  [['-n', '-5', '-u=7', '-wait=1m'], { n: -5, u: 7, wait: 60_000 }],
  [['-b', '--', '-n=1'], { b: true }, ['-n=1']],
  [['-b', 'word', '-n=1'], { b: true }, ['word', '-n=1']],
  [['-b', '-', '-n=1'], { b: true }, ['-', '-n=1']],
  [['', '-b'], {}, ['', '-b']]
]

for (const [argv, values, rest = []] of rows) {
  test(`as Go reads them: ${JSON.stringify(argv)}`, t => {
    const parsed = parseGoFlags(argv, TYPES)
    t.deepEqual(parsed.faults, [])
    t.deepEqual(Object.fromEntries(parsed.values), values)
    t.deepEqual(parsed.rest, rest)
    t.false(parsed.help)
  })
}

for (const word of ['-h', '--h', '-help', '--help', '-help=1']) {
  test(`${word} asks for help and ends the flags`, t => {
    const parsed = parseGoFlags(['-b', word, '-unknown'], TYPES)
    t.true(parsed.help)
    t.deepEqual(parsed.faults, [])
  })
}

const faultRows: Array<[argv: string[], ...faults: string[]]> = [
  [['-tex=v'], '-tex: unknown flag; did you mean -text?'],
  [['-xyzzy'], '-xyzzy: unknown flag; p2pd -help lists them'],
  [['-__proto__'], '-__proto__: unknown flag; p2pd -help lists them'],
  [['-a\nb'], '-"a\\nb": unknown flag; p2pd -help lists them'],
  [['---b'], '"---b" is no flag'],
  [['-=v'], '"-=v" is no flag'],
  [['--=v'], '"--=v" is no flag'],
  [['-text'], '-text: needs a value: -text=VALUE'],
  [['-b=yes'], '-b: must be true or false (or 1, 0, t, f), found "yes"'],
  [['-b='], '-b: must be true or false (or 1, 0, t, f), found ""'],
  [['-n=x', '-u=-1', '-wait=5'],
    '-n: must be a whole number, found "x"',
    '-u: must be a whole number, 0 or more, found "-1"',
    '-wait: must be a duration such as 30s, 100ms or 0, found "5"'],
  [['-xyzzy', 'value', '-n=x'], '-xyzzy: unknown flag; p2pd -help lists them', '-n: must be a whole number, found "x"']
]

for (const [argv, ...faults] of faultRows) {
  test(`every fault is reported, not only the first: ${JSON.stringify(argv)}`, t => {
    t.deepEqual(parseGoFlags(argv, TYPES).faults.map(formatFault), faults.map(fault => `argv: ${fault}`))
  })
}

const valueRows: Array<[type: GoType, text: string, value: GoValue | undefined]> = [
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((text): [GoType, string, GoValue] => ['bool', text, true]),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((text): [GoType, string, GoValue] => ['bool', text, false]),
  ...['tRUE', 'yes', 'on', '', ' 1', '2'].map((text): [GoType, string, undefined] => ['bool', text, undefined]),
  ['int', '0', 0],
  ['int', '+7', 7],
  ['int', '-0', 0],
  ['int', '0x1F', 31],
  ['int', '0b101', 5],
  ['int', '0o17', 15],
  ['int', '017', 15],
  ['int', '1_000_000', 1_000_000],
  ['int', '0x_ff', 255],
  ['int', '9223372036854775807', 2 ** 63],
  ['int', '9223372036854775808', undefined],
  ['int', '-9223372036854775808', -(2 ** 63)],
  ['int', '018', undefined],
  ['int', '1__0', undefined],
  ['int', '_1', undefined],
  ['int', '1_', undefined],
  ['int', '1.0', undefined],
  ['int', '1e3', undefined],
  ['int', '', undefined],
  ['int', ' 1', undefined],
  ['int', '0x', undefined],
  ['uint', '18446744073709551615', 2 ** 64],
  ['uint', '18446744073709551616', undefined],
  ['uint', '+1', undefined],
  ['duration', '0', 0],
  ['duration', '-0', 0],
  ['duration', '30s', 30_000],
  ['duration', '100ms', 100],
  ['duration', '1h30m', 5_400_000],
  ['duration', '1.5s', 1500],
  ['duration', '.5s', 500],
  ['duration', '5.s', 5000],
  ['duration', '-1m', -60_000],
  ['duration', '250us', 0.25],
  ['duration', '250µs', 0.25],
  ['duration', '1ns', 1e-6],
  ['duration', '5', undefined],
  ['duration', '.s', undefined],
  ['duration', 's', undefined],
  ['duration', '1d', undefined],
  ['duration', '1 s', undefined],
  ['duration', '', undefined],
  ['string', '', '']
]

for (const [type, text, value] of valueRows) {
  test(`${type} ${JSON.stringify(text)} is ${value === undefined ? 'refused' : 'taken'}, as in Go`, t => {
    const result = parseGoValue(type, text)
    t.true('value' in result ? Object.is(result.value, value) : value === undefined)
  })
}

test('a value that is all digits is refused without a long search', t => {
  const start = process.hrtime.bigint()
  t.true('wanted' in parseGoValue('duration', `${'1'.repeat(50_000)}x`))
  t.true('wanted' in parseGoValue('duration', `${'1s'.repeat(50_000)}x`))
  t.true('wanted' in parseGoValue('int', `${'1'.repeat(50_000)}x`))
  t.true(process.hrtime.bigint() - start < 1_000_000_000n)
})
