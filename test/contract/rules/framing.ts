/** Frames: how requests come in and answers go out, however the bytes are cut and however many there are. */
import { setTimeout as delay } from 'node:timers/promises'
import { frame, message } from '../../helpers/protobuf.ts'
import * as requests from '../../helpers/requests.ts'
import { tcp, unknownPeer } from '../../helpers/addresses.ts'
import { endsInSilence, endsWithError, isError, isOk, isUsable, type Suite } from '../suite.ts'

/** IDENTIFY with a field that nobody knows, so that the whole message has this length. */
function identifyOf (length: number): Buffer {
  for (let padding = length; padding >= 0; padding--) {
    const padded = message([1, 0], [99, Buffer.alloc(padding)])
    if (padded.length === length) return padded
  }
  throw new Error(`no padding gives ${length} bytes`)
}

/** One that waits long enough for others to overtake it if they could. */
const slowConnect = (port: number): Buffer => requests.connect(unknownPeer(), [tcp('127.0.0.1', port)], 1)

export function framing ({ test, differs }: Suite): void {
  test('a request may come a byte at a time, each in a write of its own', async (t, scene) => {
    const connection = await scene.dial()
    for (const byte of frame(identifyOf(200))) {
      await connection.write(Buffer.from([byte]))
      // Lets the daemon read before the next byte is there.
      await delay(0)
    }
    isOk(t, await connection.response())
  })

  for (const length of [127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 4 * 1024 * 1024]) {
    test(`a request of ${length} bytes is read whole`, async (t, scene) => {
      const connection = await scene.dial()
      isOk(t, await connection.ask(identifyOf(length)))
      await isUsable(t, connection)
    })
  }

  test('a length may be written with more bytes than it needs', async (t, scene) => {
    const connection = await scene.dial()
    await connection.write(Buffer.from([0x82, 0x80, 0x00, 0x08, 0x00]))
    isOk(t, await connection.response())
  })

  test('many requests on one connection are answered one by one', async (t, scene) => {
    const connection = await scene.dial()
    for (let i = 0; i < 50; i++) {
      t.not((await connection.ask(requests.identify())).identify, undefined)
      isError(t, await connection.ask(requests.connect(unknownPeer())))
    }
  })

  test('requests written at once are answered all, in their order', async (t, scene) => {
    const connection = await scene.dial()
    const round = [requests.identify(), requests.connect(unknownPeer()), requests.disconnect(unknownPeer())].map(frame)
    // Far more than any buffer on the way holds.
    const rounds = 1_000
    await connection.write(Buffer.concat(new Array<Buffer[]>(rounds).fill(round).flat()))
    for (let i = 0; i < rounds; i++) {
      const [identified, refused, disconnected] = [await connection.response(), await connection.response(), await connection.response()]
      if (identified.identify !== undefined && refused.type === 1 && disconnected.type === 0 && disconnected.identify === undefined) continue
      return t.fail(`round ${i}`)
    }
    t.is(connection.available, 0)
  })

  test('no answer overtakes one that takes long', async (t, scene) => {
    const { address } = await scene.blackHole()
    const connection = await scene.dial()
    await connection.write(Buffer.concat([slowConnect('port' in address ? address.port : 0), requests.identify()].map(frame)))
    isError(t, await connection.response())
    isOk(t, await connection.response())
  })

  test('a request that takes long holds up no other connection', async (t, scene) => {
    const { address } = await scene.blackHole()
    const [slow, quick] = [await scene.dial(), await scene.dial()]
    await slow.send(slowConnect('port' in address ? address.port : 0))
    await isUsable(t, quick)
    t.is(slow.available, 0)
    isError(t, await slow.response())
  })

  test('connections that are closed without a byte do no harm', async (t, scene) => {
    for (let i = 0; i < 50; i++) (await scene.dial()).destroy()
    const halfClosed = await scene.dial()
    halfClosed.end()
    await endsInSilence(t, halfClosed)
    await isUsable(t, await scene.dial())
  })

  test('a client that ends its writing after its requests gets every answer, then the end', async (t, scene) => {
    const connection = await scene.dial()
    await connection.write(Buffer.concat([requests.identify(), requests.listPeers(), requests.identify()].map(frame)))
    connection.end()
    for (let i = 0; i < 3; i++) isOk(t, await connection.response())
    await endsInSilence(t, connection)
  })

  test('and so does one that ends its writing while its request is being worked on', async (t, scene) => {
    const { address } = await scene.blackHole()
    const connection = await scene.dial()
    await connection.write(frame(slowConnect('port' in address ? address.port : 0)))
    connection.end()
    await endsWithError(t, connection)
  })

  differs('half-frames-wait-forever', {
    slow: true,
    ours: [['a frame that was begun has 10 seconds to become whole, and an idle connection has for ever', async (t, scene) => {
      const [begun, trickling, idle, used] = [await scene.dial(), await scene.dial(), await scene.dial(), await scene.dial()]
      await isUsable(t, used)
      const start = Date.now()
      await begun.write(Buffer.from([0x64]))
      await trickling.write(Buffer.from([0x64]))
      const trickle = setInterval(() => { trickling.socket.write(Buffer.from([0x0a])) }, 1_000)
      try {
        await endsWithError(t, begun, 'a length and nothing else', 20_000)
        t.true(Date.now() - start > 9_000, `after ${Date.now() - start} ms`)
        await endsWithError(t, trickling, 'a byte a second')
      } finally {
        clearInterval(trickle)
      }
      await isUsable(t, idle)
      await isUsable(t, used)
    }]],
    theirs: [['a frame that was begun is waited for without end', async (t, scene) => {
      const begun = await scene.dial()
      await begun.write(Buffer.from([0x02]))
      await delay(11_000)
      await begun.write(Buffer.from([0x08, 0x00]))
      isOk(t, await begun.response())
    }]]
  })
}
