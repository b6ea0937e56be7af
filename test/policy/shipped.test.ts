/** The policies that are shipped, with the tenants that are shipped. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { loadDeclarations } from '../../src/config/loadTenants.ts'
import { parsePolicyExamples } from '../../src/config/policyExamples.ts'
import { tryExamples } from '../../src/policy/examples.ts'
import { documentFor, loadPolicies, type PolicySet } from '../../src/policy/load.ts'
import { ACTIONS } from '../../src/policy/question.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const POLICY = join(ROOT, 'policy')
const { tenants, daemon } = loadDeclarations(join(ROOT, 'tenants'), { runDir: '/run/p2pd', uid: 0 })
const TENANTS = [...tenants, daemon]
const EXAMPLES = parsePolicyExamples(readFileSync(join(POLICY, 'examples.yaml'), 'utf8'), 'examples.yaml').examples

let set: PolicySet
test.before(async () => { set = await loadPolicies(POLICY, TENANTS, { uid: 0 }) })

test('they load without a warning, and every example is tried', t => {
  t.deepEqual(set.warnings, [])
  t.is(set.examples, EXAMPLES.length)
  t.true(EXAMPLES.length >= 40)
})

/** They forbid what nothing permits today. */
const FOR_TOMORROW = ['sensor-stays-here']

test('every policy has an @id, and is needed: without it an example does not hold', t => {
  for (const policy of set.policies) {
    t.regex(policy.id, /^[a-z]+(-[a-z]+)+$/)
    const { faults } = tryExamples(EXAMPLES, TENANTS, set.policies.filter(other => other !== policy))
    t.is(faults.length > 0, !FOR_TOMORROW.includes(policy.id), policy.id)
  }
})

test('the three tenants differ in what they may do', t => {
  const of = (name: string): string[] => {
    const { groups } = TENANTS.find(tenant => tenant.name === name) ?? { groups: [] }
    return documentFor(set, { epoch: 1, tenant: { name, groups }, neighbours: [] }).policies.map(({ id }) => id)
  }
  for (const [name, other] of [['chat', 'indexer'], ['indexer', 'sensor'], ['sensor', 'chat']] as const) {
    t.true(of(name).some(id => !of(other).includes(id)), name)
    t.true(of(name).every(id => !id.startsWith(`${other}-`)), `${name} is told nothing of ${other}`)
  }
})

test('every tenant that is shipped has examples of what it may do and of what it may not', t => {
  for (const { name } of TENANTS) {
    for (const effect of ['allow', 'deny']) t.true(EXAMPLES.some(example => example.effect === effect && example.sentence.startsWith(`${name} `)), `${effect} ${name}`)
  }
})

test('a line of the examples is what `p2pctl policy explain` takes', t => {
  const [, tenant, action] = /policy explain (\S+) (\S+) (\S+)/.exec(readFileSync(join(POLICY, 'README.md'), 'utf8')) ?? []
  t.true(EXAMPLES.some(({ sentence }) => sentence.startsWith(`${tenant} ${action} `)))
})

test('the README has every action, with what it is about, and names every file', t => {
  const readme = readFileSync(join(POLICY, 'README.md'), 'utf8')
  for (const [action, { group, type }] of Object.entries(ACTIONS)) {
    t.regex(readme, new RegExp(`^\\|[^|]*\`${action}\`[^|]*\\| (?:none|\`${group}\`) \\|[^|]*\`${type}\`[^|]*\\|`, 'm'), action)
  }
  for (const file of readdirSync(POLICY)) if (file.endsWith('.cedar')) t.true(readme.includes(`(${file})`), file)
})
