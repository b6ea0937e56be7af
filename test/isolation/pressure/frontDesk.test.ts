/** The supervisor's own descriptors, when strangers at the front desk take all they can get. */
import test from 'ava'
import { setTimeout as delay } from 'node:timers/promises'
import { within } from '../../helpers/deadlines.ts'
import { descriptorsOf } from '../../helpers/memory.ts'
import { identify } from '../../helpers/requests.ts'
import { inWorld } from './helpers.ts'
import { Load } from './load.ts'
import { run } from './namespaces.ts'
import { Repeated } from './repeated.ts'

const [USER, ROOT] = [41002, 0]
/** Of this file's process and so of the daemon. Not to be raised again: whoever needs more is started before. */
const DESCRIPTORS = 256
/** Users without a tenant. */
const STRANGERS = Array.from({ length: 40 }, (_, i) => 42_001 + i)
const AT_ONCE = 1_000
/** How long each crowd stands there: what they are told, and that they are gone, is found out later. */
const CROWDED_MS = 1_000

test.serial('threat 14: when strangers at the front desk use up the supervisor\'s descriptors, the operator is still answered and a host still starts', async t => {
  await using crowd = await Load.start(ROOT)
  run('prlimit', '--pid', String(process.pid), `--nofile=${DESCRIPTORS}:${DESCRIPTORS}`)
  const limits = { descriptors: DESCRIPTORS, controlConnections: 32, connections: 16, streams: 16 }
  await inWorld(t, { tenants: { b: { uid: USER, limits } } }, async world => {
    const b = await world.program(USER)
    const idle = descriptorsOf(world.pid)
    await using crowds = new Repeated(async () => {
      await crowd.hold(world.frontDesk, AT_ONCE, Buffer.alloc(0), { as: STRANGERS, mute: true })
      await delay(CROWDED_MS)
      await crowd.release()
    })
    let most = 0
    for (let round = 0; round < 4; round++) {
      for (let question = 0; question < 5; question++) {
        most = Math.max(most, descriptorsOf(world.pid))
        await within('the status', world.status(), 2_000)
        await delay(50)
      }
      await within('the restart of a host', world.ask('POST', '/v1/tenants/b/restart'), 5_000)
      const { error } = await b.askOne(world.socketOf('b'), identify())
      t.is(error, '')
    }
    await crowds.stop()
    t.log(`the supervisor had ${most} of ${DESCRIPTORS} descriptors open, ${idle} before`)
    t.true(most > idle + 50, 'there was a crowd')
    t.true((await b.askOne(world.frontDesk, identify())).ok)
  })
})
