/**
 * Dials to addresses that a policy does not grant, in every spelling and by every way in: no packet leaves for any of them.
 *
 * In a network of its own, where every address is this machine's: what would leave arrives, and is counted twice, by the
 * kernel and by who listens there.
 */
import test, { type ExecutionContext } from 'ava'
import { rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseMultiaddr } from '../../../src/wire/addresses.ts'
import { encodePeerId, parsePeerId } from '../../../src/wire/peers.ts'
import { startClassic, type ClassicDaemon } from '../../helpers/daemons.ts'
import { unknownPeer } from '../../helpers/addresses.ts'
import { until } from '../../helpers/deadlines.ts'
import { connect, disconnect, streamOpen } from '../../helpers/requests.ts'
import { ALLOW_ALL, type Program, type World } from '../world.ts'
import { Canary } from './canary.ts'
import { DnsServer } from './dnsServer.ts'
import { inWorld } from './helpers.ts'
import { enterOwnNamespaces, run, synsSent } from './namespaces.ts'
import { MIXED, NAMES, NEVER, PRIVATE, PUBLIC_IP } from './spellings.ts'

const [CONFINED, FREE] = [41001, 41002]
const CANARY_PORT = 7000
const PEER_PORT = 7001
const limits = { dialsPerSecond: 10_000, requestsPerSecond: 10_000 }
const TENANTS = { a: { uid: CONFINED, limits }, b: { uid: FREE, limits } }
const policies = { 'all.cedar': `${ALLOW_ALL}forbid (principal == Tenant::"a", action == Action::"dial", resource) unless { context.public };\n` }
/** Long enough for any of these dials, all of which end on this machine. */
const TIMEOUT_SECONDS = 5
const RESOLVER = join(tmpdir(), `p2pd-resolv-${process.pid}`)

test.before(() => {
  enterOwnNamespaces()
  writeFileSync(RESOLVER, 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n')
  run('mount', '--bind', RESOLVER, '/etc/resolv.conf')
})
test.after.always(() => { rmSync(RESOLVER, { force: true }) })

/** With a canary on every address of the port, and names that mean something. */
async function watched (t: ExecutionContext, use: (world: World, canary: Canary, names: DnsServer) => Promise<void>): Promise<void> {
  await using names = await DnsServer.open(NAMES)
  await using canary = await Canary.open(CANARY_PORT)
  await inWorld(t, { tenants: TENANTS, policies }, async world => { await use(world, canary, names) })
}

const at = (spelling: string, port = CANARY_PORT): Uint8Array => parseMultiaddr(spelling.startsWith('/dnsaddr') ? spelling : `${spelling}/tcp/${port}`).bytes

async function dial (world: World, tenant: string, program: Program, spelling: string): Promise<string> {
  const { ok, error } = await program.askOne(world.socketOf(tenant), connect(unknownPeer(), [at(spelling)], TIMEOUT_SECONDS))
  return ok ? 'connected' : error
}

test.serial(`threat 22: CONNECT to ${PRIVATE.length} spellings of addresses that are not on the internet sends not one SYN`, async t => {
  await watched(t, async (world, canary, names) => {
    const a = await world.program(CONFINED)
    t.notRegex(await dial(world, 'a', a, `/ip4/${PUBLIC_IP}`), /denied/)
    t.notRegex(await dial(world, 'a', a, '/dns4/public.test'), /denied/)
    t.deepEqual(canary.reached, [PUBLIC_IP, PUBLIC_IP], 'the canary sings')
    const before = synsSent()
    for (const spelling of PRIVATE) {
      const error = await dial(world, 'a', a, spelling)
      t.not(error, 'connected', spelling)
      if (/^\/ip[46]\//.test(spelling)) t.regex(error, /dial denied on Peer \w+ at /, spelling)
    }
    t.is(synsSent(), before)
    t.is(canary.reached.length, 2)
    t.true(names.asked('private.test') > 0, 'names are looked up')
  })
})

test.serial('threat 22: of a name that stands for a public and a private address, at once or in turn, only the public one is reached', async t => {
  await watched(t, async (world, canary, names) => {
    const a = await world.program(CONFINED)
    for (let round = 0; round < 6; round++) for (const spelling of MIXED) await dial(world, 'a', a, spelling)
    t.true(names.asked('rebind.test') >= 6)
    t.true(canary.reached.length > 0)
    t.deepEqual(canary.reached.filter(ip => ip !== PUBLIC_IP), [])
  })
})

test.serial('threat 22: what a policy grants is reached, but for link-local and metadata addresses, which none can grant', async t => {
  await watched(t, async (world, canary) => {
    const b = await world.program(FREE)
    for (const spelling of ['/ip4/10.0.0.1', '/ip6/fd12:3456::1', '/dns4/private.test']) await dial(world, 'b', b, spelling)
    await until('the last of them has been taken', () => canary.reached.length >= 3)
    t.deepEqual(canary.reached, ['10.0.0.1', 'fd12:3456::1', '10.0.0.7'])
    const before = synsSent()
    for (const spelling of NEVER) t.not(await dial(world, 'b', b, spelling), 'connected', spelling)
    t.is(synsSent(), before)
  })
})

/** A peer at a public address, which says of itself that it is at these. */
async function hostilePeer (world: World, announced: readonly string[]): Promise<ClassicDaemon & AsyncDisposable> {
  await using children = new AsyncDisposableStack()
  const flags = ['-hostAddrs', `/ip4/${PUBLIC_IP}/tcp/${PEER_PORT}`, '-announceAddrs', announced.join(',')]
  const daemon = await startClassic({ control: `/unix${join(world.directory, 'hostile.sock')}`, flags }, child => { children.use(child) })
  const started = children.move()
  return { ...daemon, async [Symbol.asyncDispose] () { await started.disposeAsync() } }
}

for (const [how, announced, given] of [
  ['that were given beside a good one', [`/ip4/${PUBLIC_IP}/tcp/${PEER_PORT}`], PRIVATE],
  ['that the peer says of itself', PRIVATE.filter(spelling => /^\/ip[46]\//.test(spelling)).map(spelling => `${spelling}/tcp/${CANARY_PORT}`), []]
] as const) {
  test.serial(`threat 22: STREAM_OPEN and CONNECT without addresses try none of the private ones ${how}`, async t => {
    await watched(t, async (world, canary) => {
      const a = await world.program(CONFINED)
      const socket = world.socketOf('a')
      await using peer = await hostilePeer(world, announced)
      const id = encodePeerId(parsePeerId(peer.peerId))
      const { ok, error } = await a.askOne(socket, connect(id, [at(`/ip4/${PUBLIC_IP}`, PEER_PORT), ...given.map(spelling => at(spelling))], TIMEOUT_SECONDS))
      t.true(ok, error)
      t.regex((await a.askOne(socket, streamOpen(id, '/nobody/1', TIMEOUT_SECONDS))).error, /speaks none of/)
      t.true((await a.askOne(socket, disconnect(id))).ok)
      await peer.child.stop()
      await until('the end of the peer', () => peer.child.end !== undefined)
      const before = synsSent()
      t.not((await a.askOne(socket, streamOpen(id, '/nobody/1', TIMEOUT_SECONDS))).error, '')
      t.not((await a.askOne(socket, connect(id, [], TIMEOUT_SECONDS))).error, '')
      t.deepEqual(canary.reached, [])
      t.true(synsSent() - before <= 2, 'to where the peer was, once each')
    })
  })
}
