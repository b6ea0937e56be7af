/** Classic mode's own part of the protocol: how a control socket is named on the command line and on stdout. */
import test from 'ava'
import { RawConnection } from '../helpers/rawConnection.ts'
import { identify } from '../helpers/requests.ts'
import { World } from '../helpers/world.ts'

for (const [who, spell] of [
  ['Go', (path: string) => `/unix${path}`],
  ['JavaScript', (path: string) => `/unix/${encodeURIComponent(path)}`]
] as const) {
  test(`-listen takes a Unix socket as ${who} writes it, and stdout has it as Go does`, async t => {
    await using world = await World.create()
    const path = world.path('c')
    const daemon = await world.classic({ control: spell(path) })
    t.true(daemon.child.stdout.startsWith(`Control socket: /unix${path}\n`), daemon.child.stdout)
    t.deepEqual(daemon.control, { path })
    using connection = await RawConnection.to({ path })
    t.not((await connection.ask(identify())).identify, undefined)
  })
}
