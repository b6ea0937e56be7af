/**
 * The bytes in proto/PROTOCOL.md are what a daemon really says: see page.ts for how they are written.
 *
 * Each block marked `wire` is one control connection: `client` sends, `daemon` answers. `handler` is what a handler's connection
 * brings, `peer` what Bob sends on a stream that he opens, `other` a request on another connection, which is answered OK.
 * `PP PP` is the port that Bob's host listens on, `HH HH` the port that the handler listens on.
 */
import { writeFile } from 'node:fs/promises'
import test, { type ExecutionContext } from 'ava'
import { generateKeyPairFromSeed, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { AppListener } from '../helpers/appListener.ts'
import { tcpOf } from '../helpers/addresses.ts'
import type { ClassicDaemon } from '../helpers/daemons.ts'
import { RawConnection } from '../helpers/rawConnection.ts'
import { connect, identify, streamOpen } from '../helpers/requests.ts'
import { World } from '../helpers/world.ts'
import { BLOCKS, MARKED, filled, hear, say, wordsOf, type Block } from './page.ts'
import { playTenants } from './tenantsStage.ts'

/** A daemon with an identity that is always the same, as the document's readers see it. */
async function start (world: World, seed: number): Promise<ClassicDaemon> {
  const file = world.path('key')
  await writeFile(file, privateKeyToProtobuf(await generateKeyPairFromSeed('Ed25519', Buffer.alloc(32, seed))))
  return await world.classic({ flags: ['-id', file] })
}

function port (number: number): string[] {
  return wordsOf(Buffer.from([number >> 8, number & 0xff]))
}

async function playClassic (t: ExecutionContext, { turns }: Block): Promise<void> {
  await using world = await World.create()
  const [alice, bob] = [await start(world, 1), await start(world, 2)]
  await using listener = await AppListener.open({ host: '127.0.0.1', port: 0 })
  using atBob = await RawConnection.to(bob.control)
  using client = await RawConnection.to(alice.control)
  const { addrs: [bobs = Buffer.alloc(0)] = [] } = (await atBob.ask(identify())).identify ?? {}
  const ports = { PP: port(tcpOf(bobs).port), HH: port('port' in listener.address ? listener.address.port : 0) }
  using other = await RawConnection.to(alice.control)
  const openToAlice = async (): Promise<void> => {
    const { id = Buffer.alloc(0), addrs: alices = [] } = (await other.ask(identify())).identify ?? {}
    await atBob.ask(connect(id, alices))
    await atBob.send(streamOpen(id, '/chat/1.0.0'))
  }
  const says: Record<string, (bytes: string[]) => Promise<void>> = {
    client: async bytes => { await say(client, bytes) },
    daemon: async bytes => { t.deepEqual(await hear(client, bytes), bytes) },
    handler: async bytes => {
      await openToAlice()
      t.deepEqual(await hear(await listener.next(), bytes), bytes)
    },
    peer: async bytes => {
      await openToAlice()
      await say(atBob, bytes)
    },
    other: async bytes => {
      await say(other, bytes)
      t.is((await other.response()).type, 0)
    }
  }
  for (const turn of turns) {
    const speak = says[turn.who]
    if (speak === undefined) throw new Error(`${turn.who} is nobody who could say anything`)
    await speak(filled(turn, ports))
  }
  for (const connection of [client, atBob]) connection.end()
  t.is((await client.readToEnd()).toString('hex'), '', 'more than is written there')
}

test('there are bytes to look at, and every block of them is played', t => {
  t.is(BLOCKS.length, MARKED)
  for (const cast of ['classic', 'tenants']) t.true(BLOCKS.filter(block => block.cast === cast).length >= 6, cast)
})

for (const block of BLOCKS) {
  test.serial(`as written: ${block.title}`, async t => { await (block.cast === 'tenants' ? playTenants : playClassic)(t, block) })
}
