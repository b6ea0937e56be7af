/**
 * The measure measured: what the suite demands of our daemon, go-libp2p-daemon does, but for the differences named in
 * scenarios.ts. A check that fails here asks for something no client can rely on.
 */
import test, { type ExecutionContext } from 'ava'
import { World } from './daemons.ts'
import { differencesOfGo, failures, goClient, pythonClient, type Client } from './scenarios.ts'
import { goPrograms, python } from './toolchain.ts'

const programs = await goPrograms()
const clients = [goClient(programs), pythonClient(await python())]

async function differs (t: ExecutionContext, client: Client, control?: string): Promise<void> {
  await using world = await World.create()
  const options = control === undefined ? {} : { control }
  const direction = {
    dialer: await world.classic(programs.daemon, options),
    handler: await world.classic(programs.daemon, options)
  }
  const failed = await failures(world, client, direction)
  const { always, atTimes } = differencesOfGo(client, direction)
  t.deepEqual([...failed.keys()].filter(check => !atTimes.includes(check)), always, JSON.stringify([...failed], undefined, 2))
}

for (const client of clients) {
  test.serial(`go-libp2p-daemon passes with the ${client.language} client, but for the differences we name`, t => differs(t, client))

  test.serial(`and so it does with the ${client.language} client over TCP`, t => differs(t, client, '/ip4/127.0.0.1/tcp/0'))
}
