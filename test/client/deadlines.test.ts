/** What runs out of time, on a clock that the test turns. In a file of its own, since that clock is the whole process's. */
import test from 'ava'
import { mock } from 'node:test'
import { P2pdClient } from '../../src/client/index.ts'
import { FRAME_DEADLINE_MS } from '../../src/limits.ts'
import { PEER, ok, scriptedDaemon } from './scriptedDaemon.ts'

test.before(() => { mock.timers.enable({ apis: ['setTimeout'] }) })
test.after.always(() => { mock.timers.reset() })

for (const [what, call, deadlineMs] of [
  ['65 s', async (client: P2pdClient) => await client.identify(), 65_000],
  ['65 s when asked for its services', async (client: P2pdClient) => await client.services(), 65_000],
  ['65 s when asked for the tenant’s blessings', async (client: P2pdClient) => await client.blessing(), 65_000],
  ['65 s when asked for a client in its name', async (client: P2pdClient) => await client.asDaemon(), 65_000],
  ['5 s more than the daemon was given', async (client: P2pdClient) => await client.openStream(PEER, '/a', { timeoutSeconds: 3 }), 8_000]
] as const) {
  test.serial(`a daemon that does not answer is given ${what}`, async t => {
    const asked = Promise.withResolvers<undefined>()
    const daemon = await scriptedDaemon(t, () => { asked.resolve(undefined) })
    const client = new P2pdClient(daemon.address)
    let over = false
    const refused = t.throwsAsync(call(client).finally(() => { over = true }), { code: 'ERR_TIMEOUT', message: `the daemon did not answer within ${deadlineMs / 1000} s` })
    await asked.promise
    mock.timers.tick(deadlineMs - 1)
    await new Promise(setImmediate)
    t.false(over)
    mock.timers.tick(1)
    await refused
    await daemon.openAtMost(0)
    await client.close()
  })
}

test.serial('a connection to a handler that brings no StreamInfo in time is closed and reported', async t => {
  const daemon = await scriptedDaemon(t, ({ answer }) => { answer(ok) })
  const client = new P2pdClient(daemon.address)
  const errors: unknown[] = []
  await client.handle('/a', () => { t.fail('called') }, { dialBack: true, onError: error => { errors.push(error) } })
  const remote = await daemon.dialHandler()
  remote.resume().write(Uint8Array.of(20, 10))
  // The other side starts its clock when it has accepted, which it does not tell.
  while (!remote.closed) {
    mock.timers.tick(FRAME_DEADLINE_MS)
    remote.end()
    await new Promise(setImmediate)
  }
  t.like(errors, [{ code: 'ERR_TIMEOUT', message: 'no StreamInfo came within 10 s' }])
  await client.close()
})
