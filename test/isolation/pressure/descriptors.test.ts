/** Open files and sockets of a host, used up on purpose. The supervisor's are frontDesk.test.ts's. */
import test from 'ava'
import { until } from '../../helpers/deadlines.ts'
import { descriptorsOf } from '../../helpers/memory.ts'
import { frame } from '../../helpers/protobuf.ts'
import { identify } from '../../helpers/requests.ts'
import { inWorld } from './helpers.ts'
import { isUnharmed } from './latency.ts'
import { Load } from './load.ts'

const [ATTACKER, VICTIM] = [41001, 41002]
/** The least a manifest may give, and more connections than that. */
const DESCRIPTORS = 256
const MANY = 600

test.serial('threat 14: a host without descriptors says so, lives on and serves again when they are free, and another tenant does not notice', async t => {
  const limits = { descriptors: DESCRIPTORS, controlConnections: MANY * 2 }
  await inWorld(t, { tenants: { a: { uid: ATTACKER, limits }, b: { uid: VICTIM } } }, async world => {
    await using load = await Load.start(ATTACKER)
    await using quiet = await Load.start(VICTIM)
    await load.probe(world.socketOf('a'), 10)
    const pid = await world.hostPid('a')
    const used = descriptorsOf(pid)
    const asked = frame(identify())
    await isUnharmed(t, {
      probe: async () => await quiet.probe(world.socketOf('b'), 300),
      attack: async () => {
        await load.hold(world.socketOf('a'), MANY, asked)
        t.true(descriptorsOf(pid) <= DESCRIPTORS)
        return { [Symbol.asyncDispose]: async () => { await load.release() } }
      }
    })

    await load.hold(world.socketOf('a'), MANY, asked)
    await until('an answer or an end for each', async () => { const { said, closed } = await load.held(); return (said[''] ?? 0) > 0 && closed > 0 })
    // The crowd comes faster than anybody can be told; whoever comes then, one at a time, is.
    const a = await world.program(ATTACKER)
    for (let late = 0; late < 10; late++) t.regex((await a.askOne(world.socketOf('a'), identify())).error, /limits\.descriptors.*256/)
    const { said: { '': served = 0, ...refused }, closed } = await load.held()
    const told = Object.values(refused).reduce((sum, count) => sum + count, 0)
    t.log(`${served} of ${MANY} were served, ${told} were told why not, ${closed - told} were closed without a word`)
    t.true(served > DESCRIPTORS / 4 && served < DESCRIPTORS)
    for (const sentence of Object.keys(refused)) t.regex(sentence, /limits\.descriptors.*256/)
    await load.release()
    t.true((await load.probe(world.socketOf('a'), 50)).length > 0)
    t.is(await world.hostPid('a'), pid)
    await until('the descriptors of before', () => descriptorsOf(pid) <= used + 2)
  })
})
