/** p2pctl bless, unbless, blessings and services, on a daemon that runs. */
import test from 'ava'
import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer, request, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Grant } from '../../src/blessing/grant.ts'
import type { BlessingRow } from '../../src/supervisor/blessings.ts'
import { World } from './world.ts'

const ID = /[0-9a-f]{32}/
const SEARCH = ['--action', 'provideService', 'openStream', '--resource', '/search/']

async function rowsOf (world: World): Promise<BlessingRow[]> {
  return await world.json('blessings') as BlessingRow[]
}

/** `chat openStream on /a/ (operator, standing)` */
function shown ({ tenant, actions, resources, source, state }: BlessingRow): string {
  return `${tenant} ${actions.join(' ')} on ${resources.join(' ')} (${source}, ${state})`
}

test('an operator blesses a tenant, sees it listed, and ends it', async t => {
  await using world = await new World('chat', 'indexer').serve()
  t.is((await world.ctl('blessings')).stdout, 'nobody is blessed: `p2pctl bless TENANT --action ACTION --resource RESOURCE` lets a tenant act in the daemon\'s name, where policies of both do (docs/BLESSED.md)\n')
  const { code, stdout, stderr } = await world.ctl('bless', 'indexer', ...SEARCH)
  t.deepEqual({ code, stderr }, { code: 0, stderr: '' })
  const socket = join(world.runDir, 'indexer', 'as-daemon.sock')
  const [row, ...others] = await rowsOf(world)
  t.like(row, { tenant: 'indexer', actions: ['provideService', 'openStream'], resources: ['/search/'], source: 'operator', state: 'standing', socket })
  t.deepEqual(others, [])
  t.is((row?.expires ?? 0) - (row?.notBefore ?? 0), 3_600)
  const ends = new Date((row?.expires ?? 0) * 1000).toISOString().replace('T', ' ').replace('.000Z', ' UTC')
  t.is(stdout.replace(/in (59 min|1 h)$/m, 'in an hour'), `blessed  indexer\nmay      provideService, openStream on /search/\nuntil    ${ends}, in an hour\nid       ${row?.id}\nsocket   ${socket}\n`)
  t.true(existsSync(socket))

  const given = await world.json('bless', 'chat', '--action', 'connect', '--action', 'listPeers', '--resource', '12D3KooWD4jcTQh3jA1tLtwNm1Yomp7vZZi5vYW68FWfEYKMg9Cv', '--resource', 'own', '--for', '24h') as Grant
  t.is(given.expires - given.notBefore, 86_400)
  const table = (await world.ctl('blessings')).stdout.trimEnd().split('\n').map(line => line.split(/ {2,}/))
  t.deepEqual(table.map(([tenant, may, on, , by, state]) => [tenant, may, on, by, state]), [
    ['TENANT', 'MAY', 'ON', 'BY', 'STATE'],
    ['chat', 'connect, listPeers', '12D3KooWD4jcTQh3jA1tLtwNm1Yomp7vZZi5vYW68FWfEYKMg9Cv, own', 'operator', 'standing'],
    ['indexer', 'provideService, openStream', '/search/', 'operator', 'standing']
  ])
  t.regex(table[1]?.[3] ?? '', /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, in (23 h|1 d)$/)
  t.deepEqual(table.slice(1).map(cells => cells.at(-1)), [given.id, row?.id])

  t.is((await world.ctl('unbless', 'indexer', '--id', row?.id ?? '')).stdout, `indexer may no longer provideService, openStream on /search/ (${row?.id})\n`)
  t.false(existsSync(socket))
  t.deepEqual((await world.json('unbless', 'chat') as Grant[]).map(({ id }) => id), [given.id])
  t.deepEqual(await rowsOf(world), [])
  const story = (await world.ctl('audit', '--tenant', 'indexer', '--json')).stdout.trimEnd().split('\n').map(line => JSON.parse(line) as { event: string, action: string, resource: string })
  t.deepEqual(story.filter(({ event }) => event === 'blessing').map(({ action, resource }) => `${action} ${resource}`), ['give', 'revoke'].map(action => `${action} provideService openStream on /search/`))
})

test('what cannot be is told with its mend, and nothing has changed', async t => {
  await using world = await new World('chat').serve()
  for (const [args, code, sentence] of [
    [['bless', 'bob', ...SEARCH], 2, 'p2pctl: there is no tenant bob: `p2pctl tenant list` shows those there are'],
    [['bless', 'chat', '--action', 'provideServices', '--resource', '/a'], 2, 'argv: --action: must be connect or disconnect or listPeers or openStream or provideService, found "provideServices"; did you mean provideService?'],
    [['bless', 'chat', '--action', 'connect', '--resource', '/a'], 2, 'argv: --action: is done on a peer ID, and there is none among the resources; add it there, or leave the action out, found "connect"'],
    [['unbless', 'chat'], 2, 'p2pctl: chat has no blessing that stands: `p2pctl blessings` lists those there are'],
    [['unbless', 'chat', '--id', 'x&id=y'], 2, 'p2pctl: chat has no blessing "x&id=y" that stands: `p2pctl blessings` lists those there are']
  ] as const) {
    const { code: ended, stdout, stderr } = await world.ctl(...args)
    t.deepEqual({ ended, stdout }, { ended: code, stdout: '' })
    t.is(stderr.split('\n')[0], sentence)
  }
  for (let i = 0; i < 16; i++) await world.json('bless', 'chat', '--action', 'openStream', '--resource', `/${i}`)
  const { code, stderr } = await world.ctl('bless', 'chat', ...SEARCH)
  t.is(code, 1)
  t.regex(stderr, /^p2pctl: chat has 16 blessings, and 16 is the most/)
  t.is((await rowsOf(world)).length, 16)
})

test('what the manifest says and an operator has ended stays so over reload, crash and restart, until the entry is changed', async t => {
  await using world = new World()
  const blessed = [{ actions: ['openStream'], resources: ['/a/'] }, { actions: ['provideService'], resources: ['/b/'], lifetime: '2h' }]
  world.declare('chat', { blessed })
  world.declare('indexer')
  await world.serve()
  await world.json('bless', 'indexer', ...SEARCH)
  const before = ['chat openStream on /a/ (manifest, standing)', 'chat provideService on /b/ (manifest, standing)', 'indexer provideService openStream on /search/ (operator, standing)']
  t.deepEqual((await rowsOf(world)).map(shown), before)
  const { stdout } = await world.ctl('unbless', 'chat', '--id', (await rowsOf(world))[0]?.id ?? '')
  t.is(stdout.replace(ID, 'ID'), `chat may no longer openStream on /a/ (ID)\nit is in ${world.tenantsDir}/chat.yaml, under \`blessed\`, and has no effect there from now on, over reloads and restarts too, until that entry says something else\n`)
  const after = async (): Promise<string[]> => (await rowsOf(world)).map(shown).sort()
  const wanted = ['chat openStream on /a/ (manifest, revoked)', ...before.slice(1)]
  t.deepEqual(await after(), wanted)
  await world.json('reload')
  t.deepEqual(await after(), wanted)
  await world.crash()
  await world.serve()
  t.deepEqual(await after(), wanted)
  await world.stop()
  await world.serve()
  t.deepEqual(await after(), wanted)
  world.declare('chat', { blessed: [{ ...blessed[0], lifetime: '30m' }] })
  t.like(await world.json('reload'), { same: ['chat', 'indexer'], changed: [] }, 'no host starts anew for that')
  t.deepEqual(await after(), ['chat openStream on /a/ (manifest, standing)', before[2]])
})

test('a store that is damaged is not taken for an empty one', async t => {
  await using world = await new World('chat').serve()
  await world.json('bless', 'chat', ...SEARCH)
  await world.stop()
  writeFileSync(join(world.stateDir, 'blessings.json'), '{"version":1')
  const error = await t.throwsAsync(world.serve())
  t.regex(error?.message ?? '', /blessings\.json: cannot be used \(.+\): move it away\. Then what operators gave is gone/)
})

test('the services are listed with the daemon’s peer ID, which status shows too', async t => {
  await using world = await new World('chat').serve()
  const { daemon } = await world.json('status') as { daemon: { name: string, peerId: string, state: string, socket: string } }
  t.like(daemon, { name: 'daemon', state: 'stopped', socket: join(world.runDir, 'daemon', 'p2pd.sock') })
  t.deepEqual(await world.json('services'), { daemon: daemon.peerId, services: [] })
  t.is((await world.ctl('services')).stdout, `daemon  ${daemon.peerId}\n\nnobody serves anything in its name: \`p2pctl bless TENANT --action provideService --resource /PROTOCOL/\` and policies of both (docs/BLESSED.md) let a tenant do so\n`)
  t.is((await world.ctl('tenant', 'restart', 'daemon')).stdout, 'daemon is stopped\n')
  const renewed = await world.json('key', 'renew', 'daemon') as { peerId: string }
  t.not(renewed.peerId, daemon.peerId)
  t.like(await world.json('services'), { daemon: renewed.peerId })
  t.regex((await world.ctl('key', 'export', 'daemon')).stderr, /^argv: NAME: is the daemon itself, whose key is not given out, found "daemon"\n$/)
  t.regex((await world.ctl('key', 'remove', 'daemon')).stderr, /^argv: NAME: is the daemon itself, .*`p2pctl key renew daemon` makes a new one/)
  t.regex((await world.ctl('tenant', 'remove', 'daemon')).stderr, /^argv: NAME: is a name of p2pd itself/)
})

test('the daemon’s own manifest is no tenant’s', async t => {
  await using world = new World('chat')
  world.declare('daemon', { groups: ['services'] })
  await world.serve()
  for (const _ of [1, 2]) {
    t.deepEqual((await world.json('tenant', 'list') as Array<{ name: string }>).map(({ name }) => name), ['chat'])
    await world.stop()
  }
  world.declare('daemon', { app: { uid: 0 } })
  const { code, stderr } = await world.ctl('tenant', 'list')
  t.is(code, 2)
  t.is(stderr, `${world.tenantsDir}/daemon.yaml: app: nobody can be the daemon's app; a program that is to act in its name is blessed, in its own tenant's manifest: blessed\n`)
})

test('the admin socket takes a blessing as JSON, and looks at it like at anything from outside', async t => {
  await using world = await new World('chat').serve()
  const ask = async (method: string, path: string, body?: string): Promise<{ status: number | undefined, answer: { code?: string, message?: string, id?: string } }> => {
    const call = request({ socketPath: join(world.runDir, 'admin.sock'), method, path })
    call.end(body)
    const [response] = await once(call, 'response') as [IncomingMessage]
    return { status: response.statusCode, answer: JSON.parse(await text(response)) as object }
  }
  const good = { actions: ['openStream'], resources: ['/a/'], seconds: 60 }
  for (const [path, body, code, message] of [
    ['chat', '', 'ERR_REQUEST', /^the body is no JSON: /],
    ['chat', '{', 'ERR_REQUEST', /^the body is no JSON: /],
    ['chat', 'null', 'ERR_CONFIG', /^request: is there without a value/],
    ['chat', JSON.stringify({ ...good, seconds: 86_401 }), 'ERR_CONFIG', /^request: seconds: must be at most 86400, found 86401$/],
    ['chat', JSON.stringify({ ...good, tenantId: 'victim' }), 'ERR_CONFIG', /^request: tenantId: unknown key/],
    ['chat', JSON.stringify({ ...good, resources: 'x'.repeat(65_536) }), 'ERR_REQUEST', /^the body is over 65536 bytes$/],
    ['daemon', JSON.stringify(good), 'ERR_REQUEST', /^NAME: is in whose name others act: name the tenant/],
    ['%2e%2e', JSON.stringify(good), 'ERR_REQUEST', /./],
    ['bob', JSON.stringify(good), 'ERR_REQUEST', /^there is no tenant bob/]
  ] as const) {
    const { status, answer } = await ask('POST', `/v1/blessings/${path}`, body)
    t.is(status, 422, body)
    t.is(answer.code, code)
    t.regex(answer.message ?? '', message)
  }
  t.deepEqual(await rowsOf(world), [])
  const { status, answer: { id } } = await ask('POST', '/v1/blessings/chat', JSON.stringify(good))
  t.is(status, 200)
  t.like(await ask('DELETE', '/v1/blessings/chat?id=none'), { status: 422, answer: { code: 'ERR_REQUEST' } })
  t.like(await ask('DELETE', `/v1/blessings/chat?id=${id}`), { status: 200 })
  t.deepEqual(await rowsOf(world), [])
})

test('a long list is cut, and nothing in an answer plays tricks on a terminal', async t => {
  await using world = new World()
  mkdirSync(world.runDir)
  const daemon = { version: '1', pid: 1, uid: 0, cgroups: '', policy: { directory: '/p', epoch: 1, policies: 1 }, tenantsDir: '/t', stateDir: '/s', runDir: '/r', tenants: [] }
  const grant = { id: 'i\u001b[2J', tenant: 'chat\u202e', tenantId: 'x', actions: ['openStream'], resources: ['/a\u0007', ...Array.from({ length: 63 }, (_, i) => `/${i}`)], epoch: 1, notBefore: 0, expires: 1, source: 'manifest', state: 'standing', socket: '/s' }
  const answers: Readonly<Record<string, unknown>> = {
    'GET /v1/daemon': daemon, 'GET /v1/blessings': [grant], 'DELETE /v1/blessings/chat': [grant, grant],
    'GET /v1/services': { services: [{ name: 'a\nb', proto: '/a\u009b', owner: 'c', callers: 3 }] }
  }
  const server = createServer(({ method, url }, response) => { response.end(JSON.stringify(answers[`${method} ${url}`])) })
  await once(server.listen(join(world.runDir, 'admin.sock')), 'listening')
  t.teardown(() => server.close())
  const ctl = async (...args: string[]): Promise<string> => (await world.startBare([...args, '--run', world.runDir]).finished()).stdout
  t.deepEqual((await ctl('blessings')).trimEnd().split('\n')[1]?.split(/ {2,}/), [
    'chat\\u202e', 'openStream', '/a\\u0007, /0, /1, /2, /3 and 59 more', '1970-01-01 00:00:01 UTC, over', 'manifest', 'standing', 'i\\u001b[2J'
  ])
  const line = 'chat may no longer openStream on /a\\u0007, /0, /1, /2, /3 and 59 more (i\\u001b[2J)\n'
  t.true((await ctl('unbless', 'chat')).startsWith(`${line}${line}2 of them are in /t/chat.yaml`))
  t.is(await ctl('services'), 'daemon  (damaged: see p2pctl status)\n\nSERVICE   PROTOCOL  BY  CALLERS\na\\u000ab  /a\\u009b  c   3\n')
})
