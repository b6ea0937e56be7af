/** p2pctl asking a daemon that runs. */
import test from 'ava'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { P2pdClient } from '../../src/client/index.ts'
import { until } from '../helpers/deadlines.ts'
import { World } from './world.ts'

interface Tenant { name: string, state: string, peerId: string, socket: string, pid?: number, reason?: string }

async function statusOf (world: World, name: string): Promise<Tenant> {
  const { tenants } = await world.json('status') as { tenants: Tenant[] }
  const tenant = tenants.find(row => row.name === name)
  if (tenant === undefined) throw new Error(`no tenant ${name}`)
  return tenant
}

async function peerIdAt (world: World, name: string): Promise<string> {
  await using client = new P2pdClient({ path: join(world.runDir, name, 'p2pd.sock') })
  return (await client.identify()).peerId
}

test('status shows the daemon, its directories, and each tenant with what it uses', async t => {
  await using world = new World('chat')
  world.declare('sensor', { host: { listen: [], start: 'always' } })
  await world.serve()
  const raw = await until('sensor runs', async () => {
    const answer = await world.json('status') as { pid: number, tenants: Tenant[] }
    return answer.tenants.every(({ name, state }) => name !== 'sensor' || state === 'running') && answer
  })
  t.like(raw, { version: '0.1.0', uid: process.geteuid?.(), tenantsDir: world.tenantsDir, stateDir: world.stateDir, runDir: world.runDir })
  const { code, stdout, stderr } = await world.ctl('status')
  t.is(code, 0)
  t.is(stderr, '')
  t.regex(stdout, new RegExp(`^p2pd +0\\.1\\.0, pid ${raw.pid}, uid \\d+\nisolation +L\\d .+\ncgroups +.+\npolicy +.+\ntenants +${world.tenantsDir}\nstate +${world.stateDir}\nsockets +${world.runDir}\n\nTENANT +PEER ID +STATE +LEVEL +PID +CONNECTIONS +STREAMS +HANDLERS +CONTROL +MEMORY\n`))
  t.regex(stdout, /^daemon +12D3KooW\w{44} +stopped\nchat +12D3KooW\w{44} +stopped +L\d$/m)
  t.regex(stdout, /^sensor +12D3KooW\w{44} +running +L\d +\d+ +0 +0 +0 +0 +\d+\.\d MiB$/m)
})

test('status says why a tenant is not well, and so does the list', async t => {
  await using world = new World('chat')
  await world.serve()
  const { peerId } = await statusOf(world, 'chat')
  await world.stop()
  rmSync(join(world.stateDir, 'keystore'), { recursive: true })
  await world.serve()
  const { state, reason = '' } = await statusOf(world, 'chat')
  t.is(state, 'failed')
  t.true(reason.includes(peerId))
  const { stdout } = await world.ctl('status')
  t.regex(stdout, /^chat +\(damaged\) +failed +L\d$/m)
  t.true(stdout.includes(`\nchat is failed: ${reason}\n`))
  t.true((await world.ctl('tenant', 'list')).stdout.endsWith(`\n\n${reason}\n`))
})

test('text from outside cannot play tricks on a terminal', async t => {
  await using world = new World()
  mkdirSync(world.runDir)
  const tenant = { name: 'chat', socket: '/s', state: 'failed', addresses: [], crashes: 0, isolation: { level: 'L0', why: '' }, reason: 'a\u001b[2Jb\nc\u202e' }
  const server = createServer((_, response) => {
    response.end(JSON.stringify({ version: '1', pid: 1, uid: 0, isolation: { level: 'L0', why: '' }, cgroups: 'none', policy: { directory: '/p\u0007', epoch: 3, policies: 1 }, tenantsDir: '/t', stateDir: '/s', runDir: '/r', tenants: [tenant] }))
  })
  await once(server.listen(join(world.runDir, 'admin.sock')), 'listening')
  t.teardown(() => server.close())
  const { stdout } = await world.startBare(['status', '--run', world.runDir]).finished()
  t.true(stdout.includes('chat is failed: a\\u001b[2Jb\\u000ac\\u202e\n'))
  t.regex(stdout, /^policy +epoch 3, 1 policy in \/p\\u0007$/m)
})

test('a tenant that is added is served at once, and one that is removed no longer', async t => {
  await using world = new World('chat')
  await world.serve()
  const { code, stdout } = await world.ctl('tenant', 'add', 'bob', '--listen', '/ip4/127.0.0.1/tcp/0')
  t.is(code, 0)
  const { peerId, socket } = await statusOf(world, 'bob')
  t.is(stdout, `tenant    bob\npeer ID   ${peerId}\nsocket    ${socket}\nmanifest  ${world.tenantsDir}/bob.yaml\n`)
  t.is(await peerIdAt(world, 'bob'), peerId)

  t.regex((await world.ctl('tenant', 'restart', 'bob')).stdout, /^bob is (starting|running)\n$/)
  t.is(await peerIdAt(world, 'bob'), peerId)
  const unknown = await world.ctl('tenant', 'restart', 'carol')
  t.is(unknown.code, 2)
  t.regex(unknown.stderr, /^p2pctl: there is no tenant carol/)

  t.deepEqual(await world.json('tenant', 'remove', 'bob'), { name: 'bob', manifest: `${world.tenantsDir}/bob.yaml`, peerId, keyForgotten: false })
  t.false(existsSync(socket))
  t.like(await world.json('tenant', 'add', 'bob'), { peerId })
  await world.json('tenant', 'remove', 'bob', '--forget-key')
  t.deepEqual((await world.json('key', 'list') as Tenant[]).map(({ name }) => name), ['chat', 'daemon'])

  await world.json('tenant', 'remove', 'chat')
  t.deepEqual(readdirSync(world.tenantsDir), [])
  t.like(await world.json('status'), { tenants: [] })
})

test('reload tells what changed, and the list what a reload would change', async t => {
  await using world = new World('chat', 'bob')
  await world.serve()
  t.is((await world.ctl('reload')).stdout, 'nothing has changed for any of the 2 tenants\npolicy epoch 1: 1 policy\n')
  world.declare('carol')
  world.declare('chat', { groups: ['messaging'] })
  rmSync(join(world.tenantsDir, 'bob.yaml'))
  const { stdout } = await world.ctl('tenant', 'list')
  t.regex(stdout, /^carol +declared +\S+\/carol\/p2pd\.sock\n/m)
  t.regex(stdout, /\n\nbob is declared no longer, and served until `p2pctl reload`\ncarol is served after `p2pctl reload`\n$/)
  t.is((await world.ctl('reload')).stdout, 'added: carol\nremoved: bob\nchanged: chat\npolicy epoch 2: 1 policy\n')
  t.deepEqual(await world.json('reload'), { added: [], removed: [], changed: [], same: ['carol', 'chat'], epoch: 2, policies: 1 })
})

test('a directory with faults is not applied: each is told, with exit code 2, and everything stays', async t => {
  await using world = new World('chat')
  await world.serve()
  writeFileSync(join(world.tenantsDir, 'bob.yaml'), 'name: bob\nlimits: { streams: 0 }\n')
  writeFileSync(join(world.tenantsDir, 'carol.yml'), 'name: carol\n')
  const lines = [
    `${world.tenantsDir}/bob.yaml: limits.streams: must be at least 1, found 0`,
    `${world.tenantsDir}/carol.yml: is not read; rename it to carol.yaml`
  ]
  // An addition or removal could not be applied either.
  for (const args of [['reload'], ['tenant', 'add', 'dora'], ['tenant', 'remove', 'chat']]) {
    const { code, stdout, stderr } = await world.ctl(...args)
    t.is(code, 2)
    t.is(stdout, '')
    t.deepEqual(stderr.trimEnd().split('\n'), lines)
  }
  t.deepEqual(readdirSync(world.tenantsDir), ['bob.yaml', 'carol.yml', 'chat.yaml'])
  const { error: { faults } } = JSON.parse((await world.ctl('reload', '--json')).stderr) as { error: { faults: Array<{ file: string, path: string, what: string }> } }
  t.deepEqual(faults.map(fault => Object.values(fault).filter(part => part !== '').join(': ')), lines)
  t.is((await statusOf(world, 'chat')).state, 'stopped')
})

test('keys are handled through the daemon, whose tenant is another peer at once', async t => {
  await using world = new World('chat')
  await world.serve()
  const before = await peerIdAt(world, 'chat')
  const file = world.path('chat.key')
  t.is((await world.ctl('key', 'export', 'chat', file)).code, 0)
  const renewed = await world.ctl('key', 'renew', 'chat')
  const after = await peerIdAt(world, 'chat')
  t.is(renewed.stdout, `chat has peer ID ${after} now; ${before} is gone\n`)
  t.not(after, before)
  t.is((await world.ctl('key', 'import', 'chat', file)).code, 1, 'only with --replace')
  t.is((await world.ctl('key', 'import', 'chat', file, '--replace')).stdout, `chat has peer ID ${before}, Ed25519\n`)
  t.is(await peerIdAt(world, 'chat'), before)
  t.regex((await world.ctl('key', 'list')).stdout, new RegExp(`^NAME +PEER ID +TYPE +CREATED +STATE\nchat +${before} +Ed25519 +\\S+ +whole\ndaemon +12D3KooW\\w{44} +Ed25519 +\\S+ +whole\n$`))
  t.is((await world.ctl('key', 'remove', 'chat')).code, 2)
  t.is((await world.ctl('key', 'export', 'bob', world.path('bob.key'))).code, 1)
  t.false(existsSync(world.path('bob.key')))
})

test('a daemon’s own directories count, and others on the command line are refused', async t => {
  await using world = new World('chat')
  await world.serve()
  t.is((await world.startBare(['--run', world.runDir, 'tenant', 'add', 'bob']).finished()).code, 0)
  t.true(existsSync(join(world.tenantsDir, 'bob.yaml')))
  mkdirSync(world.path('other'))
  const args = ['--run', world.runDir, '--tenants', world.path('other'), '--state', world.path('other')]
  for (const command of [['tenant', 'add', 'carol'], ['key', 'renew', 'chat'], ['status']]) {
    const { code, stderr } = await world.startBare([...args, ...command]).finished()
    t.is(code, 2)
    t.deepEqual(stderr.split('\n').map(line => line.split(': ', 2).join(': ')), ['argv: --tenants', 'argv: --state', ''])
    t.true(stderr.includes(`p2pd runs in ${world.runDir} with ${world.tenantsDir}`))
  }
  t.deepEqual(readdirSync(world.path('other')), [])
})
