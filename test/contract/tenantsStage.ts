/**
 * Who plays the blocks marked `wire tenants` in proto/PROTOCOL.md: a daemon and its tenants `indexer` and `chat`, with identities
 * that are always the same, and a blessing of indexer's.
 *
 * `chat` is what a program sends on a connection to chat's control socket, `to chat` what comes there; `indexer` likewise, and
 * `as-daemon` on indexer's socket of that name. `end` is an end of file. `GG` is the blessing's id, `NN` and `EE` are when it
 * begins and ends, as varints, and `SS` is its signature, which is checked here and not by what checks it in p2pd.
 */
import { createPublicKey, verify } from 'node:crypto'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { generateKeyPairFromSeed, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { AdminClient } from '../../src/cli/adminClient.ts'
import type { SocketAddress } from '../helpers/addresses.ts'
import type { TenantsDaemon } from '../helpers/daemons.ts'
import { fieldsOf, varint } from '../helpers/protobuf.ts'
import { RawConnection } from '../helpers/rawConnection.ts'
import { World } from '../helpers/world.ts'
import { ANY, filled, masked, say, wordsOf, type Block, type Turn, type Words } from './page.ts'

/** Of the keys: those of proto/blessings.json that are called otherDaemon, app and otherApp. */
const SEEDS = { daemon: 3, indexer: 4, chat: 5 }

const BLESSING = { actions: ['provideService', 'listPeers'], resources: ['/search/', '/p2pd/plugin/', 'own'], seconds: 3_600 }

const DOMAIN = 'p2pd-blessing'
/** What stands before an Ed25519 key in a SubjectPublicKeyInfo. */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex')

export async function playTenants (t: ExecutionContext, { turns }: Block): Promise<void> {
  await using world = await World.create()
  const own = Object.fromEntries(Object.keys(SEEDS).map(name => [name, {}]))
  const daemon = await world.tenants(own)
  const words = await prepare(daemon)
  using opened = new DisposableStack()
  const connections = new Map<string, RawConnection>()
  const connectionOf = async (name: string): Promise<RawConnection> => {
    const found = connections.get(name) ?? opened.use(await RawConnection.to(socketOf(daemon, name)))
    connections.set(name, found)
    return found
  }
  for (const turn of turns) {
    if (turn.who.startsWith('to ')) await isHeard(t, turn, words, await connectionOf(turn.who.slice('to '.length)))
    else await say(await connectionOf(turn.who), filled(turn, words))
  }
  for (const connection of connections.values()) connection.end()
  for (const [name, connection] of connections) t.is((await connection.readToEnd()).toString('hex'), '', `to ${name}: more than is written there`)
}

/** Its identities and its blessing; returns what is known of that. */
async function prepare ({ admin }: TenantsDaemon): Promise<Words> {
  if (!('path' in admin)) throw new Error('the admin socket has no path')
  const operator = new AdminClient(admin.path)
  for (const [name, seed] of Object.entries(SEEDS)) {
    await operator.import(name, privateKeyToProtobuf(await generateKeyPairFromSeed('Ed25519', Buffer.alloc(32, seed))), { replace: true })
  }
  const { id, notBefore, expires } = await operator.bless('indexer', BLESSING)
  return { GG: wordsOf(Buffer.from(id, 'hex')), NN: wordsOf(varint(notBefore)), EE: wordsOf(varint(expires)), SS: [ANY] }
}

function socketOf (daemon: TenantsDaemon, name: string): SocketAddress {
  if (name === 'as-daemon') return { path: join(daemon.runDirectory, 'indexer', 'as-daemon.sock') }
  if (name !== 'indexer' && name !== 'chat') throw new Error(`${name} is nobody who could say anything`)
  return daemon.control(name)
}

async function isHeard (t: ExecutionContext, turn: Turn, words: Words, connection: RawConnection): Promise<void> {
  if (turn.tokens.join() === 'end') {
    t.is((await connection.readToEnd()).toString('hex'), '', `${turn.who} end`)
    return
  }
  const wanted = filled(turn, words)
  const heard = await connection.read(wanted.length)
  t.deepEqual(masked(heard, wanted), wanted, turn.who)
  if (turn.tokens.includes('SS')) t.true(isSigned(heard), 'the signature')
}

/** As RFC 0002 of libp2p says: over domain, payload type and payload, each behind its length. */
function isSigned (answer: Buffer): boolean {
  const response = answer.subarray(answer.findIndex(byte => byte < 0x80) + 1)
  const envelope = bytesAt(bytesAt(response, 101), 1)
  const [key, type, payload, signature] = [bytesAt(bytesAt(envelope, 1), 2), bytesAt(envelope, 2), bytesAt(envelope, 3), bytesAt(envelope, 5)]
  const signed = Buffer.concat([Buffer.from(DOMAIN), type, payload].flatMap(part => [varint(part.length), part]))
  return verify(null, signed, createPublicKey({ key: Buffer.concat([SPKI, key]), format: 'der', type: 'spki' }), signature)
}

function bytesAt (message: Uint8Array, number: number): Buffer {
  const value = fieldsOf(message).find(field => field.number === number)?.value
  if (!Buffer.isBuffer(value)) throw new Error(`no bytes in field ${number}`)
  return value
}
