/** p2pctl policy: on directories of the test's own, and with a daemon that decides by them. */
import test from 'ava'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EVERYTHING_ALLOWED } from '../helpers/policies.ts'
import { World } from './world.ts'

const POLICY = `@id("own") permit (principal, action in Action::"inspect", resource);
@id("talk")
permit (
  principal in Group::"messaging",
  action == Action::"openStream",
  resource in ProtocolFamily::"/chat/"
)
when { context.peer in Tenant::"indexer" };
`

/** A world with two tenants and this policy, which is named on the command line of `ctl`. */
function worldWith (files: Readonly<Record<string, string>>): { world: World, dir: string, ctl: (...args: string[]) => ReturnType<World['ctl']> } {
  const world = new World()
  world.declare('chat', { groups: ['messaging'] })
  world.declare('indexer')
  const dir = world.path('policy')
  mkdirSync(dir)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text)
  return { world, dir, ctl: async (...args) => await world.ctl(...args, '--policy', dir) }
}

test('a policy directory that would be applied: how many policies, how many examples hold, and what may be a mistake', async t => {
  const { world, dir, ctl } = worldWith({ 'a.cedar': `${POLICY}permit (principal == Tenant::"chatt", action, resource);\n`, 'examples.yaml': '- allow: chat identify own\n- deny: sensor identify own\n' })
  await using _ = world
  const { code, stdout, stderr } = await ctl('policy', 'check')
  t.deepEqual({ code, stderr }, { code: 0, stderr: '' })
  const warnings = ['a.cedar:9: there is no tenant "chatt"; did you mean chat?', 'examples.yaml:2: not tried, because there is no tenant "sensor"']
  t.is(stdout, `${dir}: 3 policies, 1 example holds\n${warnings.map(warning => `warning: ${warning}\n`).join('')}`)
  t.deepEqual(JSON.parse((await ctl('policy', 'check', '--json')).stdout), { dir, policies: 3, examples: 1, warnings })
})

test('a directory that is named is checked instead', async t => {
  const { world, ctl } = worldWith({ 'a.cedar': 'permit (' })
  await using _ = world
  t.is((await ctl('policy', 'check', EVERYTHING_ALLOWED)).stdout, `${EVERYTHING_ALLOWED}: 1 policy, 0 examples hold\n`)
})

test('every fault is told at once, with exit code 2', async t => {
  const { world, dir, ctl } = worldWith({ 'a.cedar': `${POLICY}permit (principal, action, resource) when { context.nothing };`, 'b.cedar': 'permit (', 'examples.yaml': '- allow: chat fly own\n' })
  await using _ = world
  const { code, stdout, stderr } = await ctl('policy', 'check')
  t.deepEqual({ code, stdout }, { code: 2, stdout: '' })
  const lines = stderr.trimEnd().split('\n')
  t.deepEqual(lines.map(line => line.slice(0, line.indexOf(': '))), ['b.cedar:1', 'a.cedar:9', 'examples.yaml:1'].map(place => join(dir, place)))
  const { error } = JSON.parse((await ctl('policy', 'check', '--json')).stderr) as { error: { code: string, faults: Array<{ file: string }> } }
  t.is(error.code, 'ERR_CONFIG')
  t.deepEqual(error.faults.map(({ file }) => file), ['b.cedar:1', 'a.cedar:9', 'examples.yaml:1'].map(place => join(dir, place)))
})

test('a directory that is not there says what to do', async t => {
  await using world = new World('chat')
  const { code, stderr } = await world.ctl('policy', 'check', world.path('none'))
  t.is(code, 2)
  t.is(stderr, `${world.path('none')}: no such directory; make it, and put a policy into it: without one everything is denied\n`)
})

test('faults in manifests are told before examples are tried without them', async t => {
  const { world, ctl } = worldWith({ 'a.cedar': POLICY })
  await using _ = world
  writeFileSync(join(world.tenantsDir, 'bob.yaml'), 'name: bob\nlimit: {}\n')
  const { code, stderr } = await ctl('policy', 'check')
  t.is(code, 2)
  t.is(stderr, `${join(world.tenantsDir, 'bob.yaml')}: limit: unknown key; did you mean \`limits\`?\n`)
})

test('what is allowed shows who allows it, and where', async t => {
  const { world, ctl } = worldWith({ 'a.cedar': POLICY })
  await using _ = world
  const uid = process.geteuid?.() ?? 0
  const { code, stdout } = await ctl('policy', 'explain', 'chat', 'openStream', '/chat/1.0.0', '--context', 'peer=indexer', 'gid=5')
  t.is(code, 0)
  t.is(stdout, `allowed: chat openStream /chat/1.0.0
where: uid ${uid} (assumed), gid 5, peer indexer, relayed false (assumed), local true
by: talk

talk (a.cedar:2):
  @id("talk")
  permit (
    principal in Group::"messaging",
    action == Action::"openStream",
    resource in ProtocolFamily::"/chat/"
  )
  when { context.peer in Tenant::"indexer" };
`)
})

test('what is denied shows what it would take, and is no failure', async t => {
  const { world, ctl } = worldWith({ 'a.cedar': POLICY })
  await using _ = world
  const { code, stdout } = await ctl('policy', 'explain', 'chat', 'openStream', '/chat/1.0.0')
  t.is(code, 0)
  t.is(stdout.replace(/uid \d+/, 'uid N').replace(/gid \d+/, 'gid N'), `denied: chat openStream /chat/1.0.0
where: uid N (assumed), gid N (assumed), peer stranger (assumed), relayed false (assumed), local false
by: default deny: no policy permits it

talk (a.cedar:2) permits it only when { context.peer in Tenant::"indexer" }

The least that would permit it:
  permit (
    principal == Tenant::"chat",
    action == Action::"openStream",
    resource == Protocol::"/chat/1.0.0"
  );
`)
  const denied = await ctl('policy', 'explain', 'chat', 'dial', 'indexer', '--context', 'ip=fe80::1')
  t.is(denied.code, 0)
  t.regex(denied.stdout, /\nby: code: no policy can allow to dial fe80::1, it is link-local\n\nNothing in a policy can change that\.\n$/)
})

test('the same as JSON', async t => {
  const { world, dir, ctl } = worldWith({ 'a.cedar': `${POLICY}@id("no") forbid (principal, action == Action::"connect", resource in Tenant::"indexer");` })
  await using _ = world
  const { stdout } = await ctl('policy', 'explain', 'chat', 'connect', 'indexer', '--context', 'uid=none', '--json')
  t.deepEqual(JSON.parse(stdout), {
    policyDir: dir,
    allowed: false,
    policy: 'no',
    question: { tenant: 'chat', action: 'connect', resource: 'indexer' },
    facts: [{ name: 'uid', value: 'none', assumed: false }, { name: 'local', value: 'true', assumed: false }],
    deciding: [{ id: 'no', file: 'a.cedar', line: 9, effect: 'forbid', text: '@id("no") forbid (principal, action == Action::"connect", resource in Tenant::"indexer");' }],
    almost: []
  })
})

for (const [what, args, sentence] of [
  ['a tenant there is not', ['chta', 'identify', 'own'], /^argv: there is no tenant chta; there are: chat, indexer, daemon\n$/],
  ['an action there is not', ['chat', 'identfy', 'own'], /^argv: there is no action "identfy"; did you mean identify\?\n$/],
  ['a peer that is none', ['chat', 'connect', 'indxer'], /^argv: there is no tenant "indxer", and a peer ID it is not; did you mean indexer\?\n$/],
  ['what the action has not in its context', ['chat', 'identify', 'own', '--context', 'port=1'], /^argv: identify has no "port" in its context; there are: uid, gid\n$/],
  ['a context that is none', ['chat', 'identify', 'own', '--context', 'uid'], /argument 'uid' is invalid\. It must be NAME=VALUE\.\n$/]
] as const) {
  test(`${what}: one sentence, exit code 2`, async t => {
    const { world, ctl } = worldWith({ 'a.cedar': POLICY })
    await using _ = world
    const { code, stdout, stderr } = await ctl('policy', 'explain', ...args)
    t.deepEqual({ code, stdout }, { code: 2, stdout: '' })
    t.regex(stderr, sentence)
  })
}

test('while a daemon runs, its policy and its tenants\' peer IDs count, and another directory is another daemon\'s', async t => {
  const { world, ctl } = worldWith({ 'a.cedar': POLICY })
  await using _ = await world.serve()
  t.like(await world.json('policy', 'check'), { dir: EVERYTHING_ALLOWED, policies: 1 })
  const { peerId = '' } = (await world.json('key', 'list') as Array<{ name: string, peerId: string }>).find(({ name }) => name === 'indexer') ?? {}
  const { facts } = await world.json('policy', 'explain', 'chat', 'connect', peerId) as { facts: unknown[] }
  t.deepEqual(facts.at(-1), { name: 'local', value: 'true', assumed: false })
  const { code, stderr } = await ctl('policy', 'check')
  t.is(code, 2)
  t.regex(stderr, /^argv: --policy: p2pd runs in \S+ with \S+; leave the option out/)
})
