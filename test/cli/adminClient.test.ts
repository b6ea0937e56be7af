/** What the admin client says of a daemon that cannot be asked. */
import test from 'ava'
import { once } from 'node:events'
import { chmodSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { AdminClient } from '../../src/cli/adminClient.ts'
import { P2pdError } from '../../src/errors.ts'
import { World } from './world.ts'

const NOBODY = 65534

test.serial('a socket that only others may use names who they are', async t => {
  await using world = new World()
  const path = world.path('admin.sock')
  const server = createServer().listen(path)
  await once(server, 'listening')
  t.teardown(() => server.close())
  chmodSync(path, 0o000)
  chmodSync(world.directory, 0o755)
  const own = process.geteuid?.() ?? 0
  // Root may connect to anything.
  if (own === 0) process.seteuid?.(NOBODY)
  const error = await t.throwsAsync(new AdminClient(path).status(), { instanceOf: P2pdError }).finally(() => { process.seteuid?.(own) })
  t.is(error.code, 'ERR_DENIED')
  t.is(error.message, `${path}: permission denied: only root and the user p2pd runs as (uid ${own}) may use it`)
})

for (const [what, answer, code, message] of [
  ['a daemon that hangs up', undefined, 'ERR_DENIED', /hung up.*only root and the user/],
  ['something else that speaks HTTP', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello', 'ERR_MESSAGE', /is no p2pd: stop it, or name/],
  ['something that speaks no HTTP', 'SSH-2.0\r\n\r\n', 'ERR_SYSTEM', /cannot be asked: Parse Error/]
] as const) {
  test(`${what} is told apart`, async t => {
    await using world = new World()
    const server = createServer(socket => { socket.on('error', () => {}).once('data', () => { if (answer === undefined) socket.destroy(); else socket.end(answer) }) })
    await once(server.listen(world.path('admin.sock')), 'listening')
    t.teardown(() => server.close())
    await t.throwsAsync(new AdminClient(world.path('admin.sock')).status(), { code, message })
  })
}

test('a file or a dead socket where the admin socket should be is no daemon', async t => {
  await using world = new World()
  writeFileSync(world.path('file'), '')
  for (const path of [world.path('file'), world.path('file/admin.sock'), world.path('nowhere/admin.sock')]) {
    await t.throwsAsync(new AdminClient(path).status(), { code: 'ERR_UNAVAILABLE', message: `no p2pd answers at ${path}: start one with \`p2pd serve\`, or name the --run directory of the one that runs` })
  }
})
