/**
 * A plugin that answers anything: what the client of a tenant has is whole all the same, and both hosts go on.
 *
 * P2PD_FUZZ_SEED repeats a run. What clients send is control.test.ts's.
 */
import { randomInt } from 'node:crypto'
import test from 'ava'
import { DHTResponseType, ResponseType, decodeDHTResponse } from '../../src/wire/codec.ts'
import { DHT_PLUGIN, DaemonScene } from '../contract/daemonScene.ts'
import { daemonOfNeighbours } from '../contract/worlds.ts'
import { frame, message, varint } from '../helpers/protobuf.ts'
import type { RawConnection } from '../helpers/rawConnection.ts'
import { identify, request } from '../helpers/requests.ts'
import { Random } from './random.ts'
import { field, peer } from './values.ts'

const { P2PD_FUZZ_SEED } = process.env
const SEED = P2PD_FUZZ_SEED === undefined ? randomInt(2 ** 32) : Number(P2PD_FUZZ_SEED)
const QUESTIONS = 1_000

const GET_VALUE = 5
const SEARCH_VALUE = 6
/** Seconds. What a plugin that does not end its answer takes. */
const TIMEOUT = 1

const dhtResponse = (random: Random): Buffer => message([1, random.chance(0.9) ? random.below(3) : random.next()], ...random.several(2, () => field(random, 1 + random.below(4))))
const response = (random: Random): Buffer => message([1, random.chance(0.9) ? random.below(2) : random.next()], ...random.several(2, () => field(random, 1 + random.below(10))), [5, dhtResponse(random)])

const pieces: ReadonlyArray<readonly [weight: number, make: (random: Random) => Buffer]> = [
  [6, () => frame(message([1, 0], [5, message([1, DHTResponseType.BEGIN])]))],
  [4, random => frame(message([1, 0], [5, message([1, DHTResponseType.VALUE], [3, random.bytes(random.size(100_000))])]))],
  [10, random => frame(message([1, DHTResponseType.VALUE], [2, message([1, peer(random)], ...random.several(3, () => field(random, 2)))], [3, random.bytes(random.size(1_000))]))],
  [2, () => frame(message([1, DHTResponseType.END]))],
  [2, random => frame(message([1, ResponseType.ERROR], [2, message([1, random.bytes(random.size(301))])]))],
  [3, random => frame(response(random))],
  [3, random => frame(dhtResponse(random))],
  [2, random => random.bytes(random.size(200))],
  [1, () => frame(Buffer.alloc(0))],
  [1, random => varint(random.pick([2 ** 22, 2 ** 22 + 1, 2 ** 32]))]
]

/** Most begin as they should, or nothing would be known of what comes behind. */
function answer (random: Random): Buffer {
  const first = random.chance(0.6) ? [pieces[random.below(2)]?.[1](random) ?? Buffer.alloc(0)] : []
  return Buffer.concat([...first, ...random.several(8, () => random.weighted(pieces)(random))])
}

/** One whole answer, as a client has to be able to read it; how many values a series had. */
async function heard (asker: RawConnection, type: number): Promise<number> {
  const { type: kind, error, dht } = await asker.response()
  if (kind === ResponseType.ERROR) {
    if (error === undefined || error.msg === '') throw new Error('an ERROR without words')
    return 0
  }
  if (type === GET_VALUE) {
    if (dht?.type !== DHTResponseType.VALUE) throw new Error(`an OK with ${JSON.stringify(dht)}`)
    return 1
  }
  if (dht?.type !== DHTResponseType.BEGIN) throw new Error(`a series that begins with ${JSON.stringify(dht)}`)
  for (let values = 0; ; values++) {
    const next = decodeDHTResponse(await asker.readFrame())
    if (next.type === DHTResponseType.END) return values
    if (next.type !== DHTResponseType.VALUE) throw new Error(`a series with ${next.type} in it`)
  }
}

test(`a client has a whole answer whatever the daemon's plugin says (seed ${SEED})`, async t => {
  t.timeout(5 * 60_000)
  await using pair = await daemonOfNeighbours()
  await using scene = new DaemonScene(pair)
  await scene.bless(['provideService'], [DHT_PLUGIN])
  const asker = await scene.dial(scene.b)
  // Every host runs from here on.
  await Promise.all([scene.daemon(), asker.ask(identify())])
  const pids = async (): Promise<unknown> => {
    const { daemon, tenants } = await pair.operator.status()
    return [...tenants, daemon].map(row => [row?.name, row?.pid, row?.crashes])
  }
  const before = await pids()
  let values = 0
  for (let number = 0; number < QUESTIONS; number++) {
    const random = new Random(SEED, number)
    const type = random.pick([GET_VALUE, SEARCH_VALUE])
    const plugin = await scene.providing(DHT_PLUGIN)
    await asker.send(request(4, [5, message([1, type], [4, 'key'], [7, TIMEOUT])]))
    await plugin.readFrame()
    const bytes = answer(random)
    plugin.socket.write(bytes)
    // What is not ended is given up when its time is over: few of them, or the time goes there.
    const leaves = random.chance(0.005)
    if (!leaves) plugin.end()
    try {
      values += await heard(asker, type)
      t.is(asker.available, 0)
    } catch (cause) {
      throw new Error(`question ${number} of seed ${SEED}, ${bytes.toString('hex').slice(0, 4_000)}: ${String(cause)}`, { cause })
    }
    plugin.destroy()
  }
  t.true(values > QUESTIONS / 20, `${values} values came through`)
  t.not((await asker.ask(identify())).identify, undefined)
  t.deepEqual(await pids(), before)
})
