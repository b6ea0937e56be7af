/** What is no request: told so. The connection goes on when its next frame can be found, and ends when it cannot. */
import { memoryOf, type Memory } from '../../helpers/memory.ts'
import { frame, message, varint } from '../../helpers/protobuf.ts'
import { unknownPeer } from '../../helpers/addresses.ts'
import type { RawConnection } from '../../helpers/rawConnection.ts'
import * as requests from '../../helpers/requests.ts'
import type { Scene } from '../scene.ts'
import { endsInSilence, endsWithError, isError, isUsable, type Suite } from '../suite.ts'

const { CONNECT, DISCONNECT, STREAM_HANDLER, STREAM_OPEN } = requests.TYPE
const PEER = unknownPeer()
const MAX_FRAME_BYTES = 4 * 1024 * 1024
const MIB = 1024 * 1024

const UNPARSEABLE: Array<readonly [what: string, frame: Buffer]> = [
  ['nothing at all, so no type', frame(Buffer.alloc(0))],
  ['a message without a type', frame(message([2, message([1, PEER])]))],
  ['a field that is longer than the message', frame(Buffer.from([0x08, 0x00, 0x12, 0x7f, 0x00]))],
  ['a tag without a value', frame(Buffer.from([0x08]))],
  ['field number 0', frame(Buffer.from([0x08, 0x00, 0x00, 0x00]))],
  ['wire type 7', frame(Buffer.from([0x08, 0x00, 0x0f]))],
  ['a varint that does not end', frame(Buffer.concat([Buffer.from([0x08]), Buffer.alloc(11, 0xff)]))],
  ['CONNECT without a peer', frame(requests.request(CONNECT, [2, message()]))],
  ['STREAM_OPEN without a peer', frame(requests.request(STREAM_OPEN, [3, message([2, '/x'])]))],
  ['STREAM_HANDLER without an address', frame(requests.request(STREAM_HANDLER, [4, message([2, '/x'])]))],
  ['DISCONNECT without a peer', frame(requests.request(DISCONNECT, [7, message()]))]
]

const OVER_THE_LIMIT: Array<readonly [what: string, bytes: Buffer]> = [
  ['one byte over 4 MiB', varint(MAX_FRAME_BYTES + 1)],
  ['4 GiB', varint(2 ** 32)],
  ['2^63', varint(2n ** 63n)],
  ['a length that does not end', Buffer.alloc(32, 0xff)]
]

export function malformed ({ test, differs }: Suite): void {
  for (const [name, type] of Object.entries({ CONNECT, STREAM_OPEN, STREAM_HANDLER, DISCONNECT })) {
    test(`${name} without its submessage is an ERROR, and the connection goes on`, async (t, scene) => {
      const connection = await scene.dial()
      isError(t, await connection.ask(requests.request(type)), /missing parameters/i)
      await isUsable(t, connection)
    })
  }

  for (const [what, peer] of [['empty', ''], ['too short', '12'], ['no multihash', 'ff'.repeat(34)], ['cut short', PEER.toString('hex').slice(0, 40)]] as const) {
    test(`a peer ID that is ${what} is an ERROR, and the connection goes on`, async (t, scene) => {
      const connection = await scene.dial()
      const bytes = Buffer.from(peer, 'hex')
      for (const request of [requests.connect(bytes), requests.streamOpen(bytes, '/x'), requests.disconnect(bytes)]) {
        isError(t, await connection.ask(request))
      }
      await isUsable(t, connection)
    })
  }

  for (const [what, addr] of [['cut short', '047f00'], ['of an unknown protocol', 'ffff7f00']] as const) {
    test(`an address that is ${what} is an ERROR, and the connection goes on`, async (t, scene) => {
      const connection = await scene.dial()
      const bytes = Buffer.from(addr, 'hex')
      for (const request of [requests.connect(PEER, [bytes]), requests.streamHandler(bytes, '/x')]) isError(t, await connection.ask(request))
      await isUsable(t, connection)
    })
  }

  differs('closes-in-silence', {
    ours: [['an unknown request type is an ERROR, and the connection goes on', async (t, scene) => {
      const connection = await scene.dial()
      for (const type of [11, 42, 99, 2 ** 31 - 1, -1]) isError(t, await connection.ask(requests.request(type)), /type/, `type ${type}`)
      await isUsable(t, connection)
    }]],
    theirs: [['an unknown request type ends the connection without a word', async (t, scene) => {
      const connection = await scene.dial()
      await connection.send(requests.request(11))
      await endsInSilence(t, connection)
    }]]
  })

  for (const [what, bytes] of UNPARSEABLE) {
    differs('closes-in-silence', {
      ours: [[`what cannot be parsed is an ERROR and ends the connection: ${what}`, async (t, scene) => {
        const connection = await scene.dial()
        await connection.write(Buffer.concat([frame(requests.identify()), bytes, frame(requests.identify())]))
        t.not((await connection.response()).identify, undefined, 'what came before it')
        await endsWithError(t, connection)
      }]],
      theirs: [[`what cannot be parsed ends the connection without a word: ${what}`, async (t, scene) => {
        const connection = await scene.dial()
        await connection.write(bytes)
        await endsInSilence(t, connection)
      }]]
    })
  }

  for (const [what, bytes] of OVER_THE_LIMIT) {
    differs('closes-in-silence', {
      ours: [[`a frame over 4 MiB is an ERROR and ends the connection before its bytes come: ${what}`, async (t, scene) => {
        const connection = await scene.dial()
        await connection.write(bytes)
        await endsWithError(t, connection)
      }]],
      theirs: [[`a frame over 4 MiB ends the connection without a word: ${what}`, async (t, scene) => {
        const connection = await scene.dial()
        await connection.write(bytes)
        await endsInSilence(t, connection)
      }]]
    })
  }

  differs('closes-in-silence', {
    ours: [['a client that sends a frame over the limit without looking still reads the ERROR', async (t, scene) => {
      const connection = await scene.dial()
      await connection.write(frame(Buffer.alloc(8 * MIB)))
      await endsWithError(t, connection)
    }]],
    theirs: [['a client that sends a frame over the limit without looking may be reset', async (t, scene) => {
      const connection = await scene.dial()
      await t.throwsAsync(connection.write(frame(Buffer.alloc(8 * MIB))))
    }]]
  })

  differs('closes-in-silence', {
    ours: [['a connection that ends inside a frame is told so', async (t, scene) => {
      const connection = await scene.dial()
      await connection.write(Buffer.concat([frame(requests.identify()), Buffer.from([0x05, 0x08])]))
      connection.end()
      t.not((await connection.response()).identify, undefined)
      await endsWithError(t, connection)
    }]],
    theirs: [['a connection that ends inside a frame is closed without a word', async (t, scene) => {
      const connection = await scene.dial()
      await connection.write(Buffer.from([0x05, 0x08]))
      connection.end()
      await endsInSilence(t, connection)
    }]]
  })

  differs('reserves-what-is-announced', {
    ours: [['a frame that is announced takes no memory before it comes', async (t, scene) => {
      const { residentBytes, addressSpaceBytes } = await announce(scene)
      // All that was announced would be 1,000 MiB; what is not resident yet would be in the address space.
      t.true(residentBytes < 32 * MIB, `${residentBytes / MIB} MiB resident`)
      t.true(addressSpaceBytes < 128 * MIB, `${addressSpaceBytes / MIB} MiB of address space`)
    }]],
    theirs: [['a frame that is announced may reserve its size at once, which is not resident before it comes', async (t, scene) => {
      const { residentBytes } = await announce(scene)
      t.true(residentBytes < 64 * MIB, `${residentBytes / MIB} MiB resident`)
    }]]
  })
}

/** What 250 connections take in memory that each announce the largest frame and send nothing of it. */
async function announce (scene: Scene): Promise<Memory> {
  const pid = await scene.a.pid()
  const dial = async (): Promise<RawConnection[]> => {
    const connections: RawConnection[] = []
    while (connections.length < 250) {
      // A few at a time: how many may come at once is not what is asked here.
      const more = await Promise.all(Array.from({ length: 25 }, async () => await scene.dial()))
      await Promise.all(more.map(async connection => await connection.ask(requests.identify())))
      connections.push(...more)
    }
    return connections
  }
  // Once for nothing: what connections cost by themselves is not what is measured either.
  for (const connection of await dial()) connection.destroy()
  const connections = await dial()
  const before = memoryOf(pid)
  await Promise.all(connections.map(async connection => { await connection.write(varint(MAX_FRAME_BYTES)) }))
  // Answered after them, so they have been read.
  await scene.ok(requests.identify())
  const after = memoryOf(pid)
  return {
    residentBytes: after.residentBytes - before.residentBytes,
    addressSpaceBytes: after.addressSpaceBytes - before.addressSpaceBytes
  }
}
