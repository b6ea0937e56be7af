import test from 'ava'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { buffer, text } from 'node:stream/consumers'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { P2pdClient } from '../../src/client/index.ts'
import { RequestType, ResponseType } from '../../src/wire/codec.ts'
import { ADDRESS, ADDRESS_BYTES, PEER, PEER_BYTES, asStream, framed, identified, ok, opened, refused, scriptedDaemon } from './scriptedDaemon.ts'

const PROTOCOL = '/echo/1.0.0'
const MIB = 1024 * 1024

/** So many random bytes in chunks of odd sizes; they go into the hash as they are taken. */
function * random (bytes: number, hash: ReturnType<typeof createHash>): Generator<Buffer> {
  const block = randomBytes(MIB + 1)
  for (let left = bytes; left > 0; left -= block.length) {
    const chunk = block.subarray(0, left)
    hash.update(chunk)
    yield chunk
  }
}

async function hashOf (stream: AsyncIterable<unknown>): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of stream) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

test('openStream sends peer, protocols and timeout, and gives peer, address and the protocol agreed on', async t => {
  const daemon = await scriptedDaemon(t, ({ socket, answer }) => {
    answer(opened)
    asStream(socket).end()
  })
  await using client = new P2pdClient(daemon.address)
  const one = await client.openStream(PEER, PROTOCOL)
  const two = await client.openStream(PEER, ['/echo/2.0.0', PROTOCOL], { timeoutSeconds: 7 })
  t.deepEqual([one.peerId, one.address, one.protocol], [PEER, ADDRESS, PROTOCOL])
  t.deepEqual(daemon.requests, [
    { type: RequestType.STREAM_OPEN, streamOpen: { peer: PEER_BYTES, proto: [PROTOCOL] } },
    { type: RequestType.STREAM_OPEN, streamOpen: { peer: PEER_BYTES, proto: ['/echo/2.0.0', PROTOCOL], timeout: 7 } }
  ])
  one.stream.destroy()
  two.stream.destroy()
})

test('an address that is not known here does not cost the stream', async t => {
  const daemon = await scriptedDaemon(t, ({ socket, answer }) => {
    answer({ type: ResponseType.OK, streamInfo: { peer: PEER_BYTES, addr: Uint8Array.of(0xff, 0xff, 0x7f), proto: PROTOCOL } })
    asStream(socket).end('there')
  })
  await using client = new P2pdClient(daemon.address)
  const { address, stream } = await client.openStream(PEER, PROTOCOL)
  t.is(address, '')
  t.is(await text(stream), 'there')
  stream.end()
})

/** Every way a program may read a stream that it just got. */
const readers: Record<string, (stream: Duplex) => Promise<string>> = {
  'for await': async stream => await text(stream),
  'data and end events': async stream => {
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => { chunks.push(chunk) })
    await once(stream, 'end')
    return Buffer.concat(chunks).toString()
  },
  'readable events': async stream => {
    const chunks: Buffer[] = []
    stream.on('readable', () => {
      for (let chunk = stream.read() as Buffer | null; chunk !== null; chunk = stream.read() as Buffer | null) chunks.push(chunk)
    })
    await once(stream, 'end')
    return Buffer.concat(chunks).toString()
  },
  pipeline: async stream => {
    const chunks: Buffer[] = []
    await pipeline(stream, async function (source) {
      for await (const chunk of source) chunks.push(chunk as Buffer)
    })
    return Buffer.concat(chunks).toString()
  }
}

for (const [how, read] of Object.entries(readers)) {
  for (const content of ['', 'x', 'more than a byte']) {
    test(`answer, ${content.length} bytes and the end in one packet are all there with ${how}`, async t => {
      const daemon = await scriptedDaemon(t, ({ socket }) => { asStream(socket).end(Buffer.concat([framed(opened), Buffer.from(content)])) })
      await using client = new P2pdClient(daemon.address)
      const { stream } = await client.openStream(PEER, PROTOCOL)
      t.is(await read(stream), content)
      stream.end()
      await daemon.openAtMost(0)
    })
  }

  test(`an answer and a stream that come a byte at a time are whole and in order with ${how}`, async t => {
    const content = 'the quick brown fox'
    const daemon = await scriptedDaemon(t, async ({ socket }) => {
      asStream(socket)
      for (const byte of Buffer.concat([framed(opened), Buffer.from(content)])) {
        socket.write(Uint8Array.of(byte))
        await new Promise(setImmediate)
      }
      socket.end()
    })
    await using client = new P2pdClient(daemon.address)
    const { stream } = await client.openStream(PEER, PROTOCOL)
    t.is(await read(stream), content)
    stream.end()
    await daemon.openAtMost(0)
  })
}

test('bytes stay in order when some came with the answer and more come later', async t => {
  const daemon = await scriptedDaemon(t, ({ socket }) => {
    asStream(socket).write(Buffer.concat([framed(opened), Buffer.from('first ')]))
    socket.once('data', () => { socket.end('second') }).resume()
  })
  await using client = new P2pdClient(daemon.address)
  const { stream } = await client.openStream(PEER, PROTOCOL)
  stream.end('go on')
  t.is(await text(stream), 'first second')
})

test('half-close goes both ways: the remote answers after our end, and we after its', async t => {
  const daemon = await scriptedDaemon(t, async ({ socket, answer }) => {
    answer(opened)
    socket.end(`you said ${await text(asStream(socket))}`)
  })
  await using client = new P2pdClient(daemon.address)
  const { stream } = await client.openStream(PEER, PROTOCOL)
  stream.end('hello')
  t.is(await text(stream), 'you said hello')
  await daemon.openAtMost(0)

  const heard = Promise.withResolvers<string>()
  daemon.script = ({ socket, answer }) => {
    answer(opened)
    asStream(socket).end('your turn')
    heard.resolve(text(socket))
  }
  const late = await client.openStream(PEER, PROTOCOL)
  t.is(await text(late.stream), 'your turn')
  late.stream.end('after the end')
  t.is(await heard.promise, 'after the end')
  await daemon.openAtMost(0)
})

test('32 MiB each way are the same bytes on the other side, also when the reader is slow', async t => {
  const sent = createHash('sha256')
  const answered = createHash('sha256')
  const received = Promise.withResolvers<string>()
  const daemon = await scriptedDaemon(t, async ({ socket, answer }) => {
    answer(opened)
    asStream(socket)
    const writing = pipeline(random(32 * MIB, answered), socket)
    received.resolve(hashOf(socket))
    await writing
  })
  await using client = new P2pdClient(daemon.address)
  const { stream } = await client.openStream(PEER, PROTOCOL)
  const hash = createHash('sha256')
  await Promise.all([
    pipeline(random(32 * MIB, sent), stream, { end: true }),
    (async () => {
      for await (const chunk of stream) {
        hash.update(chunk as Buffer)
        await new Promise(setImmediate)
      }
    })()
  ])
  t.is(await received.promise, sent.digest('hex'))
  t.is(hash.digest('hex'), answered.digest('hex'))
  await daemon.openAtMost(0)
})

test('a stream that nobody reads holds no more than a read’s worth of bytes', async t => {
  let remote: Socket | undefined
  const daemon = await scriptedDaemon(t, async ({ request, socket, answer }) => {
    if (request.type !== RequestType.STREAM_OPEN) {
      answer(identified)
      return
    }
    answer(opened)
    remote = asStream(socket)
    for (const chunk of random(16 * MIB, createHash('sha256'))) socket.write(chunk)
  })
  await using client = new P2pdClient(daemon.address)
  const { stream } = await client.openStream(PEER, PROTOCOL)
  for (let i = 0; i < 50; i++) await client.identify()
  t.true(stream.readableLength <= 128 * 1024, `${stream.readableLength} bytes`)
  t.true((remote?.writableLength ?? 0) > 8 * MIB)
  stream.destroy()
})

test('a stream that the remote resets fails whoever reads it, and is never uncaught', async t => {
  const daemon = await scriptedDaemon(t, ({ socket, answer }) => {
    answer(opened)
    // Closing with bytes unread makes it a reset (unix(7)).
    asStream(socket).once('readable', () => { socket.destroy() })
  })
  await using client = new P2pdClient(daemon.address)
  const { stream } = await client.openStream(PEER, PROTOCOL)
  stream.write('unread')
  await t.throwsAsync(async () => {
    for await (const chunk of stream) t.fail(String(chunk))
    await pipeline(random(MIB, createHash('sha256')), stream)
  })
  await daemon.openAtMost(0)
})

for (const [what, bytes, code] of [
  ['an ERROR', framed(refused('protocols not supported')), 'ERR_REMOTE'],
  ['an OK without a StreamInfo', framed(ok), 'ERR_MESSAGE'],
  ['a StreamInfo with a peer that is none', framed({ type: ResponseType.OK, streamInfo: { peer: Uint8Array.of(9), addr: ADDRESS_BYTES, proto: PROTOCOL } }), 'ERR_MESSAGE']
] as const) {
  test(`${what} for a stream is ${code}, and the connection is closed`, async t => {
    const daemon = await scriptedDaemon(t, ({ socket }) => { socket.write(bytes) })
    await using client = new P2pdClient(daemon.address)
    await t.throwsAsync(client.openStream(PEER, PROTOCOL), { name: 'P2pdError', code })
    await daemon.openAtMost(0)
  })
}

test('an end instead of a stream is ERR_CLOSED', async t => {
  const daemon = await scriptedDaemon(t, ({ socket }) => { socket.end() })
  await using client = new P2pdClient(daemon.address)
  await t.throwsAsync(client.openStream(PEER, PROTOCOL), { name: 'P2pdError', code: 'ERR_CLOSED' })
  await daemon.openAtMost(0)
})

test('streams go on when the client is closed', async t => {
  const daemon = await scriptedDaemon(t, ({ socket, answer }) => {
    answer(opened)
    asStream(socket).pipe(socket)
  })
  const client = new P2pdClient(daemon.address)
  const { stream } = await client.openStream(PEER, PROTOCOL)
  await client.close()
  stream.end('still here')
  t.is((await buffer(stream)).toString(), 'still here')
})

test('a hundred streams at once keep to themselves', async t => {
  const daemon = await scriptedDaemon(t, ({ socket, answer }) => {
    answer(opened)
    asStream(socket).pipe(socket)
  })
  await using client = new P2pdClient(daemon.address)
  await Promise.all(Array.from({ length: 100 }, async (_, i) => {
    const { stream } = await client.openStream(PEER, PROTOCOL)
    const content = String(i).repeat(10_000)
    stream.end(content)
    t.is(await text(stream), content)
  }))
  await daemon.openAtMost(0)
})
