import test from 'ava'
import { checkPolicies, MAX_POLICIES } from '../../src/policy/checkPolicies.ts'
import { EVERYTHING, faultsIn, policies } from './world.ts'

const dial = (condition: string): string => `permit (principal, action == Action::"dial", resource)\nwhen { ${condition} };`

const rows: ReadonlyArray<readonly [what: string, text: string, ...faults: string[]]> = [
  ['an action there is not', 'permit (principal, action == Action::"opnStream", resource);', 'a.cedar:1: unrecognized action `Action::"opnStream"`; did you mean `Action::"openStream"`?'],
  ['a kind of thing there is not', 'permit (principal == Tennant::"alice", action, resource);', 'a.cedar:1: unrecognized entity type `Tennant`; did you mean `Tenant`?'],
  ['an attribute there is not, said once', 'permit (principal, action, resource)\nwhen {\n  context.foo };', 'a.cedar:3: attribute `foo` in context for Action::"acceptConnection" not found; did you mean `ip`?'],
  ['what only some actions have', 'forbid (principal, action in Action::"outbound", resource) when { context.port == 22 };', 'a.cedar:1: attribute `port` in context for Action::"connect" not found; did you mean `local`?'],
  ['what is optional and not asked for first', 'permit (principal, action == Action::"openStream", resource)\nwhen { context.caller.uid == 1 };', 'a.cedar:2: unable to guarantee safety of access to optional attribute `caller` in context for Action::"openStream"; try testing for the attribute\'s presence with `context has caller && ..`'],
  ['a text where a number is wanted', dial('context.port == "22"'), 'a.cedar:2: the types Long and String are not compatible; both operands to a `==` expression must have compatible types. Types must be exactly equal to be compatible'],
  ['an address as text', dial('context.ip == "10.0.0.1"'), 'a.cedar:2: the types String and ipaddr are not compatible; both operands to a `==` expression must have compatible types. Types must be exactly equal to be compatible'],
  ['a range that is none', dial('context.ip.isInRange(ip("10.0.0.0/99"))'), 'a.cedar:2: error during extension function argument validation: failed to parse as IP address: `"10.0.0.0/99"`; valid IP strings are IPv4/IPv6 addresses or CIDR ranges like `127.0.0.1`, `127.0.0.1/24`, or `ffee::/64`'],
  ['a resource that the action is never about', 'permit (principal, action == Action::"dial", resource is Protocol);', 'a.cedar:1: unable to find an applicable action given the policy scope constraints'],
  ['a principal that is no tenant', 'permit (principal == Peer::"x", action, resource);', 'a.cedar:1: unable to find an applicable action given the policy scope constraints'],
  ['a group of actions as if it were one', 'permit (principal, action == Action::"outbound", resource);', 'a.cedar:1: unable to find an applicable action given the policy scope constraints'],
  ['what is always false', dial('false'), 'a.cedar:1: policy is impossible: the policy expression evaluates to false for all valid requests'],
  ['letters that look like others', 'permit (principal, action == Action::"dial", resource == Peer::"\u0440aypal");', 'a.cedar:1: identifier `\u0440aypal` contains mixed scripts'],
  ['letters that turn the text round', 'permit (principal, action == Action::"dial", resource == Peer::"a\u202eb");', 'a.cedar:1: identifier `a\u202eb` contains BIDI control characters'],
  ['a template', 'permit (principal == ?principal, action, resource);', 'a.cedar:1: expected a static policy, got a template containing the slot ?principal; try removing the template slot(s) from this policy'],
  ['a word that is none', '\n\npermit (principal, action,\n resorce);', 'a.cedar:4: found an invalid variable in the policy scope: resorce; policy scopes must contain a `principal`, `action`, and `resource` element in that order'],
  ['no policy at all', 'hello;', 'a.cedar:1: unexpected token `;`; expected `(`'],
  ['an @id with a comma', `@id("a, b")\n${EVERYTHING}`, 'a.cedar:1: the @id must be 1 to 100 printable characters without a comma, found "a, b"'],
  ['an @id with a line end', `@id("a\\nb")\n${EVERYTHING}`, 'a.cedar:1: the @id must be 1 to 100 printable characters without a comma, found "a\\nb"'],
  ['an empty @id', `@id("")\n${EVERYTHING}`, 'a.cedar:1: the @id must be 1 to 100 printable characters without a comma, found ""'],
  ['an @id without a value', `@id\n${EVERYTHING}`, 'a.cedar:1: the @id must be 1 to 100 printable characters without a comma, found ""'],
  ['an @id for the second time', `@id("a")\n${EVERYTHING}@id("a")\n${EVERYTHING}`, 'a.cedar:3: there is a policy "a" already, in a.cedar:1; an @id can be given once'],
  ['an @id that is where another policy stands', `${EVERYTHING}@id("a.cedar:1") ${EVERYTHING}`, 'a.cedar:2: there is a policy "a.cedar:1" already, in a.cedar:1; an @id can be given once'],
  ['a chain that is too long to evaluate', dial(Array(120).fill('context.port > 1').join(' && ')), 'a.cedar:1: is nested 123 deep, at most 100 are evaluated; each && and || of a chain counts, so write it as several policies, or as a set: ["a", "b"].contains(...)'],
  ['two faults in one policy', dial('context.foo == 1 || context.bar == 2'), 'a.cedar:2: attribute `bar` in context for Action::"dial" not found; did you mean `ip`?', 'a.cedar:2: attribute `foo` in context for Action::"dial" not found; did you mean `ip`?']
]

for (const [what, text, ...faults] of rows) {
  test(`a fault: ${what}`, t => { t.deepEqual(faultsIn(text), faults) })
}

test('every fault of every file is found at once', t => {
  const { faults } = checkPolicies([
    { name: 'a.cedar', text: `permit (;\n${EVERYTHING}forbid (principal, action == Action::"x", resource);` },
    { name: 'b.cedar', text: `@id("a.cedar:2")\n${EVERYTHING}"` }
  ])
  t.deepEqual(faults.map(({ file }) => file), ['a.cedar:1', 'b.cedar:3', 'b.cedar:1', 'a.cedar:3'])
})

test('a policy goes by its @id, else by its file and line, and has its text and scope', t => {
  const text = `// one\n@id("all of it")\npermit (principal is Tenant in Group::"g", action in [Action::"dial", Action::"inspect"], resource);\n\nforbid (principal == Tenant::"a", action, resource == Protocol::"/x") when { true };`
  t.deepEqual(policies(text), [
    {
      id: 'all of it', file: 'a.cedar', line: 2, text: text.slice(text.indexOf('@'), text.indexOf(';') + 1),
      scope: { effect: 'permit', principal: { is: 'Tenant', in: { type: 'Group', id: 'g' } }, actions: ['dial', 'disconnect', 'identify', 'listBlessings', 'listPeers', 'listServices'], resource: {}, unconditional: true }
    },
    {
      id: 'a.cedar:5', file: 'a.cedar', line: 5, text: text.slice(text.indexOf('forbid')),
      scope: { effect: 'forbid', principal: { equals: { type: 'Tenant', id: 'a' } }, resource: { equals: { type: 'Protocol', id: '/x' } } }
    }
  ])
})

test('lines are counted in characters of any length', t => {
  t.deepEqual(faultsIn('permit (principal == Tenant::"ééé\u{1f600}", action == Action::"dial", resource)\n// ünd\nwhen { context.foo };'), ['a.cedar:3: attribute `foo` in context for Action::"dial" not found; did you mean `ip`?'])
})

test('a thousand policies are taken and no more', t => {
  t.is(policies(EVERYTHING.repeat(MAX_POLICIES)).length, MAX_POLICIES)
  t.deepEqual(faultsIn(EVERYTHING.repeat(MAX_POLICIES + 1)), [': must be at most 1000 policies, found 1001; one policy can name a group, a family of protocols, or several actions'])
})
