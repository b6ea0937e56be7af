import test from 'ava'
import { FrameReader, encodeFrame } from '../../src/wire/frames.ts'
import { MAX_FRAME_BYTES } from '../../src/limits.ts'

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

function all (reader: FrameReader): Uint8Array[] {
  const frames: Uint8Array[] = []
  for (let frame = reader.next(); frame !== undefined; frame = reader.next()) frames.push(frame)
  return frames
}

test('frames come out whole however the bytes are cut', t => {
  const messages = [bytes(), bytes(1), new Uint8Array(127).fill(2), new Uint8Array(128).fill(3), new Uint8Array(70_000).fill(4), bytes(5)]
  const stream = Buffer.concat(messages.map(message => encodeFrame(message)))
  for (const size of [1, 2, 3, 7, 127, 128, 129, 1000, 65_536, stream.length]) {
    const reader = new FrameReader()
    const frames: Uint8Array[] = []
    for (let at = 0; at < stream.length; at += size) {
      reader.push(stream.subarray(at, at + size))
      frames.push(...all(reader))
    }
    t.deepEqual(frames.map(frame => Buffer.from(frame)), messages.map(message => Buffer.from(message)), `in chunks of ${size}`)
    t.is(reader.bufferedBytes, 0)
    t.false(reader.midFrame)
  }
})

test('chunks pushed without asking in between come out the same', t => {
  const reader = new FrameReader()
  const stream = Buffer.concat([encodeFrame(new Uint8Array(5000).fill(1)), encodeFrame(new Uint8Array(5000).fill(2))])
  for (const byte of stream) reader.push(bytes(byte))
  t.is(reader.bufferedBytes, stream.length)
  t.deepEqual(all(reader), [new Uint8Array(5000).fill(1), new Uint8Array(5000).fill(2)])
})

test('a frame that lies in one chunk is a view of it', t => {
  const chunk = encodeFrame(bytes(1, 2, 3))
  const reader = new FrameReader()
  reader.push(chunk)
  t.is(reader.next()?.buffer, chunk.buffer)
})

test('the largest frame, a byte at a time, takes time in proportion to its bytes', t => {
  const time = (length: number): bigint => {
    const reader = new FrameReader()
    const stream = encodeFrame(new Uint8Array(length))
    const start = process.hrtime.bigint()
    let frame: Uint8Array | undefined
    for (let at = 0; at < stream.length; at++) {
      reader.push(stream.subarray(at, at + 1))
      frame = reader.next()
    }
    t.is(frame?.length, length)
    return process.hrtime.bigint() - start
  }
  time(MAX_FRAME_BYTES / 16)
  const small = time(MAX_FRAME_BYTES / 16)
  // 16 times the bytes would be 256 times the time if it were quadratic.
  t.true(time(MAX_FRAME_BYTES) < small * 80n)
})

test('a claimed length reserves nothing: what is held follows what came', t => {
  const readers = Array.from({ length: 256 }, () => {
    const reader = new FrameReader()
    reader.push(bytes(0x80, 0x80, 0x80, 0x02, 1))
    t.is(reader.next(), undefined)
    return reader
  })
  const before = process.memoryUsage().arrayBuffers
  const more = Array.from({ length: 64 }, () => {
    const reader = new FrameReader()
    reader.push(bytes(0x80, 0x80, 0x80, 0x02, 1))
    t.is(reader.next(), undefined)
    return reader
  })
  t.true(process.memoryUsage().arrayBuffers - before < 64 * 128 * 1024)
  t.is(readers.length + more.length, 320)
})

test('a length over the limit is refused when it is read, without waiting for the frame', t => {
  const reader = new FrameReader(10)
  reader.push(bytes(10))
  reader.push(new Uint8Array(10))
  t.is(reader.next()?.length, 10)
  reader.push(bytes(11))
  t.throws(() => reader.next(), { code: 'ERR_FRAME', message: 'a frame of 11 bytes is over the limit of 10' })
})

test('a length of more bytes than the limit needs is refused, also when every byte of it adds nothing', t => {
  const reader = new FrameReader(127)
  reader.push(bytes(0x80))
  t.throws(() => reader.next(), { code: 'ERR_FRAME' })
  const wide = new FrameReader(2 ** 35)
  wide.push(bytes(0x80, 0x80, 0x80, 0x80, 0x80, 0x00))
  t.is(wide.next()?.length, 0)
})

test('after a refused length there is no next frame', t => {
  const reader = new FrameReader(10)
  reader.push(bytes(11, 1, 7))
  t.throws(() => reader.next(), { code: 'ERR_FRAME' })
  t.throws(() => reader.next(), { code: 'ERR_FRAME' })
})

test('midFrame tells a begun frame from none, from its first byte on', t => {
  const reader = new FrameReader()
  t.false(reader.midFrame)
  reader.push(bytes(0x82))
  t.is(reader.next(), undefined)
  t.true(reader.midFrame)
  reader.push(bytes(0x00, 1))
  t.is(reader.next(), undefined)
  t.true(reader.midFrame)
  reader.push(bytes(2))
  t.deepEqual(reader.next(), bytes(1, 2))
  t.false(reader.midFrame)
})

test('takeRest gives every byte behind the last frame, in order, and leaves the reader empty', t => {
  const reader = new FrameReader()
  reader.push(Buffer.concat([encodeFrame(bytes(9)), bytes(1, 2)]))
  reader.push(bytes(3))
  reader.push(bytes(4, 5))
  t.is(reader.next()?.[0], 9)
  t.deepEqual(new Uint8Array(reader.takeRest()), bytes(1, 2, 3, 4, 5))
  t.is(reader.bufferedBytes, 0)
  t.is(reader.takeRest().length, 0)
  reader.push(encodeFrame(bytes(7)))
  t.deepEqual(reader.next(), bytes(7))
})

test('takeRest also gives back bytes that were already read as the beginning of a frame', t => {
  const reader = new FrameReader()
  for (const chunk of [bytes(0x85), bytes(0x00, 1, 2), bytes(3)]) {
    reader.push(chunk)
    t.is(reader.next(), undefined)
  }
  reader.push(bytes(4))
  t.deepEqual(new Uint8Array(reader.takeRest()), bytes(0x85, 0x00, 1, 2, 3, 4))
  t.false(reader.midFrame)
})

test('a message over the limit is not sent', t => {
  t.throws(() => encodeFrame(new Uint8Array(MAX_FRAME_BYTES + 1)), { code: 'ERR_FRAME' })
  t.is(encodeFrame(new Uint8Array(MAX_FRAME_BYTES)).length, MAX_FRAME_BYTES + 4)
})
