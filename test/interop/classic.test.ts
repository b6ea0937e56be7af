/**
 * Our daemon with go-libp2p-daemon's flags in go-libp2p-daemon's place: clients, peers, key files and launchers.
 */
import { existsSync } from 'node:fs'
import test, { type ExecutionContext } from 'ava'
import { P2PD, World } from './daemons.ts'
import { run } from './processes.ts'
import { bothWays, goClient, pythonClient, type Client } from './scenarios.ts'
import { goPrograms, python } from './toolchain.ts'

const programs = await goPrograms()
const clients = [goClient(programs), pythonClient(await python())]
const OVER_TCP = { control: '/ip4/127.0.0.1/tcp/0' }

async function between (t: ExecutionContext, client: Client, binaries: readonly [string, string], options?: { control: string }): Promise<void> {
  await using world = await World.create()
  await bothWays(t, world, client, [await world.classic(binaries[0], options), await world.classic(binaries[1], options)])
}

for (const client of clients) {
  test.serial(`the ${client.language} client works unchanged between two classic daemons`, t => between(t, client, [P2PD, P2PD]))

  test.serial(`and over TCP control sockets with the ${client.language} client`, t => between(t, client, [P2PD, P2PD], OVER_TCP))

  test.serial(`and between a classic daemon and a Go peer with the ${client.language} client`, t => between(t, client, [P2PD, programs.daemon]))
}

for (const type of ['ed25519', 'rsa']) {
  test.serial(`an ${type} key file made for go-libp2p-daemon keeps its peer id`, async t => {
    await using world = await World.create()
    const file = world.path('identity')
    const { stdout } = await run(programs.keygen, ['-t', type, '-f', file], { deadlineMs: 60_000 })
    const made = stdout.replace('Peer ID: ', '').trim()
    const go = await world.classic(programs.daemon, { flags: ['-id', file] })
    t.is(go.peerId, made)
    await go.child.stop()
    const ours = await world.classic(P2PD, { flags: ['-id', file] })
    t.is(ours.peerId, made)
    // And the key works: a Go peer finds who it expects.
    await bothWays(t, world, goClient(programs), [ours, await world.classic(programs.daemon)])
  })
}

test.serial('stdout says where the control socket is and where the host listens, with real ports', async t => {
  await using world = await World.create()
  const unix = await world.classic(P2PD)
  t.regex(unix.control, /^\/unix\/.*p2pd\.sock$/)
  t.true(existsSync(unix.control.slice('/unix'.length)))
  const tcp = await world.classic(P2PD, OVER_TCP)
  t.regex(tcp.control, /^\/ip4\/127\.0\.0\.1\/tcp\/[1-9]\d*$/)
  for (const { addresses } of [unix, tcp]) {
    t.true(addresses.length > 0)
    for (const address of addresses) t.regex(address, /^\/ip4\/127\.0\.0\.1\/tcp\/[1-9]\d*$/)
  }
})

test.serial('SIGTERM ends a classic daemon promptly and takes its socket file away', async t => {
  await using world = await World.create()
  const { child, control } = await world.classic(P2PD)
  const end = await child.stop()
  t.not(end, undefined, `still there 5 s after SIGTERM\n${world.logs()}`)
  t.false(existsSync(control.slice('/unix'.length)))
})
