/**
 * An act in the daemon's name that is allowed, and the same act with one thing about it changed: who asks and where, what is
 * to be done, on what, in whose name, at which address. Each is denied for its own reason, does nothing, and is in the log.
 */
import test, { type ExecutionContext } from 'ava'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { createHash } from 'node:crypto'
import type { AuditLine } from '../../../src/audit.ts'
import { safeText } from '../../../src/log.ts'
import { RequestType } from '../../../src/wire/messages.ts'
import { socketBytes, unix, unknownPeer } from '../../helpers/addresses.ts'
import { message } from '../../helpers/protobuf.ts'
import { TYPE, connect, disconnect, identify, listPeers, removeStreamHandler, request, streamHandler, streamOpen } from '../../helpers/requests.ts'
import type { Answer } from '../world.ts'
import { APP, BlessedScene, CALLER, OTHER } from './blessedScene.ts'
import { RemotePeer } from './remotePeer.ts'

const STRANGER = 41009
/** What the app may serve, by its whole name, and what it may open, by what it begins with. */
const SERVED = '/search/1.0.0'
const OPENED = '/out/1'

interface Stage extends BlessedScene { readonly remote: RemotePeer, readonly handler: Uint8Array, readonly strangers: string[] }

interface Mutation {
  readonly what: string
  readonly ask: (stage: Stage) => Promise<Answer>
  readonly error: RegExp
  /** Of what was asked of policy there. */
  readonly line?: Partial<AuditLine>
}

const accept = (...protos: string[]): Buffer => request(RequestType.STREAM_ACCEPT, [RequestType.STREAM_ACCEPT, message(...protos.map(proto => [1, proto] as const))])
const serve = ({ handler }: Stage, ...protos: string[]): Buffer => streamHandler(handler, protos)
const open = ({ remote }: Stage, ...protos: string[]): Buffer => streamOpen(remote.id, protos, 5)

/** By what the daemon's own policy calls it. */
function unblessed (action: string, resource: string, actor = 'app'): Pick<Mutation, 'error' | 'line'> {
  return {
    error: new RegExp(`^${action} denied on ${escaped(safeText(resource))}: (no blessing of ${actor} covers it|${actor} has no blessing): an operator gives one with`),
    line: { event: 'denied', actor, action, resource, policy: 'no blessing' }
  }
}

function escaped (text: string): string { return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&') }

/** Beside, above and below it, and what reads like it. */
const OTHER_SERVICES = [
  '/search/1.0.1', '/search/1.0', '/search/1.0.0/', '/search/1.0.0/x', '/search/', '/search', '/', '/Search/1.0.0', '/search/1.0.0 ', ' /search/1.0.0', 'search/1.0.0',
  '//search/1.0.0', '/search//1.0.0', '/search/./1.0.0', '/x/../search/1.0.0', '/search/1.0.0/../1.0.0', '/search%2F1.0.0', '\\search\\1.0.0', '/ｓearch/1.0.0', '/search/1․0․0',
  '/ѕearch/1.0.0', '/search/1.0.0\u0301', '*', 'own', '/search/*', '/se'
]
const OTHER_OPENED = ['/out', '/outer/1', '/Out/1', '/ou/t', 'out/1', '//out/1', '/out\\1', '/./out/1', '/x/../out/1', '/ｏut/1', '/', '*']
/** Refused before anything is asked. */
const NO_NAMES = [`${SERVED}\0`, `${SERVED}\n`, `\u200b${SERVED}`, `/search\u202e/1.0.0`, '']

const WHO: Mutation[] = [
  { what: 'a tenant that is not blessed', ask: async stage => await stage.act('caller', serve(stage, SERVED)), ...unblessed('provideService', `Service ${SERVED}`, 'caller') },
  { what: 'a tenant that is blessed for something else', ask: async stage => await stage.act('other', serve(stage, SERVED)), ...unblessed('provideService', `Service ${SERVED}`, 'other') },
  { what: 'a tenant that is not blessed, at the front desk', ask: async stage => await stage.programs.caller.askOne(stage.world.frontDesk, stage.inName(accept(SERVED))), ...unblessed('provideService', `Service ${SERVED}`, 'caller') },
  { what: 'a tenant that is not blessed, and a stream', ask: async stage => await stage.act('caller', open(stage, OPENED)), ...unblessed('openStream', `Protocol ${OPENED}`, 'caller') },
  { what: 'a tenant that is blessed for something else, and a stream', ask: async stage => await stage.act('other', open(stage, OPENED)), ...unblessed('openStream', `Protocol ${OPENED}`, 'other') },
  { what: 'another user at the app\'s socket', ask: async stage => await stage.programs.other.askOne(stage.world.socketOf('app'), stage.inName(serve(stage, SERVED))), error: /EACCES/ },
  { what: 'another user at the app\'s as-daemon.sock', ask: async stage => await stage.programs.other.askOne(stage.asDaemonSocketOf('app'), serve(stage, SERVED)), error: /EACCES/ },
  { what: 'an unblessed user at the app\'s as-daemon.sock', ask: async stage => await stage.programs.caller.askOne(stage.asDaemonSocketOf('app'), identify()), error: /EACCES/ },
  { what: 'the app at another\'s as-daemon.sock', ask: async stage => await stage.programs.app.askOne(stage.asDaemonSocketOf('other'), serve(stage, SERVED)), error: /EACCES/ },
  { what: 'the app at the daemon\'s own socket', ask: async stage => await stage.programs.app.askOne(join(stage.world.runDir, 'daemon', 'p2pd.sock'), serve(stage, SERVED)), error: /EACCES/ },
  { what: 'the app at an as-daemon.sock of a tenant without a blessing', ask: async stage => await stage.programs.app.askOne(stage.asDaemonSocketOf('caller'), serve(stage, SERVED)), error: /ENOENT/ }
]

const ACTIONS: Mutation[] = [
  acting('openStream instead of provideService', stage => open(stage, SERVED), 'openStream', `Protocol ${SERVED}`),
  acting('provideService instead of openStream, at an address', stage => serve(stage, OPENED), 'provideService', `Service ${OPENED}`),
  acting('provideService instead of openStream, waiting', () => accept(OPENED), 'provideService', `Service ${OPENED}`),
  acting('taking back what was never its own to give', ({ handler }) => removeStreamHandler(handler, OPENED), 'provideService', `Service ${OPENED}`),
  acting('listPeers', () => listPeers(), 'listPeers', 'Host own'),
  { what: 'disconnect instead of connect', ask: async stage => await stage.act('app', disconnect(stage.remote.id)), error: /^disconnect denied on Peer 12D3KooW\w+: no blessing of app covers it/, line: { event: 'denied', actor: 'app', action: 'disconnect' } },
  { what: 'connect to another peer', ask: async stage => await stage.act('app', connect(unknownPeer(), [], 2)), error: /^connect denied on Peer 12D3KooW\w+: no blessing of app covers it/, line: { event: 'denied', actor: 'app', action: 'connect' } },
  { what: 'the DHT', ask: async stage => await stage.act('app', request(TYPE.DHT, [5, message([1, 5], [4, 'key'])])), error: /^the DHT is not available in the daemon's name/ },
  { what: 'tagging peers', ask: async stage => await stage.act('app', request(TYPE.CONNMANAGER, [6, message([1, 0], [2, stage.remote.id], [3, 't'], [4, 1])])), error: /^the connection manager is not available/ },
  { what: 'pubsub', ask: async stage => await stage.act('app', request(TYPE.PUBSUB, [8, message([1, 0])])), error: /^pubsub is not available/ },
  { what: 'a request nobody knows', ask: async stage => await stage.act('app', request(199)), error: /^unknown request type 199/ }
]

const RESOURCES: Mutation[] = [
  ...OTHER_SERVICES.map(proto => acting(`a service called ${JSON.stringify(proto)}, at an address`, stage => serve(stage, proto), 'provideService', `Service ${proto}`)),
  ...OTHER_OPENED.map(proto => acting(`a stream on ${JSON.stringify(proto)}`, stage => open(stage, proto), 'openStream', `Protocol ${proto}`)),
  acting('a service beside the one it may serve, in one request', stage => serve(stage, SERVED, '/search/2.0.0'), 'provideService', 'Service /search/2.0.0'),
  acting('waiting for a service beside the one it may serve, in one request', () => accept(SERVED, '/search/3.0.0'), 'provideService', 'Service /search/3.0.0'),
  acting('a stream on another protocol beside the one it may open', stage => open(stage, OPENED, '/in/1'), 'openStream', 'Protocol /in/1'),
  ...NO_NAMES.map((proto): Mutation => ({ what: `a service called ${JSON.stringify(proto)}`, ask: async stage => await stage.act('app', serve(stage, proto)), error: /^proto: (.* holds characters that cannot be printed|a protocol id has 1 to 256 bytes, found 0)/ })),
  { what: 'a service called by what is no text', ask: async stage => await stage.act('app', streamHandler(stage.handler, Buffer.from([...Buffer.from(SERVED), 0xff]))), error: /^proto: .* holds characters that cannot be printed/ },
  { what: 'the daemon itself at the other end', ask: async stage => await stage.act('app', streamOpen(stage.daemon, OPENED, 5)), error: /is this host itself/ }
]

const NAMES: ReadonlyArray<readonly [what: string, name: (stage: Stage) => Promise<Uint8Array> | Uint8Array, error: RegExp]> = [
  ['another peer', () => unknownPeer(), /^onBehalfOf: \w+ is not this daemon, whose peer ID is 12D3/],
  ['another tenant', async ({ world }) => await world.peerBytesOf('other'), /^onBehalfOf: \w+ is not this daemon/],
  ['the app itself', async ({ world }) => await world.peerBytesOf('app'), /^onBehalfOf: \w+ is not this daemon/],
  ['nobody', () => new Uint8Array(), /^0x is no peer ID/],
  ['what is no peer ID', () => Buffer.from('daemon'), /is no peer ID/],
  ['the daemon as text', ({ daemonId }) => Buffer.from(daemonId), /is no peer ID/],
  ['the daemon without its last byte', ({ daemon }) => daemon.subarray(0, -1), /is no peer ID/],
  ['the daemon with a byte behind it', ({ daemon }) => Buffer.concat([daemon, Buffer.alloc(1)]), /is no peer ID/],
  ['the daemon twice over', ({ daemon }) => Buffer.concat([daemon, daemon]), /is no peer ID/],
  ['the daemon as the SHA-256 of its key', ({ daemon }) => Buffer.concat([Buffer.from([0x12, 0x20]), createHash('sha256').update(daemon.subarray(2)).digest()]), /^onBehalfOf: Qm\w+ is not this daemon/],
  ['the daemon with one bit the other way', ({ daemon }) => Buffer.from(daemon).fill((daemon[20] ?? 0) ^ 1, 20, 21), /^onBehalfOf: \w+ is not this daemon/]
]

const ADDRESSES: Mutation[] = [
  ...['admin.sock', 'p2pd.sock', 'app/p2pd.sock', 'app/as-daemon.sock', 'other/as-daemon.sock', 'daemon/p2pd.sock', 'app/../admin.sock'].map(path => ({
    what: `a handler at the daemon's ${path}`, ask: async (stage: Stage) => await stage.act('app', streamHandler(unix(join(stage.world.runDir, path)), SERVED)), error: /^provideService denied: .* it is one of the daemon's own sockets/
  })),
  { what: 'a handler at the daemon\'s own port', ask: async stage => await stage.act('app', streamHandler(socketBytes({ host: '127.0.0.1', port: portOf((await stage.host()).figures) }), SERVED)), error: /^provideService denied: .* it is one of the daemon's own ports/ },
  { what: 'a handler on another machine', ask: async stage => await stage.act('app', streamHandler(socketBytes({ host: '10.0.0.1', port: 5432 }), SERVED)), error: /^provideService denied: .* only loopback TCP addresses/ },
  { what: 'a handler at a port of the system\'s', ask: async stage => await stage.act('app', streamHandler(socketBytes({ host: '127.0.0.1', port: 22 }), SERVED)), error: /^provideService denied: .* are the system's/ },
  { what: 'a handler at an abstract socket', ask: async stage => await stage.act('app', streamHandler(unix('\0x'), SERVED)), error: /^provideService denied: .* abstract sockets have no owner|^the socket path "\\u0000x" is not absolute$/ }
]

function portOf (figures: object | undefined): number {
  const { addresses: [address = ''] = [] } = figures as { addresses?: string[] }
  return Number(address.split('/').at(-1))
}

/** An act of the app's own program, on its own socket. */
function acting (what: string, bytes: (stage: Stage) => Uint8Array, action: string, resource: string): Mutation {
  return { what, ask: async stage => await stage.act('app', bytes(stage)), ...unblessed(action, resource) }
}

/**
 * The app may serve one thing, open others and connect to a remote peer, at which every protocol of these tests is answered.
 */
async function stageOf (scene: BlessedScene): Promise<Stage> {
  const remote = await RemotePeer.start()
  const path = join(scene.world.homeOf(APP), 'h')
  const strangers: string[] = []
  await remote.node.handle([...new Set([SERVED, OPENED, '/in/1', ...OTHER_OPENED, ...OTHER_SERVICES])], stream => { strangers.push(stream.protocol); stream.abort(new Error('seen')) })
  await Promise.all([scene.programs.app.listen('h', path, 0o755), scene.bless('other', ['provideService'], ['/other/'])])
  for (const [actions, resources] of [[['provideService'], [SERVED]], [['openStream'], ['/out/']], [['connect'], [remote.peerId]]] as const) await scene.bless('app', actions, resources)
  return Object.assign(scene, { remote, handler: unix(path), strangers })
}

/**
 * What is allowed, so that what is denied is denied for what was changed. Leaves nothing but the connection to the remote
 * peer.
 */
async function isAllowed (t: ExecutionContext, stage: Stage): Promise<void> {
  const { world, programs: { app }, remote, handler, strangers } = stage
  const before = strangers.length
  for (const [socket, named] of [[world.socketOf('app'), true], [world.frontDesk, true], [stage.asDaemonSocketOf('app'), false]] as const) {
    const bytes = (plain: Uint8Array): Uint8Array => named ? stage.inName(plain) : plain
    const answers = await app.ask(socket, ...[identify(), connect(remote.id, remote.addresses, 5), streamHandler(handler, SERVED), removeStreamHandler(handler, SERVED)].map(bytes))
    t.deepEqual(answers.map(({ error }) => error), ['', '', '', ''])
    t.deepEqual(Buffer.from(answers[0]?.response?.identify?.id ?? []), Buffer.from(stage.daemon))
    t.is((await app.askOne(socket, bytes(open(stage, OPENED)))).error, '')
    t.is((await app.askOne(socket, bytes(accept(SERVED)))).error, '')
  }
  t.deepEqual(strangers.splice(before), [OPENED, OPENED, OPENED])
}

/** Denied for its reason, and in the log where it was asked. */
async function areDenied (t: ExecutionContext, stage: Stage, mutations: readonly Mutation[]): Promise<void> {
  for (const { what, ask, error, line } of mutations) {
    const answer = await ask(stage)
    t.false(answer.ok, what)
    t.regex(answer.error, error, what)
    if (line !== undefined) await stage.recorded(line.actor ?? 'app', { ...line, ...line.resource !== undefined && { resource: safeText(line.resource) } })
  }
  t.log(`${mutations.length} denied`)
}

/** None of it has opened, registered or kept anything. */
async function isUntouched (t: ExecutionContext, stage: Stage): Promise<void> {
  t.deepEqual(await stage.services(), [])
  t.deepEqual(stage.strangers, [])
  const { figures, crashes } = await stage.host()
  t.deepEqual([figures?.handlers, figures?.streams, figures?.controlConnections, crashes], [0, 0, 0, 0])
}

async function onStage (t: ExecutionContext, act: (stage: Stage) => Promise<void>): Promise<void> {
  await using scene = await BlessedScene.start()
  const stage = await stageOf(scene)
  await using _remote = stage.remote
  await isAllowed(t, stage)
  await act(stage)
  await isUntouched(t, stage)
  await isAllowed(t, stage)
}

test.serial('threat 26: an act in the daemon\'s name by anybody else, through any socket, or of any other kind is denied for that reason, and does nothing', async t => {
  await onStage(t, async stage => { await areDenied(t, stage, [...WHO, ...ACTIONS]) })
})

test.serial('threat 26: an act on what is beside, above or below what is blessed, or reads like it, is denied for that reason, and does nothing', async t => {
  await onStage(t, async stage => { await areDenied(t, stage, RESOURCES) })
})

test.serial('threat 26: an act in any other name than the daemon\'s, as any bytes, is denied for that reason, and a handler that is the daemon\'s own or beyond this machine is none in its name either', async t => {
  await onStage(t, async stage => {
    await areDenied(t, stage, NAMES.map(([what, name, error]) => ({ what, ask: async ({ programs: { app }, world }) => await app.askOne(world.socketOf('app'), stage.inName(serve(stage, SERVED), await name(stage))), error })))
    await areDenied(t, stage, ADDRESSES)
    // Without a name it is an act of the app's own, on its own host.
    t.is((await stage.programs.app.askOne(stage.world.socketOf('app'), serve(stage, SERVED))).error, '')
  })
})

test.serial('threat 26: with the file modes taken away the kernel\'s word alone keeps every other user from acting in the daemon\'s name', async t => {
  await onStage(t, async stage => {
    const { world } = stage
    for (const socket of [stage.asDaemonSocketOf('app'), world.socketOf('app'), join(world.runDir, 'daemon', 'p2pd.sock')]) chmodSync(socket, 0o666)
    for (const [uid, gid] of [[OTHER, OTHER], [CALLER, APP], [STRANGER, 0], [65534, 65534]] as const) {
      const program = await world.program(uid, gid)
      t.regex((await program.askOne(stage.asDaemonSocketOf('app'), serve(stage, SERVED))).error, new RegExp(`^uid ${uid} may not use tenant app's socket`))
      t.regex((await program.askOne(world.socketOf('app'), stage.inName(serve(stage, SERVED)))).error, new RegExp(`^uid ${uid} may not use tenant app's socket`))
      t.regex((await program.askOne(join(world.runDir, 'daemon', 'p2pd.sock'), serve(stage, SERVED))).error, new RegExp(`^uid ${uid} may not use tenant daemon's socket`))
    }
    t.regex((await (await world.program(STRANGER)).askOne(world.frontDesk, stage.inName(serve(stage, SERVED)))).error, /no tenant for uid 41009/)
  })
})

test('each of these acts differs from one that is allowed in one thing, and there are more than forty', t => {
  const all = [...WHO, ...ACTIONS, ...RESOURCES, ...ADDRESSES, ...NAMES.map(([what]) => ({ what }))].map(({ what }) => what)
  t.is(new Set(all).size, all.length)
  t.true(all.length >= 40, String(all.length))
  t.log(`${all.length} mutations`)
})
