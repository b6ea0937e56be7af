/**
 * A host's libp2p port under noise from strangers: bytes of no protocol, and the beginnings of the right ones.
 *
 * P2PD_FUZZ_SEED repeats a run. What comes behind a finished handshake is not here: it takes a peer with a key to say it.
 */
import { randomInt } from 'node:crypto'
import test from 'ava'
import type { Response } from '../../src/wire/codec.ts'
import { tcpOf } from '../helpers/addresses.ts'
import { until, within } from '../helpers/deadlines.ts'
import { descriptorsOf } from '../helpers/memory.ts'
import { RawConnection } from '../helpers/rawConnection.ts'
import { identify } from '../helpers/requests.ts'
import { World } from '../helpers/world.ts'
import { Random } from './random.ts'

const { P2PD_FUZZ_SEED } = process.env
const SEED = P2PD_FUZZ_SEED === undefined ? randomInt(2 ** 32) : Number(P2PD_FUZZ_SEED)
const STRANGERS = 2_000
const AT_ONCE = 16
const PROBE_EACH = 50

/** A line of multistream-select: its length, itself, a newline. */
const line = (text: string): Buffer => Buffer.from(`${String.fromCharCode(text.length + 1)}${text}\n`)
const HEADER = line('/multistream/1.0.0')
const NOISE = Buffer.concat([HEADER, line('/noise')])

function greeting (random: Random): Buffer {
  const noise = random.bytes(random.size(4_000))
  const handshake = Buffer.concat([Buffer.from([0, 32]), random.bytes(32)])
  return random.pick([
    () => noise,
    () => Buffer.concat([HEADER, noise]),
    () => Buffer.concat([NOISE, noise]),
    () => Buffer.concat([NOISE, handshake, noise]),
    () => Buffer.concat([NOISE, Buffer.from([0xff, 0xff]), noise]),
    () => Buffer.concat([HEADER, line(random.pick(['na', 'ls', '/tls/1.0.0', '/plaintext/2.0.0', '', '__proto__']))]),
    () => Buffer.alloc(1 + random.size(64), 0x80 + random.below(128)),
    () => Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
    () => Buffer.alloc(0)
  ])()
}

test(`a host goes on whatever strangers say to it (seed ${SEED})`, async t => {
  await using world = await World.create()
  const daemon = await world.tenants({ fuzzed: { limits: { connections: 10 * STRANGERS } } }, { P2PD_LOG: 'error' })
  const probe = async (): Promise<Response> => {
    using control = await RawConnection.to(daemon.control('fuzzed'))
    return await control.ask(identify())
  }
  const address = tcpOf((await probe()).identify?.addrs[0] ?? Buffer.alloc(0))
  const { pid } = await daemon.status('fuzzed')
  if (pid === undefined) throw new Error('the host does not run')
  const descriptors = descriptorsOf(pid)

  // A host takes so many connections a second and no more; with the limit this high that is to be none of them.
  let [number, turnedAway] = [0, 0]
  const call = async (): Promise<void> => {
    for (let mine = number++; mine < STRANGERS; mine = number++) {
      const random = new Random(SEED, mine)
      using stranger = await RawConnection.to(address).catch(() => undefined)
      if (stranger === undefined) {
        turnedAway++
        continue
      }
      stranger.socket.write(greeting(random))
      if (random.chance(0.3)) stranger.socket.resetAndDestroy()
      else if (random.chance(0.5)) stranger.end()
      if (mine % PROBE_EACH === 0) await within(`IDENTIFY during stranger ${mine} of seed ${SEED}`, probe(), 1_000)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, call))

  t.true(turnedAway < STRANGERS / 10, `${turnedAway} were not let in`)
  t.not((await probe()).identify, undefined)
  const { pid: pidAfter, crashes } = await daemon.status('fuzzed')
  t.is(pidAfter, pid)
  t.is(crashes, 0)
  await until('the descriptors of before', () => descriptorsOf(pid) <= descriptors, 20_000)
  t.is(daemon.child.stderr, '', 'errors in the log')
})
