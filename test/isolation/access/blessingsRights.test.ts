/**
 * What it takes to act in the daemon's name: a blessing that stands, the app's policies and the daemon's. Each is taken away
 * or changed alone, in every way there is, and the act that was allowed is denied for that.
 */
import test from 'ava'
import { lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Grant } from '../../../src/blessing/grant.ts'
import { RequestType } from '../../../src/wire/messages.ts'
import { until } from '../../helpers/deadlines.ts'
import { message } from '../../helpers/protobuf.ts'
import { identify, request } from '../../helpers/requests.ts'
import type { Answer } from '../world.ts'
import { APP, BlessedScene, CALLER, OTHER } from './blessedScene.ts'
import { RemotePeer } from './remotePeer.ts'

const SERVED = '/search/1.0.0'
const ACCEPT = accept(SERVED)
const SCOPE = [['provideService'], ['/search/']] as const

/** Everybody may look at itself, in whoever's name. */
const LOOKS = `@id("looks") permit (principal, action in Action::"inspect", resource);
@id("looks-acting") permit (principal, action == Action::"actForDaemon", resource is Host);
`
const APPS = '@id("apps") permit (principal in Group::"servers", action == Action::"actForDaemon", resource in ProtocolFamily::"/search/") when { context.action == "provideService" };\n'
const DAEMONS = '@id("daemons") permit (principal == Tenant::"daemon", action == Action::"provideService", resource in ProtocolFamily::"/search/");\n'

const BY_APPS = /app's own policies do not allow it actForDaemon: `p2pctl policy explain app actForDaemon \S+ --context action=\w+` tells an operator what it would take$/
const BY_DAEMONS = /the daemon's own policies do not allow it: `p2pctl policy explain daemon \w+ \S+` tells an operator what it would take$/

/** What is changed, what the policies are then, who is said to have denied it, and what the log says of it. */
const POLICIES: ReadonlyArray<readonly [what: string, apps: string, daemons: string, error: RegExp, policy: string]> = [
  ['the app has no policy for it', '', DAEMONS, BY_APPS, 'app: default deny'],
  ['the app\'s policy is for another act', APPS.replace('"provideService"', '"openStream"'), DAEMONS, BY_APPS, 'app: default deny'],
  ['the app\'s policy is for other services', APPS.replace('"/search/"', '"/search/x/"'), DAEMONS, BY_APPS, 'app: default deny'],
  ['the app\'s policy is for another group', APPS.replace('"servers"', '"readers"'), DAEMONS, BY_APPS, 'app: default deny'],
  ['the app\'s policy is for another tenant', APPS.replace('in Group::"servers"', '== Tenant::"other"'), DAEMONS, BY_APPS, 'app: default deny'],
  ['the app\'s policy is for another user', APPS.replace('};', '&& context has caller && context.caller.uid == 41002 };'), DAEMONS, BY_APPS, 'app: default deny'],
  ['the app may provide the service, and not act for the daemon', APPS.replace('actForDaemon', 'provideService').replace(/ when \{.*\}/, ''), DAEMONS, BY_APPS, 'app: default deny'],
  ['the daemon may act for itself, and not the app', APPS.replace('in Group::"servers"', '== Tenant::"daemon"'), DAEMONS, BY_APPS, 'app: default deny'],
  ['a policy forbids it to the app', `${APPS}@id("never") forbid (principal == Tenant::"app", action == Action::"actForDaemon", resource in ProtocolFamily::"/search/");\n`, DAEMONS, BY_APPS, 'app: never'],
  ['a policy forbids acting for the daemon to everybody', `${APPS}@id("nobody") forbid (principal, action == Action::"actForDaemon", resource is Service);\n`, DAEMONS, BY_APPS, 'app: nobody'],
  ['the daemon has no policy for it', APPS, '', BY_DAEMONS, 'daemon: default deny'],
  ['the daemon\'s policy is for other services', APPS, DAEMONS.replace('/search/', '/other/'), BY_DAEMONS, 'daemon: default deny'],
  ['the daemon\'s policy is for another act', APPS, DAEMONS.replace('provideService', 'useService'), BY_DAEMONS, 'daemon: default deny'],
  ['the app may provide the service, and not the daemon', APPS, DAEMONS.replace('"daemon"', '"app"'), BY_DAEMONS, 'daemon: default deny'],
  ['a policy forbids it to the daemon', APPS, `${DAEMONS}@id("not-there") forbid (principal == Tenant::"daemon", action == Action::"provideService", resource == Service::"SERVED");\n`, BY_DAEMONS, 'daemon: not-there'],
  ['a policy forbids it to the daemon when this user acts', APPS, `${DAEMONS}@id("not-him") forbid (principal == Tenant::"daemon", action == Action::"provideService", resource) when { context has caller && context.caller.uid == ${APP} };\n`, BY_DAEMONS, 'daemon: not-him'],
  ['a policy forbids it to everybody', APPS, `${DAEMONS}@id("closed") forbid (principal, action == Action::"provideService", resource);\n`, BY_DAEMONS, 'daemon: closed']
]

const GROUPS = { tenants: { app: { uid: APP, groups: ['servers'] }, other: { uid: OTHER, groups: ['readers'] }, caller: { uid: CALLER } } }

function accept (protocol: string): Buffer {
  return request(RequestType.STREAM_ACCEPT, [RequestType.STREAM_ACCEPT, message([1, protocol])])
}

async function serve (scene: BlessedScene, protocol = SERVED): Promise<Answer> {
  return await scene.act('app', accept(protocol))
}

test.serial('threat 26: without the app\'s policy or without the daemon\'s, or with a forbid in either, what a blessing covers is denied, and the log names what denied it', async t => {
  await using scene = await BlessedScene.start({ ...GROUPS, policies: { 'looks.cedar': LOOKS, 'apps.cedar': APPS, 'daemons.cedar': DAEMONS } })
  const { world } = scene
  await scene.bless('app', ...SCOPE)
  t.is((await serve(scene)).error, '')
  for (const [i, [what, apps, daemons, error, policy]] of POLICIES.entries()) {
    // Another one each time: what is repeated is written once in ten seconds.
    const service = `/search/${i}.0.0`
    world.writePolicy('apps.cedar', apps)
    world.writePolicy('daemons.cedar', daemons.replaceAll('SERVED', service))
    await world.reload()
    const answer = await serve(scene, service)
    t.true(answer.error.startsWith(`provideService denied on Service ${service}: `), what)
    t.regex(answer.error, error, what)
    t.is((await scene.recorded('app', { event: 'denied', action: 'provideService', resource: `Service ${service}` })).policy, policy, what)
    t.deepEqual(await scene.services(), [])
  }
  world.writePolicy('apps.cedar', APPS)
  world.writePolicy('daemons.cedar', DAEMONS)
  await world.reload()
  t.is((await serve(scene)).error, '')
  world.declare('app', { ...GROUPS.tenants.app, groups: ['readers'] })
  await world.reload()
  t.regex((await serve(scene)).error, BY_APPS, 'another group in the manifest')
})

/** What is on disk while no daemon runs, changed as an operator could. */
function rewrite (scene: BlessedScene, change: (grant: Grant, nowSeconds: number) => Grant): void {
  const path = join(scene.world.stateDir, 'blessings.json')
  const state = JSON.parse(readFileSync(path, 'utf8')) as { grants: Grant[] }
  const now = Math.floor(Date.now() / 1000)
  writeFileSync(path, JSON.stringify({ ...state, grants: state.grants.map(grant => change(grant, now)) }))
}

const UNBLESSED = /^provideService denied on Service \/search\/1\.0\.0: (app has no blessing|no blessing of app covers it): /

test.serial('threat 26: a blessing that is over, or not yet, or no longer there is none: denied on the connection that used it, on a new one, and at as-daemon.sock', async t => {
  await using scene = await BlessedScene.start()
  const { world, programs: { app } } = scene
  await app.connect('kept', world.socketOf('app'))
  const isDenied = async (what: string): Promise<void> => {
    for (const { error } of [await serve(scene), ...await app.askOn('kept', scene.inName(identify()), scene.inName(ACCEPT))]) t.regex(error, /(app has no blessing|no blessing of app covers it)/, what)
    t.regex((await serve(scene)).error, UNBLESSED, what)
    t.regex((await app.askOne(world.socketOf('app'), request(RequestType.BLESSING))).error, /^no blessing of app stands: /, what)
    t.false(scene.hasSocket('app'), what)
    t.deepEqual(await scene.services(), [], what)
  }
  await isDenied('never given')
  await scene.bless('app', ...SCOPE)
  t.true(scene.hasSocket('app'))
  for (const { error } of await app.askOn('kept', scene.inName(identify()), request(RequestType.BLESSING))) t.is(error, '')
  t.is((await serve(scene)).error, '')
  await until('the end of that', async () => (await scene.services()).length === 0)
  await scene.unbless('app')
  await isDenied('taken back')
  await scene.bless('app', ...SCOPE)
  t.is((await serve(scene)).error, '')
  await until('the end of that', async () => (await scene.services()).length === 0)
  // Gone and back, with the same name and the same key.
  const peerId = await world.peerIdOf('app')
  world.undeclare('app')
  await world.reload()
  t.false(scene.hasSocket('app'))
  world.declare('app', { uid: APP })
  await world.reload()
  await app.connect('kept', world.socketOf('app'))
  t.is(await world.peerIdOf('app'), peerId)
  await isDenied('of the one that had this name before')
})

test.serial('threat 26: SIGKILL of the supervisor and of every host at once revives nothing that was taken back or that is over, and no clock on disk brings anything forward', async t => {
  await using scene = await BlessedScene.start()
  const { world } = scene
  await scene.bless('other', ...SCOPE)
  await scene.bless('app', ...SCOPE)
  t.is((await serve(scene)).error, '')
  await scene.unbless('app')
  const killed = world.pids
  for (const pid of killed.toReversed()) process.kill(pid, 'SIGKILL')
  await world.stop()
  await world.serve()
  t.regex((await serve(scene)).error, UNBLESSED)
  t.false(scene.hasSocket('app'))
  t.is((await scene.act('other', ACCEPT)).error, '', 'what stood stands')

  await scene.bless('app', ...SCOPE)
  for (const [what, change] of [
    ['over for a second', (grant: Grant, now: number) => ({ ...grant, notBefore: now - 60, expires: now - 1 })],
    ['from an hour from now on', (grant: Grant, now: number) => ({ ...grant, notBefore: now + 3_600, expires: now + 7_200 })],
    ['another tenant\'s of the same name', (grant: Grant) => ({ ...grant, tenantId: `${grant.tenantId}x` })]
  ] as const) {
    await world.stop()
    rewrite(scene, (grant, now) => grant.tenant === 'app' ? change(grant, now) : grant)
    await world.serve()
    t.regex((await serve(scene)).error, UNBLESSED, what)
    t.false(scene.hasSocket('app'), what)
    t.is((await scene.act('other', ACCEPT)).error, '', what)
    await scene.bless('app', ...SCOPE)
    t.is((await serve(scene)).error, '', 'a new one stands')
    await scene.unbless('app')
    await scene.bless('app', ...SCOPE)
  }
})

test.serial('threat 26: with a new key a tenant has none of the blessings that an operator gave to the one that had the old key, and what was signed for that one does not stand', async t => {
  const entry = { actions: ['provideService'], resources: ['/waits/'] }
  const declaring = { uid: APP, blessed: [entry] }
  await using scene = await BlessedScene.start({ tenants: { app: declaring, other: { uid: OTHER }, caller: { uid: CALLER } } })
  await using remote = await RemotePeer.start()
  const { world } = scene
  const given = await scene.bless('app', ...SCOPE)
  t.is((await serve(scene)).error, '')
  const addresses = await scene.addresses()
  const before = await world.ask<Grant[]>('GET', '/v1/blessings')
  const declared = before.find(({ source }) => source === 'manifest') ?? t.fail()
  for (const { id } of [given, declared]) t.true(await remote.stands(scene.daemonId, addresses, id))
  await scene.operator('POST', '/v1/keys/app/renew')
  t.regex((await serve(scene)).error, UNBLESSED)
  for (const { id } of [given, declared]) t.false(await remote.stands(scene.daemonId, addresses, id))
  const [renewed, ...more] = await world.ask<Grant[]>('GET', '/v1/blessings')
  t.like(renewed, { ...entry, tenant: 'app', source: 'manifest' }, 'what the manifest says it says of the new one')
  t.deepEqual(more, [])
  t.is((await serve(scene, '/waits/1')).error, '')
})

test.serial('threats 5, 8: as-daemon.sock cannot be made first by a user, and what root has left there is neither followed nor served', async t => {
  await using scene = await BlessedScene.start()
  const { world, programs: { app, other } } = scene
  const path = scene.asDaemonSocketOf('app')
  for (const program of [app, other]) {
    t.is((await program.attempt('fs.writeFileSync', path, '')).code, 'EACCES')
    t.is((await program.attempt('fs.symlinkSync', join(world.homeOf(APP), 'x'), path)).code, 'EACCES')
    t.is((await program.attempt('fs.mkdirSync', path)).code, 'EACCES')
  }
  const target = join(world.homeOf(APP), 'target')
  writeFileSync(target, 'as it was')
  for (const [what, plant] of [
    ['a file', () => { writeFileSync(path, 'as it was') }], ['a link', () => { symlinkSync(target, path) }], ['a directory', () => { mkdirSync(path) }]
  ] as const) {
    plant()
    const { mode } = lstatSync(path)
    // What is missing is one of two ways to use it, and in the log.
    await scene.bless('app', ...SCOPE)
    t.is(lstatSync(path).mode, mode, what)
    t.is((await serve(scene)).error, '', what)
    t.regex((await app.askOne(path, identify())).error, /ENOTSOCK|ECONNREFUSED|EACCES/, what)
    rmSync(path, { recursive: true })
    await world.reload()
    t.is((await app.askOne(path, identify())).error, '', what)
    t.regex((await other.askOne(path, identify())).error, /EACCES/, what)
    await until('the end of what was served', async () => (await scene.services()).length === 0)
    await scene.unbless('app')
    t.false(scene.hasSocket('app'), what)
  }
  t.is(readFileSync(target, 'utf8'), 'as it was')
})
