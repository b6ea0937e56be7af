/** Answers, byte by byte: `type` always, fields ascending, nothing for what is empty; and addresses without a peer in them. */
import type { ExecutionContext } from 'ava'
import { fieldsOf, message, type ReadField } from '../../helpers/protobuf.ts'
import { tcpOf, unknownPeer } from '../../helpers/addresses.ts'
import { RawConnection } from '../../helpers/rawConnection.ts'
import * as requests from '../../helpers/requests.ts'
import type { Suite } from '../suite.ts'

const RESPONSE = { type: 1, error: 2, streamInfo: 3, identify: 4, peers: 6 } as const

function isAscending (t: ExecutionContext, fields: readonly ReadField[]): void {
  const numbers = fields.map(({ number }) => number)
  t.deepEqual(numbers, numbers.toSorted((one, other) => one - other))
}

/** The fields of the one submessage there is. */
function submessage (t: ExecutionContext, fields: readonly ReadField[], number: number): ReadField[] {
  t.deepEqual(fields.map(field => field.number), [RESPONSE.type, number])
  const value = fields[1]?.value
  const inner = fieldsOf(Buffer.isBuffer(value) ? value : Buffer.alloc(0))
  isAscending(t, inner)
  return inner
}

export function answers ({ test }: Suite): void {
  test('an OK with nothing to say is the two bytes of its type', async (t, scene) => {
    const connection = await scene.dial()
    await connection.send(requests.disconnect(unknownPeer()))
    t.is((await connection.readFrame()).toString('hex'), '0800')
  })

  test('LIST_PEERS without peers is the same two bytes', async (t, scene) => {
    await scene.disconnected()
    const connection = await scene.dial()
    await connection.send(requests.listPeers())
    t.is((await connection.readFrame()).toString('hex'), '0800')
  })

  test('an ERROR is its type and a message', async (t, scene) => {
    const connection = await scene.dial()
    await connection.send(requests.connect(unknownPeer()))
    const answer = await connection.readFrame()
    t.is(answer.subarray(0, 2).toString('hex'), '0801')
    const inner = submessage(t, fieldsOf(answer), RESPONSE.error)
    t.deepEqual(inner.map(({ number }) => number), [1])
    t.true(String(inner[0]?.value).length > 0)
  })

  test('IDENTIFY says who the host is and where it is reached, without its id in the addresses', async (t, scene) => {
    const connection = await scene.dial()
    await connection.send(requests.identify())
    const answer = await connection.readFrame()
    t.is(answer.subarray(0, 2).toString('hex'), '0800')
    const [id, ...addrs] = submessage(t, fieldsOf(answer), RESPONSE.identify)
    t.is(id?.number, 1)
    // An Ed25519 key's ID: the key itself, as an identity multihash; or the SHA-256 of another key.
    t.regex(Buffer.isBuffer(id?.value) ? id.value.toString('hex') : '', /^(0024080112[0-9a-f]{66}|1220[0-9a-f]{64})$/)
    t.true(addrs.length > 0)
    for (const { number, value } of addrs) {
      t.is(number, 2)
      using host = await RawConnection.to(tcpOf(Buffer.isBuffer(value) ? value : Buffer.alloc(0)))
      t.false(host.socket.destroyed, 'somebody listens there')
    }
  })

  test('IDENTIFY is answered the same each time', async (t, scene) => {
    t.deepEqual(await scene.identity(scene.a), await scene.identity(scene.a))
    t.notDeepEqual((await scene.identity(scene.a)).id, (await scene.identity(scene.b)).id)
  })

  test('STREAM_OPEN\'s answer has type and stream info; the info has peer, address and protocol', async (t, scene) => {
    const protocol = scene.protocol()
    await scene.handler(protocol)
    const { id } = await scene.identity(scene.b)
    const connection = await scene.dial()
    await connection.send(requests.streamOpen(id, protocol))
    const inner = submessage(t, fieldsOf(await connection.readFrame()), RESPONSE.streamInfo)
    t.deepEqual(inner.map(({ number }) => number), [1, 2, 3])
    t.deepEqual(inner[0]?.value, Buffer.from(id))
    t.is(String(inner[2]?.value), protocol)
  })

  test('a peer in LIST_PEERS is its id and the address it is connected at', async (t, scene) => {
    await scene.disconnected()
    const { id } = await scene.connected()
    const connection = await scene.dial()
    await connection.send(requests.listPeers())
    const inner = submessage(t, fieldsOf(await connection.readFrame()), RESPONSE.peers)
    t.deepEqual(inner.map(({ number }) => number), [1, 2])
    t.deepEqual(inner[0]?.value, Buffer.from(id))
    t.true((await scene.reachedAt(scene.b)).includes(Buffer.from(inner[1]?.value as Buffer).toString('hex')), 'one of those it listens on, without its id')
  })

  test('submessages that do not belong to the type are ignored', async (t, scene) => {
    const connection = await scene.dial()
    const answer = await connection.ask(requests.request(requests.TYPE.IDENTIFY, [2, message([1, unknownPeer()])], [7, message([1, unknownPeer()])]))
    t.not(answer.identify, undefined)
  })
}
