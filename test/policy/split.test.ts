import test from 'ava'
import { MAX_NESTING, splitPolicies } from '../../src/policy/split.ts'

const P = 'permit (principal, action, resource)'

const rows: ReadonlyArray<readonly [what: string, text: string, pieces: ReadonlyArray<readonly [line: number, text: string]>]> = [
  ['nothing', '', []],
  ['only comments', '// a;\n  // b "\n', []],
  ['comments before a policy are not of it', `// one;\n\n// two\n${P};\n`, [[4, `${P};`]]],
  ['several on a line', `${P};${P} ; // tail`, [[1, `${P};`], [1, `${P} ;`]]],
  ['annotations are where a policy begins', `\n@id("a;b")\n@note("c")\n${P};`, [[2, `@id("a;b")\n@note("c")\n${P};`]]],
  ['a semicolon and a quote in a comment', `${P} // when; {"\nwhen { true };\n${P};`, [[1, `${P} // when; {"\nwhen { true };`], [3, `${P};`]]],
  ['a comment that a carriage return ends', `${P} // x\r;${P};`, [[1, `${P} // x\r;`], [1, `${P};`]]],
  ['two slashes, a semicolon and quotes in a string', `${P} when { "// ; \\" ;\\\\" like "*" };\n${P};`, [[1, `${P} when { "// ; \\" ;\\\\" like "*" };`], [2, `${P};`]]],
  ['a string over lines', `${P} when { "a\nb" like "*" };\n${P};`, [[1, `${P} when { "a\nb" like "*" };`], [3, `${P};`]]]
]

for (const [what, text, pieces] of rows) {
  test(`told apart: ${what}`, t => {
    t.deepEqual(splitPolicies(text), { pieces: pieces.map(([line, piece]) => ({ line, text: piece })), faults: [] })
  })
}

test('what does not end is a fault where it begins', t => {
  t.deepEqual(splitPolicies(`${P};\n\n${P}\n// ;\n`).faults, [{ line: 3, what: 'a policy begins here that does not end; a policy ends with `;`' }])
  t.deepEqual(splitPolicies(`${P}\nwhen {\n "a;\n};\n${P};`).faults, [{ line: 3, what: 'a string begins here that is never closed' }])
})

test('brackets that are nested too deeply are a fault, and the next policy is read', t => {
  const nested = (depth: number): string => `${P} when { ${'('.repeat(depth - 1)}true${')'.repeat(depth - 1)} };`
  t.is(splitPolicies(nested(MAX_NESTING)).pieces.length, 1)
  const { pieces, faults } = splitPolicies(`\n${nested(MAX_NESTING + 1)}\n${P};`)
  t.deepEqual(faults, [{ line: 2, what: 'has brackets nested 51 deep, at most 50 are read; write it as several policies' }])
  t.deepEqual(pieces, [{ line: 3, text: `${P};` }])
})

test('a file of the largest size is told apart in no time', t => {
  const size = 256 * 1024
  for (const text of ['"'.repeat(size), `"${'\\'.repeat(size)}`, '('.repeat(size), '//'.repeat(size / 2), ' \n'.repeat(size / 2), ';'.repeat(size), 'a'.repeat(size)]) {
    const start = performance.now()
    splitPolicies(text)
    t.true(performance.now() - start < 2_000, text.slice(0, 2))
  }
})
