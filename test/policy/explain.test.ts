import test from 'ava'
import { explain, type Explanation } from '../../src/policy/explain.ts'
import type { KnownTenant } from '../../src/policy/question.ts'
import { Random } from '../fuzz/random.ts'
import { CHAT, INDEXER, policies } from './world.ts'

const PEER = '12D3KooWA7LF2oA81qrGKeyi2TPDDGMNohbyknWNK9ecNxw5sEd5'
const TENANTS: readonly KnownTenant[] = [{ ...CHAT, uid: 1000 }, { ...INDEXER, peerId: PEER }, { name: 'sensor', groups: ['telemetry'] }]

const SET = policies(`@id("own") permit (principal, action in Action::"inspect", resource);
@id("dial") permit (principal == Tenant::"chat", action == Action::"dial", resource) when { !context.relayed } unless { !context.public || context.port == 22 };
@id("talk") permit (principal in Group::"messaging", action in [Action::"openStream", Action::"acceptStream"], resource in ProtocolFamily::"/chat/") when { context.local };
@id("index") permit (principal == Tenant::"indexer", action in [Action::"handleStream"], resource in ProtocolFamily::"/index/");
@id("never") forbid (principal == Tenant::"chat", action == Action::"dial", resource) when { context.port == 25 };
@id("sum") permit (principal == Tenant::"sensor", action == Action::"dial", resource) when { context.port + 9223372036854775807 > 0 };`)

type Context = Record<string, string>

function ask (tenant: string, action: string, resource: string, context: Context = {}): Explanation {
  const result = explain(SET, TENANTS, { tenant, action, resource, context })
  if ('faults' in result) throw new Error(result.faults.join('\n'))
  return result
}

function almost ({ almost: list }: Explanation): string[] {
  return list.map(({ id, part, wants }) => `${id}, ${part}: ${wants}`)
}

test('what is allowed names the policies that do, with their place and text', t => {
  const { allowed, deciding, ...rest } = ask('chat', 'openStream', '/chat/1', { peer: 'indexer' })
  t.true(allowed)
  t.deepEqual(deciding, [{ id: 'talk', file: 'a.cedar', line: 3, effect: 'permit', text: SET[2]?.text ?? '' }])
  t.like(rest, { policy: 'talk', almost: [], smallest: undefined, rule: undefined, question: { tenant: 'chat', action: 'openStream', resource: '/chat/1' } })
  t.deepEqual(rest.facts.map(({ name, value, assumed }) => `${name} ${value}${assumed ? '?' : ''}`), ['uid 1000?', 'gid 1000?', 'peer indexer', 'relayed false?', 'local true'])
})

const ROWS: ReadonlyArray<readonly [what: string, words: [string, string, string, Context?], policy: string, almost: string[]]> = [
  ['another resource', ['chat', 'openStream', '/other/1', { peer: 'indexer' }], 'default deny', ['talk, resource: resource in ProtocolFamily::"/chat/"']],
  ['another principal', ['sensor', 'openStream', '/chat/1', { peer: 'indexer' }], 'default deny', ['talk, principal: principal in Group::"messaging"']],
  ['another action', ['indexer', 'acceptStream', '/index/1'], 'default deny', ['index, action: handleStream']],
  ['a condition', ['chat', 'openStream', '/chat/1'], 'default deny', ['talk, condition: when { context.local }']],
  ['the first condition that does not hold', ['chat', 'dial', 'stranger', { relayed: 'true', ip: '10.0.0.1' }], 'default deny', ['dial, condition: when { !context.relayed }']],
  ['an unless', ['chat', 'dial', 'stranger', { ip: '10.0.0.1' }], 'default deny', ['dial, condition: unless { !context.public || context.port == 22 }']],
  ['two places at once are no near miss', ['sensor', 'openStream', '/other/1', { peer: 'indexer' }], 'default deny', []],
  ['a forbid', ['chat', 'dial', 'stranger', { port: '25' }], 'never', []],
  ['a policy that cannot be evaluated', ['sensor', 'dial', 'stranger'], 'error in sum', ['dial, principal: principal == Tenant::"chat"', 'sum, condition: when { context.port + 9223372036854775807 > 0 }, which cannot be evaluated: integer overflow while attempting to add the values `4001` and `9223372036854775807`']]
]

for (const [what, [tenant, action, resource, context], policy, near] of ROWS) {
  test(`what is denied says what it would take: ${what}`, t => {
    const explanation = ask(tenant, action, resource, context)
    t.false(explanation.allowed)
    t.is(explanation.policy, policy)
    t.deepEqual(almost(explanation), near)
    t.is(explanation.smallest !== undefined, policy === 'default deny')
    t.deepEqual(explanation.deciding.map(({ id }) => id), policy === 'default deny' ? [] : [policy.replace('error in ', '')])
  })
}

test('what code forbids says so, and offers no policy', t => {
  const explanation = ask('chat', 'dial', 'stranger', { ip: 'fe80::1' })
  t.like(explanation, { allowed: false, rule: 'code: no policy can allow to dial fe80::1, it is link-local', almost: [], deciding: [] })
  t.is(explanation.smallest, undefined)
})

const SMALLEST: ReadonlyArray<readonly [words: [string, string, string, Context?], policy: string]> = [
  [['sensor', 'connect', 'indexer'], 'permit (\n  principal == Tenant::"sensor",\n  action == Action::"connect",\n  resource in Tenant::"indexer"\n);\n'],
  [['sensor', 'connect', PEER.replace('A7', 'B8')], `permit (\n  principal == Tenant::"sensor",\n  action == Action::"connect",\n  resource == Peer::"${PEER.replace('A7', 'B8')}"\n);\n`],
  [['indexer', 'dial', 'stranger'], 'permit (\n  principal == Tenant::"indexer",\n  action == Action::"dial",\n  resource\n)\nwhen { context.public };\n'],
  [['indexer', 'dial', 'sensor', { port: '80' }], 'permit (\n  principal == Tenant::"indexer",\n  action == Action::"dial",\n  resource in Tenant::"sensor"\n)\nwhen { context.local && context.port == 80 };\n'],
  [['chat', 'dial', 'stranger', { ip: '::ffff:10.0.0.1' }], 'permit (\n  principal == Tenant::"chat",\n  action == Action::"dial",\n  resource\n)\nwhen { context.ip == ip("10.0.0.1") };\n'],
  [['sensor', 'handleStream', '/odd "\\\u0001'], 'permit (\n  principal == Tenant::"sensor",\n  action == Action::"handleStream",\n  resource == Protocol::"/odd \\"\\\\\\u{1}"\n);\n'],
  [['sensor', 'openStream', '/x', { peer: 'indexer' }], 'permit (\n  principal == Tenant::"sensor",\n  action == Action::"openStream",\n  resource == Protocol::"/x"\n)\nwhen { context.peer in Tenant::"indexer" };\n']
]

for (const [[tenant, action, resource, context], policy] of SMALLEST) {
  test(`the least that would permit ${tenant} ${action} ${JSON.stringify(resource)}`, t => { t.is(ask(tenant, action, resource, context).smallest, policy) })
}

test('the least that would permit something permits it, and does not permit the same to another tenant', t => {
  const random = new Random(7)
  let tried = 0
  for (let round = 0; round < 150; round++) {
    const action = random.pick(['identify', 'connect', 'disconnect', 'dial', 'acceptConnection', 'openStream', 'handleStream', 'acceptStream'])
    const resource = action === 'identify' ? 'own' : action.endsWith('Stream') ? random.pick(['/x', '/chat/1', '/y "\\']) : random.pick(['indexer', 'sensor', 'stranger', PEER])
    const peer = random.pick(['indexer', 'sensor', 'stranger'])
    const context: Context = {
      ...(action === 'openStream' || action === 'acceptStream') && random.chance(0.5) && { peer },
      ...['dial', 'acceptConnection', 'acceptStream'].includes(action) && random.chance(0.5) && { ip: random.pick(['10.0.0.1', '::1', '8.8.8.8', '2606::1']) }
    }
    const [tenant, other] = random.chance(0.5) ? ['chat', 'sensor'] as const : ['sensor', 'chat'] as const
    const words = { action, resource, context }
    const before = explain([], TENANTS, { tenant, ...words })
    if ('faults' in before || before.smallest === undefined) return t.fail(JSON.stringify([words, before]))
    const granted = policies(before.smallest)
    t.like(explain(granted, TENANTS, { tenant, ...words }), { allowed: true }, before.smallest)
    t.like(explain(granted, TENANTS, { tenant: other, ...words }), { allowed: false }, before.smallest)
    tried++
  }
  t.is(tried, 150)
})

test('words that make no question are told', t => {
  t.deepEqual(explain(SET, TENANTS, { tenant: 'chat', action: 'dial', resource: 'nobody', context: { foo: '1' } }), {
    faults: ['dial has no "foo" in its context; there are: ip, port, address, relayed', 'there is no tenant "nobody", and a peer ID it is not; a peer that nobody knows is called stranger']
  })
})
