/** A neighbour's peer ID with an address that is not the neighbour's: what `local` in a policy must not open. */
import test, { type ExecutionContext } from 'ava'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { tcp } from '../../helpers/addresses.ts'
import { connect } from '../../helpers/requests.ts'
import { whoIs } from './scene.ts'
import { World } from '../world.ts'

const APP = 41001
const NEIGHBOUR = 41002

const ONLY_NEIGHBOURS = `
permit (principal, action in Action::"inspect", resource);
permit (principal, action in [Action::"connect", Action::"dial", Action::"acceptConnection"], resource) when { context.local };
`

test('threat 22: whoever names a neighbour reaches the neighbour\'s host, and no other port of this machine', async t => {
  for (const local of [false, true]) await ask(t, local)
})

/** @param local the daemon connects the two: then no address of the machine's is tried at all */
async function ask (t: ExecutionContext, local: boolean): Promise<void> {
  const host = { local }
  await using world = await World.start({ tenants: { app: { uid: APP, host }, neighbour: { uid: NEIGHBOUR, host } }, policies: { 'local.cedar': ONLY_NEIGHBOURS } })
  let knocked = 0
  await using canary = createServer(socket => { knocked++; socket.destroy() }).listen(0, '127.0.0.1')
  await once(canary, 'listening')
  const { port } = canary.address() as { port: number }
  const [app, neighbour] = await Promise.all([world.program(APP), world.program(NEIGHBOUR)])
  const { id, addrs } = await whoIs(neighbour, world.socketOf('neighbour'))
  for (const address of [tcp('127.0.0.1', port), tcp('::ffff:127.0.0.1', port)]) {
    const { error } = await app.askOne(world.socketOf('app'), connect(id, [address]))
    t.regex(error, local ? /^$/ : /dial denied on Peer/)
  }
  t.is(knocked, 0)
  t.is((await app.askOne(world.socketOf('app'), connect(id, addrs))).error, '')
}
