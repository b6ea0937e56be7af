import test from 'ava'
import { withCedar } from '../../src/policy/cedar.ts'
import { schemaText } from '../../src/policy/files.ts'
import { ACTIONS, asked } from '../../src/policy/question.ts'
import { TENANTS } from './world.ts'

test('actions, their groups and what each one is about are those of the schema', t => {
  const answer = withCedar(cedar => cedar.schemaToJson(schemaText))
  if (answer.type === 'failure') return t.fail(JSON.stringify(answer))
  const real = Object.entries(answer.json['']?.actions ?? {}).filter(([, { appliesTo }]) => (appliesTo?.principalTypes ?? []).length > 0)
  const declared = Object.fromEntries(real.map(([name, { memberOf = [], appliesTo }]) => [name, { group: memberOf.map(({ id }) => id).join(), type: appliesTo?.resourceTypes.join() }]))
  t.deepEqual(Object.fromEntries(Object.entries(ACTIONS).map(([name, { group, type }]) => [name, { group: group ?? '', type: name === 'actForDaemon' ? 'Host,Peer,Protocol,Service' : type }])), declared)
})

test('what is not said is assumed, and marked so', t => {
  const say = (action: string, resource: string, context: Record<string, string | number | boolean> = {}): unknown => {
    const question = asked({ tenant: 'chat', action, resource, context }, [{ ...TENANTS[0]!, uid: 7 }, { ...TENANTS[1]!, peerId: '12D3' }])
    return 'faults' in question ? question : { ...question, facts: question.facts.map(({ name, value, assumed }) => `${name} ${value}${assumed ? '?' : ''}`) }
  }
  const caller = { tenant: 'chat', process: { uid: 7, gid: 7, pid: 0 } }
  t.deepEqual(say('identify', 'own'), { caller, ask: { action: 'identify', resource: { type: 'Host', id: 'own' } }, facts: ['uid 7?', 'gid 7?'] })
  t.deepEqual(say('connect', 'indexer', { uid: 'none' }), { caller: { tenant: 'chat' }, ask: { action: 'connect', resource: { type: 'Peer', id: '12D3' } }, facts: ['uid none'] })
  t.deepEqual(say('dial', 'stranger'), {
    caller: { tenant: 'chat' },
    ask: { action: 'dial', resource: { type: 'Peer', id: 'stranger' }, context: { ip: '198.41.0.4', port: 4001, address: '/ip4/198.41.0.4/tcp/4001', relayed: false } },
    facts: ['ip 198.41.0.4?', 'port 4001?', 'address /ip4/198.41.0.4/tcp/4001?', 'relayed false?']
  })
  t.deepEqual(say('dial', 'indexer', { ip: '::FFFF:10.0.0.1', port: 1, relayed: 'true' }), {
    caller: { tenant: 'chat' },
    ask: { action: 'dial', resource: { type: 'Peer', id: '12D3' }, context: { ip: '10.0.0.1', port: 1, address: '/ip6/::FFFF:10.0.0.1/tcp/1', relayed: true } },
    facts: ['ip ::FFFF:10.0.0.1', 'port 1', 'address /ip6/::FFFF:10.0.0.1/tcp/1?', 'relayed true']
  })
  t.like(say('acceptStream', '/x', { peer: 'indexer' }), { ask: { context: { peer: '12D3', ip: '127.0.0.1' } }, facts: ['peer indexer', 'ip 127.0.0.1?', 'port 4001?', 'address /ip4/127.0.0.1/tcp/4001?', 'relayed false?'] })
  t.like(say('openStream', '/x', { uid: 0 }), { caller: { process: { uid: 0, gid: 0 } }, ask: { context: { peer: 'stranger', relayed: false } }, facts: ['uid 0', 'gid 0?', 'peer stranger?', 'relayed false?'] })
})
