/** Streams once they are open: bytes both ways, many at once, back-pressure, and ends that are not asked for. */
import { createHash, randomBytes } from 'node:crypto'
import { isPendingAfter, until } from '../../helpers/deadlines.ts'
import * as requests from '../../helpers/requests.ts'
import { memoryOf } from '../../helpers/memory.ts'
import type { Scene } from '../scene.ts'
import { isUsable, type Suite } from '../suite.ts'

const MIB = 1024 * 1024
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

export function streams ({ test, differs }: Suite): void {
  test('bytes go both ways at once and arrive as they were', async (t, scene) => {
    const { opener, handler } = await scene.stream()
    const [there, back] = [randomBytes(4 * MIB), randomBytes(4 * MIB)]
    const [, , atHandler, atOpener] = await Promise.all([opener.write(there), handler.write(back), handler.read(there.length), opener.read(back.length)])
    t.is(sha256(atHandler), sha256(there))
    t.is(sha256(atOpener), sha256(back))
  })

  test('twenty streams at once each have their own bytes', async (t, scene) => {
    const protocol = scene.protocol()
    const listener = await scene.handler(protocol)
    const opened = await Promise.all(new Array(20).fill(0).map(async () => (await scene.open(protocol)).stream))
    await Promise.all(opened.map(async (stream, i) => { await stream.write(Buffer.alloc(64 * 1024, i)) }))
    const seen = new Set<number>()
    for (let i = 0; i < opened.length; i++) {
      const inbound = await listener.next()
      await inbound.streamInfo()
      const bytes = await inbound.read(64 * 1024)
      seen.add(bytes.readUInt8(0))
      t.true(bytes.every(byte => byte === bytes[0]))
      await inbound.write(bytes.subarray(0, 1))
    }
    t.is(seen.size, opened.length)
    for (const [i, stream] of opened.entries()) t.is((await stream.read(1)).readUInt8(0), i)
  })

  test('a program that does not read stops the one that writes, and gets all of it later', async (t, scene) => {
    const { opener, handler } = await scene.stream()
    handler.socket.pause()
    const bytes = randomBytes(64 * MIB)
    const [a, b] = [await scene.a.pid(), await scene.b.pid()]
    const before = memoryOf(a).residentBytes + memoryOf(b).residentBytes
    const written = opener.write(bytes, 60_000)
    t.true(await isPendingAfter(1_000, written), 'somebody has taken all of it')
    const more = memoryOf(a).residentBytes + memoryOf(b).residentBytes - before
    t.true(more < 48 * MIB, `${more / MIB} MiB more in both`)
    handler.socket.resume()
    t.is(sha256(await handler.read(bytes.length, 60_000)), sha256(bytes))
    await written
  })

  differs('reset-shows-as-a-fault', {
    ours: [['a stream whose handler has gone ends with an end of file, also for one that was writing', async (t, scene) => {
      const protocol = scene.protocol()
      const listener = await scene.handler(protocol)
      await listener.stopListening()
      for (let round = 0; round < 5; round++) {
        const { stream } = await scene.open(protocol)
        stream.pour(Buffer.alloc(64 * 1024))
        t.is((await stream.readToEnd()).length, 0)
      }
    }], ['a stream that is reset ends with an end of file, also for one that was writing', async (t, scene) => {
      const { opener, handler } = await scene.stream()
      for (const end of [opener, handler]) end.socket.pause()
      // Until every buffer on the way is full: some of it is unread wherever the reset finds it.
      for (const end of [opener, handler]) {
        let refused = 0
        await until('full buffers', () => {
          refused = end.pour(Buffer.alloc(64 * 1024)) === 0 ? refused + 1 : 0
          return refused === 20
        })
      }
      const { id } = await scene.identity(scene.b)
      await scene.ok(requests.disconnect(id))
      opener.socket.resume()
      handler.socket.resume()
      for (const end of [opener, handler]) t.true((await end.readToEnd()).length > 0)
    }]],
    theirs: [['a stream whose handler has gone is refused, or ends as an end of file or a broken connection', async (t, scene) => {
      const protocol = scene.protocol()
      const listener = await scene.handler(protocol)
      await listener.stopListening()
      for (let round = 0; round < 5; round++) {
        await scene.open(protocol).then(async ({ stream }) => await stream.readToEnd())
          .catch((error: unknown) => { t.regex(String(error), /ECONNRESET|EPIPE|reset/) })
      }
      t.pass()
    }], ['a stream that is reset ends, as an end of file or a broken connection', async (t, scene) => {
      const { opener } = await scene.stream()
      const { id } = await scene.identity(scene.b)
      opener.socket.write(Buffer.alloc(16 * MIB))
      await scene.ok(requests.disconnect(id))
      await opener.readToEnd().catch((error: unknown) => { t.regex(String(error), /ECONNRESET|EPIPE/) })
      t.pass()
    }]]
  })

  test('a program that goes away ends the stream for the other', async (t, scene) => {
    for (const leaving of ['opener', 'handler'] as const) {
      const stream = await scene.stream()
      const staying = stream[leaving === 'opener' ? 'handler' : 'opener']
      stream[leaving].destroy()
      t.is((await staying.readToEnd()).length, 0, `${leaving} leaves`)
    }
    await isUsable(t, await scene.dial())
  })

  const leave = async (scene: Scene): Promise<{ written: Buffer, arrived: Buffer }> => {
    const { opener, handler } = await scene.stream()
    const written = randomBytes(256 * 1024)
    handler.socket.pause()
    await opener.write(written)
    opener.destroy()
    handler.socket.resume()
    return { written, arrived: await handler.readToEnd() }
  }
  differs('a-close-may-lose-the-last-bytes', {
    ours: [['what a program wrote before it went is delivered', async (t, scene) => {
      const { written, arrived } = await leave(scene)
      t.is(sha256(arrived), sha256(written))
    }]],
    theirs: [['what a program wrote before it went comes in its order, and may be cut short', async (t, scene) => {
      const { written, arrived } = await leave(scene)
      t.is(sha256(arrived), sha256(written.subarray(0, arrived.length)))
    }]]
  })
}
