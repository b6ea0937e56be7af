import test from 'ava'
import { createPolicy } from '../../src/policy/engine.ts'
import { documentFor } from '../../src/policy/load.ts'
import { Random } from '../fuzz/random.ts'
import { TENANTS, askOf, randomPolicy, randomRequest, textOf } from './randomPolicies.ts'
import { checkPolicies } from '../../src/policy/checkPolicies.ts'
import { policies } from './world.ts'

const NEIGHBOURS = TENANTS.map(({ name, groups, peerId }) => ({ peerId, tenant: name, groups }))

test('a tenant gets the policies that can be about it, and no others', t => {
  const set = policies([
    '@id("any") permit (principal, action, resource);', '@id("is") permit (principal is Tenant, action, resource);', '@id("chat") permit (principal == Tenant::"chat", action, resource);',
    '@id("in chat") permit (principal in Tenant::"chat", action, resource);', '@id("group") permit (principal in Group::"messaging", action, resource);', '@id("is in") permit (principal is Tenant in Group::"messaging", action, resource);',
    '@id("other") permit (principal == Tenant::"indexer", action, resource);', '@id("other group") forbid (principal in Group::"storage", action, resource);', '@id("is in other") permit (principal is Tenant in Group::"storage", action, resource);',
    '@id("in other") permit (principal is Tenant in Tenant::"indexer", action, resource);'
  ].join('\n'))
  const idsFor = (name: string, groups: string[]): string[] => documentFor({ policies: set }, { epoch: 1, tenant: { name, groups }, neighbours: [] }).policies.map(({ id }) => id)
  t.deepEqual(idsFor('chat', ['messaging']), ['any', 'is', 'chat', 'in chat', 'group', 'is in'])
  t.deepEqual(idsFor('indexer', ['storage']), ['any', 'is', 'other', 'other group', 'is in other', 'in other'])
  t.deepEqual(idsFor('nobody', []), ['any', 'is'])
})

test('a document tells a host nothing of other tenants\' policies, and is plain data with nothing else in it', t => {
  const set = policies('permit (principal == Tenant::"chat", action, resource);\n@id("secret") forbid (principal == Tenant::"indexer", action, resource == Protocol::"/secret/1");\npermit (principal in Group::"hidden", action == Action::"dial", resource);')
  const document = documentFor({ policies: set, warnings: ['hidden'], examples: 3 } as { policies: typeof set }, { epoch: 4, tenant: { name: 'chat', groups: [], app: 'hidden' } as { name: string, groups: string[] }, neighbours: [] })
  t.notRegex(JSON.stringify(document), /secret|hidden|indexer/)
  t.deepEqual(JSON.parse(JSON.stringify(document)), document)
  t.deepEqual(Object.keys(document), ['epoch', 'tenant', 'policies', 'neighbours'])
})

test('leaving out what cannot be about a tenant changes no decision and nobody who decided', t => {
  let [compared, left] = [0, 0]
  for (let seed = 0; seed < 40; seed++) {
    const random = new Random(seed)
    const { policies: parsed, faults } = checkPolicies([{ name: 'r.cedar', text: Array.from({ length: 20 }, (_, index) => textOf(randomPolicy(random, `p${index}`))).join('\n') }])
    const refused = new Set(faults.map(({ file }) => file))
    const all = parsed.filter(({ line }) => !refused.has(`r.cedar:${line}`))
    for (const { name, groups } of TENANTS) {
      const rest = { epoch: 1, tenant: { name, groups }, neighbours: NEIGHBOURS }
      const slice = documentFor({ policies: all }, rest)
      // Without scopes nothing is left out: Cedar sees every policy every time.
      const [whole, part] = [createPolicy({ ...rest, policies: all.map(({ id, file, line, text }) => ({ id, file, line, text })) }), createPolicy(slice)]
      left += all.length - slice.policies.length
      for (let request = 0; request < 15; request++) {
        const [caller, ask] = askOf({ ...randomRequest(random), principal: { type: 'Tenant', id: name, groups } })
        t.deepEqual(part.decide(caller, ask), whole.decide(caller, ask), JSON.stringify([seed, caller, ask]))
        compared++
      }
    }
  }
  t.is(compared, 40 * TENANTS.length * 15)
  t.true(left > 500, 'and much was left out')
})
