/**
 * The bytes in proto/PROTOCOL.md are what a daemon really says.
 *
 * Each block marked `wire` there is one control connection: `client` sends, `daemon` answers. `handler` is what a handler's
 * connection brings, `peer` what Bob sends on a stream that he opens, `other` a request on another connection, which is
 * answered OK. After `;` a line is for people. `??` is any byte, `PP PP` the port that Bob's host listens on, `HH HH` the port
 * that the handler listens on.
 */
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import test from 'ava'
import { generateKeyPairFromSeed, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { AppListener } from '../helpers/appListener.ts'
import { tcpOf } from '../helpers/addresses.ts'
import type { ClassicDaemon } from '../helpers/daemons.ts'
import { RawConnection } from '../helpers/rawConnection.ts'
import { connect, identify, streamOpen } from '../helpers/requests.ts'
import { World } from '../helpers/world.ts'

interface Turn { who: string, tokens: string[] }

const DOCUMENT = readFileSync(new URL('../../proto/PROTOCOL.md', import.meta.url), 'utf8')
const BLOCKS = [...DOCUMENT.matchAll(/^### (.*)\n[^#]*?^```wire\n([^]*?)^```/gm)].map(([, title = '', text = '']) => ({ title, turns: turnsOf(text) }))

function turnsOf (text: string): Turn[] {
  const turns: Turn[] = []
  for (const line of text.split('\n')) {
    const [, who, bytes = ''] = /^(client|daemon|handler|peer|other)?\s*([^;]*)/.exec(line) ?? []
    if (who !== undefined) turns.push({ who, tokens: [] })
    turns.at(-1)?.tokens.push(...bytes.trim().split(/\s+/).filter(token => token !== ''))
  }
  return turns
}

function port (number: number): string[] {
  return [number >> 8, number & 0xff].map(byte => byte.toString(16).padStart(2, '0'))
}

/** Ports put in for their letters. */
function filled (tokens: readonly string[], ports: Record<string, string[]>): string[] {
  const count: Record<string, number> = {}
  return tokens.map(token => ports[token]?.[(count[token] = (count[token] ?? 0) + 1) % 2 === 1 ? 0 : 1] ?? token)
}

/** What came, with `??` where anything may stand. */
async function read (connection: RawConnection, wanted: readonly string[]): Promise<string[]> {
  return [...await connection.read(wanted.length)].map((byte, i) => wanted[i] === '??' ? '??' : byte.toString(16).padStart(2, '0'))
}

/** A daemon with an identity that is always the same, as the document's readers see it. */
async function start (world: World, seed: number): Promise<ClassicDaemon> {
  const file = world.path('key')
  await writeFile(file, privateKeyToProtobuf(await generateKeyPairFromSeed('Ed25519', Buffer.alloc(32, seed))))
  return await world.classic({ flags: ['-id', file] })
}

test('there are bytes to look at', t => { t.true(BLOCKS.length >= 6, `${BLOCKS.length} blocks`) })

for (const { title, turns } of BLOCKS) {
  test.serial(`as written: ${title}`, async t => {
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
      client: async bytes => { await client.write(Buffer.from(bytes.join(''), 'hex')) },
      daemon: async bytes => { t.deepEqual(await read(client, bytes), bytes) },
      handler: async bytes => {
        await openToAlice()
        t.deepEqual(await read(await listener.next(), bytes), bytes)
      },
      peer: async bytes => {
        await openToAlice()
        await atBob.write(Buffer.from(bytes.join(''), 'hex'))
      },
      other: async bytes => {
        await other.write(Buffer.from(bytes.join(''), 'hex'))
        t.is((await other.response()).type, 0)
      }
    }
    for (const { who, tokens } of turns) await says[who]?.(filled(tokens, ports))
    t.is(client.available, 0, 'more than is written there')
  })
}
