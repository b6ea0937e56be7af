/** Frames that are too large, or never come to their end. */
import test from 'ava'
import { until } from '../../helpers/deadlines.ts'
import { memoryOf } from '../../helpers/memory.ts'
import { varint } from '../../helpers/protobuf.ts'
import { RawConnection } from '../../helpers/rawConnection.ts'
import { identify } from '../../helpers/requests.ts'
import { MiB, inWorld, peakMemoryOf } from './helpers.ts'
import { isUnharmed } from './latency.ts'
import { Load } from './load.ts'

const [ATTACKER, VICTIM, SPARING] = [41001, 41002, 41003]
const MANY = 1_000
const limits = { controlConnections: MANY + 50 }

test.serial('threat 11: a thousand connections that announce 4 GiB each are refused with the reason, and cost the host less than 16 MiB', async t => {
  await inWorld(t, { tenants: { a: { uid: ATTACKER, limits } } }, async world => {
    const socket = world.socketOf('a')
    await using load = await Load.start(ATTACKER)
    const refused = async (bytes: Uint8Array): Promise<void> => {
      t.is(await load.hold(socket, MANY, bytes), MANY)
      await until('the end of every connection', async () => (await load.held()).open === 0)
    }
    // What a host holds for having refused a thousand connections at all is not what it holds for what they say.
    await refused(Buffer.from([1, 0xff]))
    await load.release()
    const pid = await world.hostPid('a')
    const before = await peakMemoryOf(pid, refused(Buffer.from([1, 0xff])))
    await load.release()

    // As much as a length of four bytes can say is refused by its value, and 4 GiB by the length of the length.
    for (const announced of [2 ** 32, 2 ** 28 - 1]) {
      const peak = await peakMemoryOf(pid, refused(varint(announced)))
      t.log(`${((peak - before) / MiB).toFixed(1)} MiB more than for as many that send one wrong byte`)
      t.true(peak - before < 16 * MiB)
      const { said } = await load.held()
      t.is(Object.values(said).reduce((sum, count) => sum + count, 0), MANY)
      for (const sentence of Object.keys(said)) t.regex(sentence, /frame.*4194304/)
      await load.release()
    }

    // The largest that is allowed, and then nothing: room is made as bytes come, not as they are announced.
    const reserved = memoryOf(pid).addressSpaceBytes
    const allowed = await peakMemoryOf(pid, load.hold(socket, MANY, varint(4 * MiB)))
    t.log(`${((allowed - before) / MiB).toFixed(1)} MiB more for as many that announce 4 MiB and send none of it`)
    t.true(allowed - before < 32 * MiB)
    t.true(memoryOf(pid).addressSpaceBytes - reserved < 512 * MiB, 'nor is it reserved')
    t.is((await load.held()).open, MANY)
    t.is(await world.hostPid('a'), pid)
  })
})

test.serial('threat 12: a thousand half frames change nothing for another tenant, and are ended after ten seconds while the tenant\'s other connections are served', async t => {
  await inWorld(t, { tenants: { a: { uid: ATTACKER, limits }, b: { uid: VICTIM } } }, async world => {
    await using load = await Load.start(ATTACKER)
    await using quiet = await Load.start(VICTIM)
    const half = Buffer.concat([varint(100), Buffer.from([8])])
    await isUnharmed(t, {
      probe: async () => await quiet.probe(world.socketOf('b'), 600),
      attack: async () => {
        t.is(await load.hold(world.socketOf('a'), MANY, half), MANY)
        return { [Symbol.asyncDispose]: async () => { await load.release() } }
      }
    })
    using other = await RawConnection.to({ path: world.socketOf('a') })
    const began = performance.now()
    await load.hold(world.socketOf('a'), MANY, half)
    t.not((await other.ask(identify())).identify, undefined)
    await until('the end of every half frame', async () => (await load.held()).open === 0, 20_000)
    t.true(performance.now() - began >= 9_000)
    const { said } = await load.held()
    t.deepEqual(Object.keys(said).filter(sentence => !/not finished within 10 s/.test(sentence)), [])
    t.not((await other.ask(identify())).identify, undefined)
    using fresh = await RawConnection.to({ path: world.socketOf('a') })
    t.not((await fresh.ask(identify())).identify, undefined)
  })
})

test.serial('threat 12: connections that are held idle are capped, and the one too many is told the limit', async t => {
  await inWorld(t, { tenants: { c: { uid: SPARING, limits: { controlConnections: 16 } } } }, async world => {
    await using load = await Load.start(SPARING)
    await load.hold(world.socketOf('c'), 40, Buffer.alloc(0))
    await until('the refusals', async () => (await load.held()).closed === 24)
    const { open, said } = await load.held()
    t.is(open, 16)
    t.deepEqual(Object.values(said), [24])
    t.regex(Object.keys(said)[0] ?? '', /limits\.controlConnections.*16/)
    await load.release()
    using control = await RawConnection.to({ path: world.socketOf('c') })
    t.not((await control.ask(identify())).identify, undefined)
  })
})
