import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import type { Ask, Caller } from '../../src/policy/ask.ts'
import { createPolicy } from '../../src/policy/engine.ts'
import { ASKS, CALLER, CHAT, EVERYTHING, INDEXER, engine, shown } from './world.ts'

const NEIGHBOUR = { peerId: 'indexers-peer', tenant: 'indexer', groups: INDEXER.groups }

async function child (name: string, ...args: string[]): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', join(import.meta.dirname, 'children', name), ...args])
  return JSON.parse(stdout)
}

test('nothing is allowed without a permit, and a forbid comes before every permit', t => {
  t.deepEqual(engine('').decide(CALLER, ASKS.identify), { allowed: false, policy: 'default deny', epoch: 1 })
  const { decide } = engine(`@id("b") ${EVERYTHING}@id("a") ${EVERYTHING}@id("no") forbid (principal, action == Action::"dial", resource);@id("nor") forbid (principal, action == Action::"dial", resource == Peer::"y");`, { epoch: 7 })
  t.deepEqual(decide(CALLER, ASKS.identify), { allowed: true, policy: 'b, a', epoch: 7 })
  t.deepEqual(decide(CALLER, ASKS.dial('8.8.8.8')), { allowed: false, policy: 'no', epoch: 7 })
  t.deepEqual(decide(CALLER, ASKS.dial('8.8.8.8', 'y')), { allowed: false, policy: 'no, nor', epoch: 7 })
})

test('every action can be asked, and each is another question', t => {
  const asks: Ask[] = [
    ASKS.identify, { action: 'listPeers', resource: { type: 'Host', id: 'own' } }, ASKS.connect(), { action: 'disconnect', resource: { type: 'Peer', id: 'x' } }, ASKS.dial('8.8.8.8'),
    { ...ASKS.dial('8.8.8.8') as Extract<Ask, { action: 'dial' }>, action: 'acceptConnection' }, ASKS.open(), ASKS.handle(), ASKS.accept()
  ]
  for (const { action } of asks) {
    const { decide } = engine(`@id("it") permit (principal, action == Action::"${action}", resource);`)
    t.deepEqual(asks.filter(ask => decide(CALLER, ask).allowed).map(ask => ask.action), [action])
  }
  for (const [group, actions] of Object.entries({ inspect: ['identify', 'listPeers', 'disconnect'], outbound: ['connect', 'dial', 'openStream'], inbound: ['acceptConnection', 'handleStream', 'acceptStream'] })) {
    const { decide } = engine(`permit (principal, action in Action::"${group}", resource);`)
    t.deepEqual(asks.filter(ask => decide(CALLER, ask).allowed).map(ask => ask.action), actions)
  }
})

test('what code forbids is denied whatever policy says, and without asking it', t => {
  const { decide } = engine(EVERYTHING)
  t.is(shown(decide(CALLER, ASKS.dial('::ffff:169.254.169.254'))), 'deny by code: no policy can allow to dial 169.254.169.254, it is a cloud\'s metadata address')
  t.is(shown(decide(CALLER, ASKS.handle('/meshsub/1.1.0'))), 'deny by code: no policy can allow to handle /meshsub, it belongs to libp2p or to p2pd itself')
  t.is(shown(decide({ tenant: 'indexer' }, ASKS.identify)), 'deny by code: this is the host of chat')
})

const FACTS: ReadonlyArray<readonly [what: string, condition: string, action: string, ask: Ask, caller?: Caller]> = [
  ['a public address', 'context.public', 'dial', ASKS.dial('8.8.8.8')],
  ['a private address is not public', '!context.public', 'dial', ASKS.dial('10.0.0.1')],
  ['an address is of IPv4 where IPv6 only wraps one', 'context.ip == ip("10.0.0.1") && context.ip.isIpv4()', 'dial', ASKS.dial('::ffff:10.0.0.1')],
  ['an address has one spelling', 'context.ip == ip("2606:4700::1")', 'dial', ASKS.dial('2606:4700:0:0:0:0:0:1')],
  ['the address as it was given', 'context.address like "/ip4/*/tcp/4001" && context.port == 4001 && !context.relayed', 'dial', ASKS.dial('8.8.8.8')],
  ['a neighbour at an address of this machine', 'context.local', 'dial', ASKS.dial('127.0.0.1', NEIGHBOUR.peerId)],
  ['a neighbour at another address is none', '!context.local', 'dial', ASKS.dial('10.0.0.7', NEIGHBOUR.peerId)],
  ['a stranger at an address of this machine is no neighbour', '!context.local', 'dial', ASKS.dial('127.0.0.1')],
  ['a neighbour that is looked for', 'context.local', 'connect', ASKS.connect(NEIGHBOUR.peerId)],
  ['a neighbour in its tenant and groups', 'resource in Tenant::"indexer" && resource in Group::"storage" && !(resource in Group::"telemetry")', 'connect', ASKS.connect(NEIGHBOUR.peerId)],
  ['a neighbour at the other end of a stream', 'context.local && context.peer in Tenant::"indexer" && context.peer in Group::"messaging" && context.peer == Peer::"indexers-peer"', 'openStream', ASKS.open('/x', NEIGHBOUR.peerId)],
  ['a stranger at the other end', '!context.local && !(context.peer in Group::"messaging")', 'openStream', ASKS.open('/x')],
  ['a relayed stream', 'context.relayed', 'openStream', ASKS.open('/x', 'x', true)],
  ['a stream that comes in', 'context.ip == ip("8.8.8.8") && context.public && context.port == 1 && context.peer == Peer::"x"', 'acceptStream', ASKS.accept()],
  ['registering is for direct streams', '!context.relayed', 'handleStream', ASKS.handle()],
  ['who calls', 'context has caller && context.caller.uid == 1000 && context.caller.gid == 100', 'identify', ASKS.identify],
  ['nobody calls when the host acts by itself', '!(context has caller)', 'connect', ASKS.connect(), { tenant: 'chat' }],
  ['the tenant and its groups', 'principal == Tenant::"chat" && principal in Group::"messaging" && !(principal in Group::"storage")', 'identify', ASKS.identify],
  ['a protocol in the families it begins with', 'resource in ProtocolFamily::"/" && resource in ProtocolFamily::"/chat/" && !(resource in ProtocolFamily::"/chat") && !(resource in ProtocolFamily::"/ch/")', 'openStream', ASKS.open('/chat/1.0.0')]
]

for (const [what, condition, action, ask, caller = CALLER] of FACTS) {
  test(`a policy sees: ${what}`, t => {
    const { decide } = engine(`@id("it") permit (principal, action == Action::"${action}", resource) when { ${condition} };`, { neighbours: [NEIGHBOUR] })
    t.is(shown(decide(caller, ask)), 'allow by it')
  })
}

test('a policy that cannot be evaluated denies, a permit as well as a forbid', t => {
  const overflow = 'context.port + 9223372036854775807 > 0'
  for (const effect of ['permit', 'forbid']) {
    const { decide } = engine(`@id("all") ${EVERYTHING}@id("sum") ${effect} (principal, action == Action::"dial", resource) when { ${overflow} };`)
    t.is(shown(decide(CALLER, ASKS.dial('8.8.8.8'))), 'deny by error in sum')
    t.is(shown(decide(CALLER, ASKS.dial('8.8.8.8', 'x', { port: 0 }))), effect === 'permit' ? 'allow by all, sum' : 'deny by sum')
    t.is(shown(decide(CALLER, ASKS.connect())), 'allow by all')
  }
})

test('what is no request by the schema is denied and not thrown', t => {
  // With a condition, so that Cedar has something to judge: what needs no judging is not shown to it, and askers are typed.
  const { decide } = engine('permit (principal, action, resource) unless { principal == Tenant::"nobody" };\n')
  const wrong: Array<[Ask, RegExp]> = [
    [{ action: 'fly', resource: { type: 'Host', id: 'own' } } as unknown as Ask, /^error: /],
    [{ action: 'identify', resource: { type: 'Peer', id: 'x' } } as unknown as Ask, /^error: /],
    [ASKS.dial('8.8.8.8', 'x', { port: 1.5 }), /^error: /],
    [ASKS.dial('8.8.8.8', 'x', { port: '1' as unknown as number }), /^error: /],
    [ASKS.accept('/x', 'x', 'localhost'), /^error: "localhost" is no IP address/],
    [ASKS.open('/\ud800'), /no well-formed text/],
    [ASKS.open('/x', '\udc00'), /no well-formed text/]
  ]
  for (const [ask, policy] of wrong) {
    const decision = decide(CALLER, ask)
    t.false(decision.allowed)
    t.regex(decision.policy, policy)
  }
  t.true(decide(CALLER, ASKS.identify).allowed)
})

test('names are only names, whatever they look like', t => {
  const long = `/${'x/'.repeat(127)}y`
  const odd = ['__proto__', 'constructor', '/__proto__/x', 'toString', '/ \u0000\n"\\', '/\u202e\u{1f600}', '', '/', '//', long, '/p0', 'Tenant::"chat"']
  const { decide } = engine('@id("chat") permit (principal, action == Action::"openStream", resource in ProtocolFamily::"/chat/") when { context.peer == Peer::"__proto__" };\n@id("__proto__") permit (principal, action == Action::"openStream", resource == Protocol::"__proto__");@id("long") permit (principal, action == Action::"openStream", resource in ProtocolFamily::"/x/x/");')
  for (const name of odd) {
    t.is(shown(decide(CALLER, ASKS.open(name))), name === '__proto__' ? 'allow by __proto__' : name === long ? 'allow by long' : 'deny by default deny', name)
    t.is(shown(decide(CALLER, ASKS.open('/chat/1', name))), name === '__proto__' ? 'allow by chat' : 'deny by default deny', name)
  }
  t.is(shown(engine(EVERYTHING, { neighbours: [{ peerId: '__proto__', tenant: 'indexer', groups: [] }] }).decide(CALLER, ASKS.connect('__proto__'))), 'allow by a.cedar:1')
})

test('an answer that is kept is the answer to the same question, from the same caller, in the same epoch', t => {
  const text = `@id("uid") permit (principal, action == Action::"openStream", resource) when { context has caller && context.caller.uid == 1000 && !context.relayed && context.peer == Peer::"x" };
@id("dial") permit (principal, action == Action::"dial", resource) when { context.public && context.port == 4001 && context.address like "/ip4/*" };`
  const [one, two] = [engine(text), engine(text.replace('uid == 1000', 'uid == 7'), { epoch: 2 })]
  const by = (uid: number, gid = uid): Caller => ({ tenant: 'chat', process: { uid, gid, pid: 1 } })
  const rows: Array<[Caller, Ask, boolean]> = [
    [by(1000), ASKS.open(), true], [by(7), ASKS.open(), false], [{ tenant: 'chat' }, ASKS.open(), false], [by(1000), ASKS.open('/chat/1.0.0', 'y'), false], [by(1000), ASKS.open('/chat/1.0.0', 'x', true), false],
    [by(1000), ASKS.handle(), false], [by(1000), ASKS.dial('8.8.8.8'), true], [by(1000), ASKS.dial('10.0.0.1'), false], [by(1000), ASKS.dial('8.8.8.8', 'x', { port: 1 }), false],
    [by(1000), ASKS.dial('8.8.8.8', 'x', { address: '/dns4/x/tcp/4001' }), false]
  ]
  for (let round = 0; round < 3; round++) {
    for (const [caller, ask, allowed] of rows) t.is(one.decide(caller, ask).allowed, allowed, JSON.stringify([round, caller, ask]))
    t.deepEqual(two.decide(by(1000), ASKS.open()), { allowed: false, policy: 'default deny', epoch: 2 })
    t.deepEqual(two.decide(by(7), ASKS.open()), { allowed: true, policy: 'uid', epoch: 2 })
  }
  t.is(one.decide(by(1000), ASKS.open()), one.decide(by(1000), ASKS.open()), 'and it is kept')
})

test('more sets and epochs than Cedar is given names for still decide, each its own way', t => {
  const engines = Array.from({ length: 30 }).map((_, epoch) => engine(Array.from(Array(12).keys(), index =>
    `@id("${epoch}-${index}") permit (principal, action == Action::"openStream", resource in ProtocolFamily::"/${index}/") when { context.peer == Peer::"${epoch}" };`).join('\n'), { epoch }))
  for (let round = 0; round < 2; round++) {
    for (const [epoch, { decide }] of engines.entries()) {
      for (let index = 0; index < 12; index++) {
        t.deepEqual(decide(CALLER, ASKS.open(`/${index}/${round}`, String(epoch))), { allowed: true, policy: `${epoch}-${index}`, epoch })
        t.false(decide(CALLER, ASKS.open(`/${index}/${round}`, String(epoch + 1))).allowed)
      }
    }
  }
})

test('a policy without a scope, from elsewhere, is asked about everything', t => {
  const [policy] = [{ id: 'x', file: 'a.cedar', line: 1, text: EVERYTHING }]
  const { decide } = createPolicy({ epoch: 3, tenant: CHAT, neighbours: [], policies: [policy] })
  t.deepEqual(decide(CALLER, ASKS.open()), { allowed: true, policy: 'x', epoch: 3 })
})

test('a policy that Cedar cannot parse denies what it could be about', t => {
  const { decide } = createPolicy({ epoch: 3, tenant: CHAT, neighbours: [], policies: [{ id: 'x', file: 'a.cedar', line: 1, text: 'permit (' }, { id: 'y', file: 'a.cedar', line: 1, text: EVERYTHING }] })
  t.regex(shown(decide(CALLER, ASKS.identify)), /^deny by error: /)
})

test('memory does not grow with epochs', async t => {
  const { early, late } = await child('epochs.ts') as { early: number, late: number }
  t.true(late - early < 3, `${early} MB after 200 epochs, ${late} MB after 400`)
})

test('when the WebAssembly traps, nothing is allowed any more', async t => {
  const { before, trapped, after, other } = await child('trap.ts') as Record<string, string>
  t.is(before, 'allow by all')
  t.regex(trapped ?? '', /^deny by error: Cedar has failed: /)
  t.is(after, 'deny by error: Cedar has failed in this process and is not asked again')
  t.is(other, after, 'of no other engine either')
})

test('once Cedar is loaded no file is read', async t => {
  t.deepEqual(await child('sealed.ts'), ['allow by all', 'allow by all'])
})
