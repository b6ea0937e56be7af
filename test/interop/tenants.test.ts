/**
 * Unmodified clients against two tenants of one daemon of ours: what an application sees when it is given a tenant's socket
 * in place of a daemon of its own.
 */
import test, { type ExecutionContext } from 'ava'
import { World } from './daemons.ts'
import { bothWays, goClient, pythonClient, type Client } from './scenarios.ts'
import { goPrograms, python } from './toolchain.ts'

const programs = await goPrograms()
const clients = [goClient(programs), pythonClient(await python())]

async function twoTenants (t: ExecutionContext, client: Client): Promise<void> {
  await using world = await World.create()
  const { child, endpoints: [alice, bob] } = await world.tenants(['alice', 'bob'])
  if (alice === undefined || bob === undefined) throw new Error('unreachable')
  await bothWays(t, world, client, [alice, bob])
  t.is(await child.stop(), 0, `the daemon stops when asked\n${world.logs()}`)
}

async function tenantAndPeer (t: ExecutionContext, client: Client): Promise<void> {
  await using world = await World.create()
  const { endpoints: [alice] } = await world.tenants(['alice'])
  if (alice === undefined) throw new Error('unreachable')
  await bothWays(t, world, client, [alice, await world.classic(programs.daemon)])
}

async function atTheFrontDesk (t: ExecutionContext, client: Client): Promise<void> {
  await using world = await World.create()
  // A tenant without `app` belongs to the user the daemon runs as, who is also who runs this.
  const { frontDesk } = await world.tenants(['alice'])
  await bothWays(t, world, client, [frontDesk, await world.classic(programs.daemon)])
}

for (const client of clients) {
  test.serial(`the ${client.language} client works unchanged between two tenants`, t => twoTenants(t, client))

  test.serial(`the ${client.language} client works unchanged between a tenant and a Go peer`, t => tenantAndPeer(t, client))

  test.serial(`the ${client.language} client works unchanged at the front desk, which knows its tenant by itself`, t => atTheFrontDesk(t, client))
}
