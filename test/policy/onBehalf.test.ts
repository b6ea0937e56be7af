/** Acting in the daemon's name: a blessing, and the app's policies, and the daemon's. One of them is never enough, nor are two. */
import test from 'ava'
import type { Grant } from '../../src/blessing/grant.ts'
import type { Ask, Caller, Decision } from '../../src/policy/ask.ts'
import type { BlessedApp, PolicyDocument } from '../../src/policy/document.ts'
import { createDaemonPolicy, nextExpiryOf } from '../../src/policy/onBehalf.ts'

const NOW = 1_800_000_000_000
const GRANT: Grant = {
  id: '00112233445566778899aabbccddeeff', tenant: 'indexer', tenantId: 't1', epoch: 1, source: 'operator',
  actions: ['provideService'], resources: ['/search/'], notBefore: NOW / 1000 - 10, expires: NOW / 1000 + 10
}
const INDEXER: Caller = { tenant: 'indexer', process: { uid: 1000, gid: 1000, pid: 1 } }
const SERVE: Ask = { action: 'provideService', resource: { type: 'Service', id: '/search/1.0.0' } }
const ACTS = 'permit (principal == Tenant::"indexer", action == Action::"actForDaemon", resource in ProtocolFamily::"/search/") when { context.action == "provideService" };'
const SERVES = 'permit (principal == Tenant::"daemon", action == Action::"provideService", resource in ProtocolFamily::"/search/");'

interface World { isSent?: boolean, grants?: readonly Grant[], apps?: string, daemons?: string, nowMs?: number, caller?: Caller, ask?: Ask }

function decide ({ isSent = true, grants = [GRANT], apps = ACTS, daemons = SERVES, nowMs = NOW, caller = INDEXER, ask = SERVE }: World = {}): Decision {
  const policies = (text: string, id: string): PolicyDocument['policies'] => text === '' ? [] : [{ id, file: 'a.cedar', line: 1, text }]
  const app: BlessedApp = { tenant: { name: 'indexer', groups: [] }, uid: 1000, gid: 1000, policies: apps === '' ? [] : ['acts'], grants }
  const appPolicies = isSent ? policies(apps, 'acts') : []
  const document: PolicyDocument = { epoch: 7, tenant: { name: 'daemon', groups: [] }, neighbours: [], policies: policies(daemons, 'serves'), blessed: [app], appPolicies }
  return createDaemonPolicy(document, () => nowMs).decide(caller, ask)
}

test('all three together allow it, and all three are named', t => {
  t.deepEqual(decide(), { allowed: true, policy: `blessing ${GRANT.id}, acts, serves`, epoch: 7 })
})

const REASONS: ReadonlyArray<readonly [what: string, world: World, policy: RegExp, why: RegExp]> = [
  ['no blessing', { grants: [] }, /^no blessing$/, /no blessing of indexer covers it: .*p2pctl bless indexer --action provideService/],
  ['a blessing for another action', { grants: [{ ...GRANT, actions: ['openStream'] }] }, /^no blessing$/, /covers it/],
  ['a blessing for another family', { grants: [{ ...GRANT, resources: ['/sea/', '/search'] }] }, /^no blessing$/, /covers it/],
  ['a blessing from the next second on', { grants: [{ ...GRANT, notBefore: NOW / 1000 + 1 }] }, /^no blessing$/, /covers it/],
  ['a blessing that ends in this very millisecond', { nowMs: GRANT.expires * 1000 }, /^no blessing$/, /covers it/],
  ['a policy of the app\'s that is named and was not sent', { isSent: false }, /^no blessing$/, /covers it/],
  ['no policy of the app\'s', { apps: '' }, /^indexer: default deny$/, /indexer's own policies do not allow it actForDaemon/],
  ['a policy of the app\'s for another act', { apps: ACTS.replace('"provideService"', '"openStream"') }, /^indexer: default deny$/, /own policies/],
  ['a forbid of the app\'s', { apps: ACTS + 'forbid (principal, action == Action::"actForDaemon", resource);' }, /^indexer: /, /own policies/],
  ['no policy of the daemon\'s', { daemons: '' }, /^daemon: default deny$/, /the daemon's own policies do not allow it/],
  ['a policy of the daemon\'s for another service', { daemons: SERVES.replace('/search/', '/other/') }, /^daemon: default deny$/, /the daemon's own/],
  ['another tenant', { caller: { ...INDEXER, tenant: 'chat' } }, /^no blessing$/, /chat has no blessing: /],
  ['the tenant with the daemon\'s policies for its own', { apps: SERVES.replace('daemon', 'indexer') }, /^indexer: default deny$/, /own policies/]
]

for (const [what, world, policy, why] of REASONS) {
  test(`denied: ${what}`, t => {
    const decision = decide(world)
    t.false(decision.allowed)
    t.regex(decision.policy, policy)
    t.regex(decision.why ?? '', why)
  })
}

const ACT: Ask = { action: 'act', resource: { type: 'Host', id: 'own' } }

test('who is blessed at all is by the blessing and its user alone', t => {
  t.true(decide({ ask: ACT, apps: '', daemons: '' }).allowed)
  t.false(decide({ ask: ACT, grants: [] }).allowed)
  t.false(decide({ ask: ACT, nowMs: GRANT.expires * 1000 }).allowed)
  t.false(decide({ ask: ACT, caller: { tenant: 'indexer', process: { uid: 1001, gid: 1001, pid: 1 } } }).allowed)
})

test('in its last millisecond it still stands', t => {
  t.true(decide({ nowMs: GRANT.expires * 1000 - 1 }).allowed)
})

test('what code forbids a blessing does not allow: p2pd\'s own protocols but for plugins, and libp2p\'s', t => {
  const wide = { grants: [{ ...GRANT, resources: ['*'] }], apps: 'permit (principal, action, resource);', daemons: 'permit (principal, action, resource);' }
  const serving = (id: string): boolean => decide({ ...wide, ask: { action: 'provideService', resource: { type: 'Service', id } } }).allowed
  for (const id of ['/p2pd/as-daemon/1.0.0', '/p2pd/blessing-status/1.0.0', '/p2pd/plugin', '/p2pd', '/ipfs/id/1.0.0', '/meshsub/1.1.0']) t.false(serving(id), id)
  for (const id of ['/p2pd/plugin/dht/1.0.0', '/search/1.0.0']) t.true(serving(id), id)
})

test('a wide blessing does not make other things of an action than can be done in the daemon\'s name', t => {
  const wide = { grants: [{ ...GRANT, resources: ['*'] }], apps: 'permit (principal, action, resource);', daemons: 'permit (principal, action, resource);' }
  const endpoint = { address: '/ip4/192.0.2.1/tcp/1', ip: '198.41.0.4', port: 1, relayed: false }
  t.false(decide({ ...wide, ask: { action: 'dial', resource: { type: 'Peer', id: 'x' }, context: endpoint } }).allowed)
  t.false(decide({ ...wide, ask: { action: 'acceptConnection', resource: { type: 'Peer', id: 'x' }, context: endpoint } }).allowed)
})

test('what the daemon\'s host does by itself needs no blessing, and its operator none either', t => {
  t.deepEqual(decide({ grants: [], apps: '', caller: { tenant: 'daemon' } }), { allowed: true, policy: 'serves', epoch: 7 })
})

test('the next time to ask again is the end of what ends first', t => {
  const document = (grants: Grant[]): PolicyDocument => ({
    epoch: 1, tenant: { name: 'daemon', groups: [] }, neighbours: [], policies: [],
    blessed: [{ tenant: { name: 'indexer', groups: [] }, uid: 1, gid: 1, policies: [], grants }]
  })
  t.is(nextExpiryOf(document([{ ...GRANT, expires: 30 }, { ...GRANT, expires: 20 }, { ...GRANT, expires: 10 }]), 10_000), 20_000)
  t.is(nextExpiryOf(document([{ ...GRANT, expires: 10 }]), 10_000), undefined)
  t.is(nextExpiryOf(document([]), 0), undefined)
})
