/** Bytes from the network that are no protocol, at every layer of it, before and behind a finished handshake. */
import test from 'ava'
import { randomInt } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { formatMultiaddr } from '../../../src/wire/addresses.ts'
import { formatPeerId } from '../../../src/wire/peers.ts'
import { Random } from '../../fuzz/random.ts'
import { tcpOf } from '../../helpers/addresses.ts'
import { RawConnection } from '../../helpers/rawConnection.ts'
import { identify } from '../../helpers/requests.ts'
import { Actor } from './actor.ts'
import type { HostileOrder } from './children/hostilePeer.ts'
import { handshakeBytes } from './corpora.ts'
import { inWorld } from './helpers.ts'
import { Load } from './load.ts'
import { Repeated } from './repeated.ts'

const [TARGET, VICTIM, REMOTE] = [41001, 41002, 41003]
const { P2PD_FUZZ_SEED } = process.env
const SEED = P2PD_FUZZ_SEED === undefined ? randomInt(2 ** 32) : Number(P2PD_FUZZ_SEED)
const STRANGERS = 1_000
const PEERS = 120
const AT_ONCE = 8

class HostilePeer extends Actor<HostileOrder> {
  static async start (): Promise<HostilePeer> {
    return await new HostilePeer(fileURLToPath(new URL('children/hostilePeer.ts', import.meta.url)), REMOTE).started()
  }

  /** Resolves with how many connections came about. */
  async attack (address: string, seed: number, count: number): Promise<number> {
    return await this.order({ do: 'attack', address, seed, count })
  }
}

test.serial(`threat 25: malformed handshakes, Yamux, negotiations and Identify take down no more than the host they are for (seed ${SEED})`, async t => {
  await inWorld(t, { tenants: { a: { uid: TARGET, limits: { connections: 1_000 } }, b: { uid: VICTIM } } }, async world => {
    const [a, b] = await Promise.all([world.program(TARGET), world.program(VICTIM)])
    t.true((await b.askOne(world.socketOf('b'), identify())).ok)
    const other = await world.hostPid('b')
    const supervisor = world.pid
    await using quiet = await Load.start(VICTIM)
    await using watching = new Repeated(async () => { await quiet.probe(world.socketOf('b'), 500) })

    const whereIsA = async (): Promise<{ host: string, port: number, text: string }> => {
      const { response } = await a.askOne(world.socketOf('a'), identify())
      const { id = Buffer.alloc(0), addrs: [address = Buffer.alloc(0)] = [] } = response?.identify ?? {}
      return { ...tcpOf(address), text: `${formatMultiaddr(address)}/p2p/${formatPeerId(id)}` }
    }
    let number = 0
    const strangers = async (): Promise<void> => {
      const { host, port } = await whereIsA()
      for (let mine = number++; mine < STRANGERS; mine = number++) {
        const random = new Random(SEED, mine)
        using stranger = await RawConnection.to({ host, port }).catch(() => undefined)
        stranger?.socket.write(handshakeBytes(random))
        if (random.chance(0.5)) stranger?.end()
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, strangers))
    await using peers = new AsyncDisposableStack()
    const connected = await Promise.all([1, 2].map(async lane => {
      const peer = peers.use(await HostilePeer.start())
      return await peer.attack((await whereIsA()).text, SEED + lane, PEERS / 2)
    }))
    await watching.stop()

    const { crashes } = await world.tenant('a')
    t.log(`${STRANGERS} strangers and ${connected.join(' + ')} connected peers; the host fell ${crashes} times`)
    t.true(connected.every(count => count > PEERS / 4), 'the handshakes were finished')
    t.true((await a.askOne(world.socketOf('a'), identify())).ok, 'it is served still')
    t.is(world.pid, supervisor)
    t.is(await world.hostPid('b'), other)
    t.is((await world.tenant('b')).crashes, 0)
  })
})
