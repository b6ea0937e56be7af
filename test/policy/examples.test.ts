import test from 'ava'
import { CHAT, TENANTS, load } from './world.ts'

const POLICY = `@id("own") permit (principal, action in Action::"inspect", resource);
@id("talk") permit (principal in Group::"messaging", action in [Action::"openStream", Action::"acceptStream"], resource in ProtocolFamily::"/chat/") when { context.local };
@id("net") permit (principal == Tenant::"chat", action == Action::"dial", resource) when { context.public && context.port == 4001 };
@id("never") forbid (principal, action == Action::"dial", resource == Peer::"12D3KooWA7LF2oA81qrGKeyi2TPDDGMNohbyknWNK9ecNxw5sEd5");`

test('examples that hold are counted', async t => {
  const set = await load(t, {
    'a.cedar': POLICY,
    'examples.yaml': `
- allow: chat identify own
- { allow: "chat  openStream   /chat/1.0.0", context: { peer: indexer } }
- { deny: chat openStream /chat/1.0.0 }
- { allow: chat acceptStream /chat/1.0.0, context: { peer: indexer, ip: "::ffff:127.0.0.1", port: 1 } }
- { deny: chat acceptStream /chat/1.0.0, context: { peer: indexer, ip: 10.0.0.1 } }
- allow: chat dial stranger
- deny: indexer dial stranger
- { deny: chat dial stranger, context: { port: 80 } }
- deny: chat dial 12D3KooWA7LF2oA81qrGKeyi2TPDDGMNohbyknWNK9ecNxw5sEd5
- allow: chat dial 12D3KooWFe6XsA5P2rPptnC1bpD8JRfiFeSQDicVNpicwWaJgS4Y
- { deny: chat openStream /chat/1.0.0, groups: [], context: { peer: indexer } }
- { allow: newcomer openStream /chat/1.0.0, groups: [messaging], context: { peer: chat, relayed: false, uid: none } }
`
  })
  t.like(set, { examples: 12, warnings: [] })
})

test('an example that does not hold says what was decided, and by which policy', async t => {
  const examples = `- deny: chat identify own
- allow: chat dial indexer
- deny: chat dial stranger
- allow: chat dial 12D3KooWA7LF2oA81qrGKeyi2TPDDGMNohbyknWNK9ecNxw5sEd5
- { allow: chat dial stranger, context: { ip: 169.254.169.254 } }
- allow: chat identify own
`
  t.deepEqual(await load(t, { 'a.cedar': POLICY, 'examples.yaml': examples }), [
    'examples.yaml:1: chat identify own must be denied, and is allowed by own (a.cedar:1)',
    'examples.yaml:2: chat dial indexer must be allowed, and is denied by default deny',
    'examples.yaml:3: chat dial stranger must be denied, and is allowed by net (a.cedar:3)',
    'examples.yaml:4: chat dial 12D3KooWA7LF2oA81qrGKeyi2TPDDGMNohbyknWNK9ecNxw5sEd5 must be allowed, and is denied by never (a.cedar:4)',
    'examples.yaml:5: chat dial stranger must be allowed, and is denied by code: no policy can allow to dial 169.254.169.254, it is a cloud\'s metadata address'
  ])
})

test('everything that makes no example is a fault, with its line', async t => {
  const examples = `# a comment
- allow: chat identify own
  deny: chat identify own
- {}
- allow: chat
- allow: chat diall x
- deny: chat dial indxer
- allow: chat identify it

- allow: chat openStream chat
- { allow: chat dial stranger, context: { ip: localhost, port: 70000, relayed: maybe, uid: 1, local: true, adress: x } }
- { allow: chat identify own, context: { uid: -1 }, group: [a] }
- { allow: chat identify own, groups: [A] }
- hello
- { allow: chat openStream /x, context: { peer: [a] } }
`
  t.deepEqual(await load(t, { 'a.cedar': POLICY, 'examples.yaml': examples }), [
    'examples.yaml:2: must have exactly one of `allow` and `deny`',
    'examples.yaml:4: must have exactly one of `allow` and `deny`',
    'examples.yaml:5: allow: must be a tenant, an action and a resource: chat openStream /chat/1.0.0, found "chat"',
    'examples.yaml:12: group: unknown key; did you mean `groups`?',
    'examples.yaml:13: groups[0]: must be lower-case letters, digits and dashes, a letter first, at most 32 in all, found "A"',
    'examples.yaml:14: must be a mapping (`key: value` lines), found "hello"',
    'examples.yaml:15: context.peer: must be text, a number, true or false',
    'examples.yaml:6: there is no action "diall"; did you mean dial?',
    'examples.yaml:7: there is no tenant "indxer", and a peer ID it is not; did you mean indexer?',
    'examples.yaml:8: identify is about the tenant\'s own host, which is called "own", found "it"',
    'examples.yaml:10: openStream is about a protocol, which begins with `/`, found "chat"',
    'examples.yaml:11: dial has no "uid" in its context; there are: ip, port, address, relayed',
    'examples.yaml:11: local follows from the peer and the address, and cannot be said',
    'examples.yaml:11: dial has no "adress" in its context; did you mean address?',
    'examples.yaml:11: port is a number from 0 to 65535, found "70000"',
    'examples.yaml:11: ip is a literal IP address, found "localhost"',
    'examples.yaml:11: relayed is true or false, found "maybe"'
  ])
  t.deepEqual(await load(t, { 'examples.yaml': 'allow: chat identify own' }), ['examples.yaml: must be a list of examples; one is `- allow: chat openStream /chat/1.0.0`'])
})

test('faults in policies do not hide what is wrong with the words of examples, and no example is tried by faulty policies', async t => {
  t.deepEqual(await load(t, { 'a.cedar': 'permit (;', 'examples.yaml': '- allow: chat identify own\n- allow: chat diall own\n' }), [
    'a.cedar:1: unexpected token `;`; expected `)` or identifier', 'examples.yaml:2: there is no action "diall"; did you mean dial?'
  ])
})

test('examples of tenants that are not declared are not tried, and that is said', async t => {
  const set = await load(t, { 'a.cedar': POLICY, 'examples.yaml': '- deny: chatt identify own\n- allow: chat identify own\n- deny: sensor identify own\n- deny: sensor listPeers own\n' })
  t.like(set, { examples: 1, warnings: ['examples.yaml:1: not tried, because there is no tenant "chatt"; did you mean chat?', 'examples.yaml:3, 4: not tried, because there is no tenant "sensor"'] })
})

test('an example is in the groups that the manifest says now', async t => {
  const files = { 'a.cedar': POLICY, 'examples.yaml': '- { allow: chat openStream /chat/1.0.0, context: { peer: indexer } }' }
  t.like(await load(t, files), { examples: 1 })
  t.deepEqual(await load(t, files, [{ ...CHAT, groups: [] }, ...TENANTS.slice(1)]), ['examples.yaml:1: chat openStream /chat/1.0.0 must be allowed, and is denied by default deny'])
})
