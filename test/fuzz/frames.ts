/** Frames, right and wrong: requests behind their lengths, requests with damage, lengths that lie, and noise. */
import { frame, varint } from '../helpers/protobuf.ts'
import type { Random } from './random.ts'
import { hostileRequest } from './requests.ts'

type Make = (random: Random) => Buffer

/** One change each; none makes more of the bytes than it gets and a little. */
const damages: ReadonlyArray<(bytes: Buffer, random: Random) => Buffer> = [
  // A flipped bit.
  (bytes, random) => { bytes[random.below(bytes.length)] = random.next(); return bytes },
  (bytes, random) => { const at = random.below(bytes.length); bytes[at] = (bytes[at] ?? 0) ^ 1 << random.below(8); return bytes },
  // Cut short.
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  // A piece missing, a piece twice, a piece of noise.
  (bytes, random) => { const at = random.below(bytes.length); return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.size(16))]) },
  (bytes, random) => { const at = random.below(bytes.length); return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at - random.size(Math.min(at, 64) + 1))]) },
  (bytes, random) => { const at = random.below(bytes.length); return Buffer.concat([bytes.subarray(0, at), random.bytes(random.size(32)), bytes.subarray(at)]) }
]

function damaged (random: Random): Buffer {
  let bytes = hostileRequest(random)
  for (let changes = 1 + random.size(4); changes > 0 && bytes.length > 0; changes--) bytes = random.pick(damages)(Buffer.from(bytes), random)
  return bytes
}

/** A varint with more bytes than it needs. */
function longVarint (value: number, bytes: number): Buffer {
  const shortest = varint(value)
  const padding = Math.max(0, bytes - shortest.length)
  if (padding === 0) return shortest
  return Buffer.concat([shortest.map((byte, i) => i === shortest.length - 1 ? byte | 0x80 : byte), Buffer.alloc(padding - 1, 0x80), Buffer.alloc(1)])
}

const makers: ReadonlyArray<readonly [weight: number, make: Make]> = [
  [1_200, random => frame(hostileRequest(random))],
  [40, random => frame(damaged(random))],
  [20, random => { const body = hostileRequest(random); return Buffer.concat([longVarint(body.length, 1 + random.below(6)), body]) }],
  // Lengths that lie, a little and a lot; what follows is read as whatever it then is.
  [8, random => { const body = hostileRequest(random); return Buffer.concat([varint(Math.max(0, body.length + random.below(9) - 4)), body]) }],
  [4, random => Buffer.concat([varint(random.pick([4 * 1024 * 1024, 4 * 1024 * 1024 + 1, 2 ** 31, 2 ** 32, 2n ** 63n])), random.bytes(random.size(64))])],
  [2, random => Buffer.alloc(1 + random.below(16), 0x80 + random.below(128))],
  [2, () => frame(Buffer.alloc(0))],
  [4, random => frame(random.bytes(random.size(200)))],
  [4, random => random.bytes(1 + random.size(200))],
  // Groups inside groups, which nobody has used for decades and every parser skips by calling itself.
  [1, random => frame(Buffer.concat([Buffer.from([0x08, 0x00]), Buffer.alloc(random.pick([10, 1_000, 100_000]), random.pick([0x0b, 0x0c, 0x7b]))]))],
  // Messages inside messages, and large ones.
  [1, random => { let body = Buffer.alloc(0); for (let depth = random.below(200); depth > 0; depth--) body = Buffer.concat([Buffer.from([0x08, 0x01, 0x12]), varint(body.length), body]); return frame(body) }],
  [1, random => frame(Buffer.concat([Buffer.from([0x08, 0x03, 0x22]), random.bytes(random.size(300_000))]))]
]

/** Bytes of one frame, more or less. */
export function anyFrame (random: Random): Buffer {
  return random.weighted(makers)(random)
}
