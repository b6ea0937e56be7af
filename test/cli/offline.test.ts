/** p2pctl while no daemon runs: on the manifests and the keystore themselves. */
import test from 'ava'
import { existsSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { World } from './world.ts'

const PEER_ID = /12D3KooW\w{44}/

test('without a daemon the commands that need one say which socket was tried and what starts one', async t => {
  await using world = new World('chat')
  for (const args of [['status'], ['reload'], ['tenant', 'restart', 'chat'], ['bless', 'chat', '--action', 'openStream', '--resource', '/a'], ['unbless', 'chat'], ['blessings'], ['services']]) {
    const { code, stdout, stderr } = await world.ctl(...args)
    t.is(code, 1)
    t.is(stdout, '')
    t.is(stderr, `p2pctl: no p2pd answers at ${world.runDir}/admin.sock: start one with \`p2pd serve\`, or name the --run directory of the one that runs\n`)
  }
  const { code, stderr } = await world.ctl('status', '--json')
  t.is(code, 1)
  const { error } = JSON.parse(stderr) as { error: { code: string, message: string } }
  t.is(error.code, 'ERR_UNAVAILABLE')
  t.true(error.message.includes(`${world.runDir}/admin.sock`))
})

test('a tenant is declared with what the options say, and is served at the next start', async t => {
  await using world = new World()
  const { code, stdout } = await world.ctl('tenant', 'add', 'chat', '--listen', '/ip4/127.0.0.1/tcp/0', '/ip6/::1/tcp/0', '--idle-stop', '90s', '--group', 'messaging', 'small')
  t.is(code, 0)
  const manifest = join(world.tenantsDir, 'chat.yaml')
  t.is(stdout, `${manifest} is written; chat is served when p2pd next starts: p2pd serve\n`)
  t.regex(readFileSync(manifest, 'utf8'), /listen: \[\/ip4\/127\.0\.0\.1\/tcp\/0, \/ip6\/::1\/tcp\/0\]\n[^]*\n {2}idleStop: 90s\n[^]*\ngroups: \[messaging, small\]/)
  t.deepEqual(await world.json('tenant', 'add', 'sensor', '--no-listen', '--start', 'always', '--user', String(process.geteuid?.())), { name: 'sensor', manifest: join(world.tenantsDir, 'sensor.yaml') })
  t.regex(readFileSync(join(world.tenantsDir, 'sensor.yaml'), 'utf8'), /\napp: \{ uid: \d+ \}\n[^]*listen: \[\]\n[^]*start: always\n/)
  t.deepEqual(await world.json('tenant', 'list'), ['chat', 'sensor'].map(name => ({ name, state: 'declared', socket: join(world.runDir, name, 'p2pd.sock') })))
})

test('a tenant that would not load is not declared, and every fault is told', async t => {
  await using world = new World('chat')
  const args = ['tenant', 'add', 'bob', '--listen', '/ip4/1.2.3.4/udp/5', '--idle-stop', '10', '--user', 'no such user']
  const { code, stdout, stderr } = await world.ctl(...args)
  t.is(code, 2)
  t.is(stdout, '')
  const file = join(world.tenantsDir, 'bob.yaml')
  t.deepEqual(stderr.trimEnd().split('\n').map(line => line.split(': ', 2)), [[file, 'host.listen[0]'], [file, 'host.idleStop'], [file, 'app.user']])
  const { error } = JSON.parse((await world.ctl(...args, '--json')).stderr) as { error: { code: string, faults: Array<{ file: string, path: string }> } }
  t.is(error.code, 'ERR_CONFIG')
  t.deepEqual(error.faults.map(({ path }) => path), ['host.listen[0]', 'host.idleStop', 'app.user'])
  t.deepEqual(readdirSync(world.tenantsDir), ['chat.yaml'])
  t.is((await world.ctl('tenant', 'add', 'chat')).code, 2)
})

test('faults in other manifests are told before anything is declared', async t => {
  await using world = new World('chat')
  writeFileSync(join(world.tenantsDir, 'bob.yaml'), 'name: bob\nlimit: {}\n')
  for (const args of [['tenant', 'add', 'carol'], ['tenant', 'list']]) {
    const { code, stderr } = await world.ctl(...args)
    t.is(code, 2)
    t.is(stderr, `${join(world.tenantsDir, 'bob.yaml')}: limit: unknown key; did you mean \`limits\`?\n`)
  }
  t.deepEqual(readdirSync(world.tenantsDir), ['bob.yaml', 'chat.yaml'])
  t.is((await world.ctl('tenant', 'remove', 'bob')).code, 0, 'the faulty one itself can be removed')
})

test('a directory without tenants is an empty list, with what to do about it', async t => {
  await using world = new World()
  t.is((await world.ctl('tenant', 'list')).stdout, `no tenants are declared in ${world.tenantsDir}: \`p2pctl tenant add NAME\` adds one\n`)
  rmSync(world.tenantsDir, { recursive: true })
  t.deepEqual(await world.json('tenant', 'list'), [])
})

test('looking makes no keystore', async t => {
  await using world = new World('chat')
  t.is((await world.ctl('key', 'list')).code, 0)
  t.is((await world.ctl('tenant', 'list')).code, 0)
  for (const args of [['export', 'chat'], ['renew', 'chat']]) {
    const { code, stderr } = await world.ctl('key', ...args)
    t.is(code, 1)
    t.is(stderr, `p2pctl: chat: has no identity, there is no keystore in ${world.stateDir}: name the --state directory of p2pd if it is another\n`)
  }
  t.is((await world.ctl('tenant', 'remove', 'chat')).code, 0)
  t.is((await world.ctl('key', 'remove', 'chat')).stdout, 'chat has no identity, so there was nothing to remove\n')
  t.false(existsSync(world.stateDir))
})

test('an identity goes out to a file and comes back as the same peer', async t => {
  await using source = new World('chat')
  await using target = new World('chat')
  await source.serve()
  await source.stop()
  const [{ peerId }] = await source.json('key', 'list') as [{ peerId: string }]
  const file = target.path('chat.key')
  t.deepEqual(await source.json('key', 'export', 'chat', file), { name: 'chat', file })
  t.is(statSync(file).mode & 0o777, 0o600)

  t.is((await target.ctl('key', 'import', 'chat', file)).stdout, `chat has peer ID ${peerId}, Ed25519\n`)
  const [tenant] = await target.json('tenant', 'list') as [{ peerId: string }]
  t.is(tenant.peerId, peerId)
  await target.serve()
  const { tenants: [served] } = await target.json('status') as { tenants: [{ peerId: string }] }
  t.is(served.peerId, peerId)
})

test('a key is piped out and in, and never takes a file’s place unasked', async t => {
  await using world = new World('chat')
  const made = world.start(['key', 'import', 'chat', '-'])
  made.stdin.end(await anyKey())
  const { code, stdout } = await made.finished()
  t.is(code, 0)
  const [peerId = ''] = PEER_ID.exec(stdout) ?? []

  const exported = world.start(['key', 'export', 'chat'])
  const key = await exported.bytes()
  t.is(await exported.code(), 0)
  writeFileSync(world.path('precious'), 'precious')
  symlinkSync(world.path('precious'), world.path('link'))
  for (const file of ['precious', 'link'].map(name => world.path(name))) {
    const refusal = await world.ctl('key', 'export', 'chat', file)
    t.is(refusal.code, 1)
    t.is(refusal.stderr, `p2pctl: ${file} is there already: name another file, or replace it with --force\n`)
  }
  t.is((await world.ctl('key', 'export', 'chat', world.path('link'), '--force')).code, 0)
  t.is(readFileSync(world.path('precious'), 'utf8'), 'precious', 'the link was replaced, not followed')
  t.deepEqual(readFileSync(world.path('link')), key)

  const { before, peerId: renewed } = await world.json('key', 'renew', 'chat') as { before: string, peerId: string }
  t.is(before, peerId)
  t.not(renewed, peerId)
  const refused = await world.ctl('key', 'import', 'chat', world.path('link'))
  t.is(refused.code, 1)
  t.regex(refused.stderr, /--replace/)
  t.is((await world.json('key', 'import', 'chat', world.path('link'), '--replace') as { peerId: string }).peerId, peerId)
})

test('what is no key is refused with what it is, and nothing is kept', async t => {
  await using world = new World()
  writeFileSync(world.path('key.pem'), '-----BEGIN PRIVATE KEY-----\n')
  const { code, stderr } = await world.ctl('key', 'import', 'chat', world.path('key.pem'))
  t.is(code, 1)
  t.regex(stderr, /^p2pctl: chat: this is PEM text, wanted the libp2p PrivateKey protobuf/)
  const endless = world.start(['key', 'import', 'chat', '-'])
  endless.stdin.write(Buffer.alloc(64 * 1024))
  t.is(await endless.code(), 1)
  t.regex(endless.stderr, /holds more than 16384 bytes/)
  t.regex((await world.ctl('key', 'import', 'chat', world.path('nowhere'))).stderr, /nowhere: cannot be read: ENOENT/)
  t.deepEqual(await world.json('key', 'list'), [])
})

test('a removed tenant’s identity is kept until it is forgotten', async t => {
  await using world = new World('chat', 'bob')
  await world.serve()
  await world.stop()
  const identities = await world.json('key', 'list') as Array<{ name: string, peerId: string }>
  const peerId = identities.find(({ name }) => name === 'chat')?.peerId ?? ''
  const declared = await world.ctl('key', 'remove', 'chat')
  t.is(declared.code, 2)
  t.regex(declared.stderr, /chat is a tenant still: remove it first/)
  t.is((await world.ctl('tenant', 'remove', 'chat')).stdout, `chat is removed\nits identity (${peerId}) is kept: \`p2pctl tenant add chat\` brings it back, \`p2pctl key remove chat\` forgets it\n`)
  await world.json('tenant', 'add', 'chat')
  t.is((await world.json('tenant', 'list') as Array<{ name: string, peerId: string }>).find(({ name }) => name === 'chat')?.peerId, peerId)
  await world.json('tenant', 'remove', 'chat')
  t.deepEqual(await world.json('key', 'remove', 'chat'), { name: 'chat', peerId, removed: true })
  t.regex((await world.ctl('tenant', 'remove', 'bob', '--forget-key')).stdout, /^bob is removed\nits identity \(12D3\w+\) is forgotten: a later bob gets another one\n$/)
  t.deepEqual((await world.json('key', 'list') as Array<{ name: string }>).map(({ name }) => name), ['daemon'], 'the daemon’s own')
  t.is((await world.ctl('tenant', 'remove', 'bob')).code, 2, 'there is no such tenant')
})

test('a keystore under a passphrase needs it, and hides no tenant without it', async t => {
  await using world = new World('chat')
  writeFileSync(world.path('passphrase'), 'correct horse battery staple\n', { mode: 0o600 })
  writeFileSync(world.path('key'), await anyKey())
  const withPassphrase = ['--passphrase-file', world.path('passphrase')]
  const { peerId } = await world.json('key', 'import', 'chat', world.path('key'), ...withPassphrase) as { peerId: string }
  const closed = await world.ctl('key', 'list')
  t.is(closed.code, 1)
  t.regex(closed.stderr, /is sealed under a passphrase: name the file that holds it/)
  const { code, stdout, stderr } = await world.ctl('tenant', 'list')
  t.is(code, 0)
  t.regex(stdout, /^chat +declared/m)
  t.regex(stderr, /^peer IDs are not shown: .* is sealed under a passphrase/)
  t.is((await world.ctl('tenant', 'remove', 'chat', '--forget-key')).code, 1)
  t.true(existsSync(join(world.tenantsDir, 'chat.yaml')), 'what cannot be done whole is not begun')
  t.is((await world.json('tenant', 'list', ...withPassphrase) as [{ peerId: string }])[0].peerId, peerId)
})

test('an identity that lost its key is on the lists, with its mend', async t => {
  await using world = new World('chat')
  writeFileSync(world.path('key'), await anyKey())
  const { peerId } = await world.json('key', 'import', 'chat', world.path('key')) as { peerId: string }
  rmSync(join(world.stateDir, 'keystore'), { recursive: true })
  const [identity] = await world.json('key', 'list') as [{ peerId: string, fault: string }]
  t.is(identity.peerId, peerId)
  t.regex(identity.fault, /its key is missing from the keystore.*p2pctl key import chat FILE/)
  t.regex((await world.ctl('tenant', 'list')).stdout, new RegExp(`^chat +${peerId} +declared[^]*\n\nchat: its key is missing`, 'm'))
  t.is((await world.ctl('key', 'import', 'chat', world.path('key'))).code, 0, 'its own key mends it')
})

async function anyKey (): Promise<Uint8Array> {
  const { generateKeyPair, privateKeyToProtobuf } = await import('@libp2p/crypto/keys')
  return privateKeyToProtobuf(await generateKeyPair('Ed25519'))
}
