import test from 'ava'
import { clausesOf, onOneLine } from '../../src/policy/clauses.ts'
import { Random } from '../fuzz/random.ts'
import { randomPolicy, textOf } from './randomPolicies.ts'
import { policies } from './world.ts'

const rows: ReadonlyArray<readonly [what: string, text: string, clauses: string[]]> = [
  ['none', 'permit (principal, action, resource);', []],
  ['one', 'permit (principal, action, resource) when { principal in Group::"g" };', ['when { principal in Group::"g" }']],
  ['brackets, strings and comments in one', 'permit(principal,action,resource)when{"}\\"" like "*" && // }\n{a: 1}.a == 1};', ['when{"}\\"" like "*" && // }\n{a: 1}.a == 1}']],
  ['several, with comments between', '// when { 0 }\nforbid (principal, action, resource) // unless { 1 }\nwhen { true } /* */ unless { false };'.replace('/* */ ', ''), ['when { true }', 'unless { false }']],
  ['annotations that look like clauses', '@when("unless { x }") @unless\n@id("permit (") permit (principal == Tenant::"when {", action, resource)\nunless { principal in Group::"g" };', ['unless { principal in Group::"g" }']]
]

for (const [what, text, clauses] of rows) {
  test(`the clauses of a policy: ${what}`, t => {
    t.deepEqual(clausesOf(text), clauses)
    t.is(policies(text).length, 1, 'and it is one')
  })
}

test('a clause is shown on one line, without its comments, and with its strings as they are', t => {
  t.is(onOneLine('when {\n  // why\n  context.address like "a  // b\\"" &&\n\tcontext.local // so\n}'), 'when { context.address like "a  // b\\"" && context.local }')
})

test('of any policy all clauses are found, and nothing else', t => {
  const random = new Random(5)
  for (let index = 0; index < 300; index++) {
    const policy = randomPolicy(random, 'when { x }')
    const text = textOf(policy)
    const clauses = clausesOf(text)
    t.is(clauses.length, policy.clauses.length, text)
    t.true(text.endsWith(`${clauses.map(clause => ` ${clause}`).join('')};`), text)
  }
})
