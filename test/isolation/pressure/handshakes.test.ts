/** Connections from the network that hang in their handshake, more than a host wants to have. */
import test from 'ava'
import { setTimeout as delay } from 'node:timers/promises'
import { tcp, tcpOf } from '../../helpers/addresses.ts'
import { connect, disconnect, identify } from '../../helpers/requests.ts'
import type { Program, World } from '../world.ts'
import { inWorld } from './helpers.ts'
import { median } from './latency.ts'
import { Load } from './load.ts'
import { enterOwnNamespaces } from './namespaces.ts'
import { Repeated } from './repeated.ts'

const [TARGET, KNOWN, STRANGER, ROOT] = [41001, 41002, 41003, 0]
const host = { listen: ['/ip4/0.0.0.0/tcp/0'] }
/** Every address is this machine's here, and who is dialled at one answers from it: so each has a network of its own. */
const [TARGET_IP, KNOWN_IP, STRANGER_IP] = ['10.0.9.1', '10.0.2.1', '10.0.3.1']
const MANY = 1_000
const LET_IN_MS = 2_000
/** Where the machine has so much else to do that a quiet connect takes long: that, so many times. */
const TIMES = 4

/** The beginning of a handshake: multistream-select, and Noise agreed on. What is due next never comes. */
const GREETING = Buffer.concat(['/multistream/1.0.0', '/noise'].map(line => Buffer.from(`${String.fromCharCode(line.length + 1)}${line}\n`)))

/** Where they come from: one network, or a great many. */
const FLOODS: Readonly<Record<string, readonly string[]>> = {
  'one network': Array.from({ length: 250 }, (_, i) => `10.0.1.${i + 1}`),
  'two hundred networks': Array.from({ length: 200 }, (_, i) => `10.1.${i}.1`)
}

test.before(() => { enterOwnNamespaces() })

for (const [where, from] of Object.entries(FLOODS)) {
  test.serial(`threat 24: while a thousand handshakes from ${where} hang, and more come, a known peer gets in within two seconds, and so does a new one`, async t => {
    const tenants = { a: { uid: TARGET, host }, k: { uid: KNOWN, host }, s: { uid: STRANGER, host } }
    await inWorld(t, { tenants }, async world => {
      const programs = { a: await world.program(TARGET), k: await world.program(KNOWN), s: await world.program(STRANGER) }
      const [target, known] = [await whereIs(world, 'a', programs.a), await whereIs(world, 'k', programs.k)]
      // The target has dialled it: that is what makes it known.
      const dialled = performance.now()
      t.is((await programs.a.askOne(world.socketOf('a'), connect(known.id, [tcp(KNOWN_IP, known.port)]))).error, '')
      const letInMs = Math.max(LET_IN_MS, (performance.now() - dialled) * TIMES)
      t.is((await programs.a.askOne(world.socketOf('a'), disconnect(known.id))).error, '')
      const pid = await world.hostPid('a')

      await using flood = await Load.start(ROOT)
      const address = { host: TARGET_IP, port: target.port }
      const held = await flood.hold(address, MANY, GREETING, { from })
      t.true(held > MANY / 2, `${held} connections came about`)
      await using more = new Repeated(async () => {
        await flood.hold(address, 20, GREETING, { from })
        await delay(100)
      })
      const took: number[] = []
      for (let round = 0; round < 5; round++) {
        for (const [name, ip] of [['k', KNOWN_IP], ['s', STRANGER_IP]] as const) {
          const began = performance.now()
          const { error } = await programs[name].askOne(world.socketOf(name), connect(target.id, [tcp(ip, target.port)]))
          t.is(error, '', `${name} in round ${round}`)
          took.push(performance.now() - began)
          await programs[name].askOne(world.socketOf(name), disconnect(target.id))
        }
      }
      const shown = `in after ${took.map(ms => ms.toFixed(0)).join(', ')} ms, each second time the new one`
      t.log(shown)
      // Everybody gets in. Of the time the median: the flood itself takes a core or two of this machine.
      t.true(median(took.filter((_, i) => i % 2 === 0)) <= letInMs && median(took.filter((_, i) => i % 2 === 1)) <= letInMs, shown)
      await more.stop()
      t.is(await world.hostPid('a'), pid)
    })
  })
}

async function whereIs (world: World, tenant: string, program: Program): Promise<{ id: Uint8Array, port: number }> {
  const { response } = await program.askOne(world.socketOf(tenant), identify())
  const { id = Buffer.alloc(0), addrs = [] } = response?.identify ?? {}
  const [{ port } = { port: 0 }] = addrs.filter(address => address[0] === 4).map(tcpOf)
  return { id, port }
}
