/** What malformed peers say, layer by layer: in place of a handshake, in place of Yamux frames, of a negotiation, of Identify. */
import type { Random } from '../../fuzz/random.ts'
import { frame, message, varint, type Field } from '../../helpers/protobuf.ts'

/** A line of multistream-select: its length, itself, a newline. */
const line = (text: string): Buffer => Buffer.concat([varint(text.length + 1), Buffer.from(`${text}\n`)])
const HEADER = line('/multistream/1.0.0')
const NOISE = Buffer.concat([HEADER, line('/noise')])

/** Instead of a handshake, or in the middle of one: of Noise every message is behind its length in 16 bits. */
export function handshakeBytes (random: Random): Buffer {
  const rest = random.bytes(random.size(4_000))
  return random.pick([
    () => rest,
    () => Buffer.concat([HEADER, rest]),
    () => Buffer.concat([HEADER, line(random.pick(['', 'ls', 'na', '/plaintext/2.0.0', '/tls/1.0.0', '__proto__', '/noise\0'])), rest]),
    () => Buffer.concat([NOISE, Buffer.alloc(2), rest]),
    () => Buffer.concat([NOISE, Buffer.from([0, 32]), random.bytes(32), rest]),
    () => Buffer.concat([NOISE, Buffer.from([0, 32]), Buffer.alloc(32), rest]), // a point of small order
    () => Buffer.concat([NOISE, Buffer.from([0xff, 0xff]), random.bytes(65_535)]),
    () => Buffer.concat([varint(random.pick([0, 2 ** 31, 2 ** 32])), rest]),
    () => Buffer.alloc(64, 0xff)
  ])()
}

const VERSION = 0
const [DATA, WINDOW, PING, GO_AWAY] = [0, 1, 2, 3]
const [SYN, ACK, FIN, RST] = [1, 2, 4, 8]

/** The 12 bytes before each piece of data: yamux's spec. */
function yamuxHeader (version: number, type: number, flags: number, stream: number, length: number): Buffer {
  const header = Buffer.alloc(12)
  header.writeUInt8(version, 0)
  header.writeUInt8(type, 1)
  header.writeUInt16BE(flags, 2)
  header.writeUInt32BE(stream, 4)
  header.writeUInt32BE(length, 8)
  return header
}

/** Frames that Yamux does not have, or that come when they should not. */
export function yamuxBytes (random: Random): Buffer {
  const id = random.pick([0, 1, 2, 3, 2 ** 31, 2 ** 32 - 1])
  return random.pick([
    () => random.bytes(1 + random.size(200)),
    () => yamuxHeader(random.below(256), random.below(256), random.below(65_536), id, random.next()),
    () => yamuxHeader(VERSION, DATA, 0, id, 2 ** 32 - 1),
    () => Buffer.concat([yamuxHeader(VERSION, DATA, SYN, 0, 4), random.bytes(4)]),
    () => yamuxHeader(VERSION, WINDOW, random.pick([0, SYN, ACK]), id, 2 ** 32 - 1),
    () => Buffer.concat(Array.from({ length: 10 }, () => yamuxHeader(VERSION, WINDOW, 0, 1, 2 ** 32 - 1))),
    () => Buffer.concat(Array.from({ length: 3 }, () => yamuxHeader(VERSION, WINDOW, SYN, 1, 0))), // the same stream again
    () => Buffer.concat(Array.from({ length: 2_000 }, (_, i) => yamuxHeader(VERSION, WINDOW, SYN, 2 * i + 1, 0))),
    () => yamuxHeader(VERSION, DATA, SYN | ACK | FIN | RST, id, 0),
    () => Buffer.concat(Array.from({ length: 200 }, () => yamuxHeader(VERSION, PING, random.pick([SYN, ACK, RST]), id, random.next()))),
    () => yamuxHeader(VERSION, GO_AWAY, 0, id, random.next())
  ])()
}

/** On a stream where nothing has been agreed on, or where something else has. */
export function streamBytes (random: Random): Buffer {
  return random.pick([
    () => random.bytes(1 + random.size(2_000)),
    () => HEADER,
    () => Buffer.concat([HEADER, line('/'.repeat(1_000))]),
    () => Buffer.concat([HEADER, ...Array.from({ length: 500 }, () => line('na'))]),
    () => varint(2 ** 32),
    () => Buffer.concat([varint(70_000), Buffer.alloc(70_000, 0x0a)]),
    () => Buffer.from([0])
  ])()
}

/** In place of an Identify message: its fields by number, with what does not belong there. */
export function identifyAnswer (random: Random): Buffer {
  const [key, listen, protocols, observed, agent, record] = [1, 2, 3, 4, 6, 8]
  const text = (): string | Buffer => random.pick(['__proto__', '\n{"forged":true}', '\u001b[2J', 'x'.repeat(5_000), random.bytes(50)])
  return random.pick<() => Buffer>([
    () => frame(random.bytes(random.size(500))),
    () => frame(message([key, random.bytes(36)], [record, random.bytes(200)])),
    () => frame(message(...Array.from({ length: 2_000 }, (): Field => [listen, random.bytes(8)]))),
    () => frame(message(...Array.from({ length: 2_000 }, (_, i): Field => [protocols, `/p/${i}`]))),
    () => frame(message([protocols, text()], [agent, text()], [observed, random.bytes(random.size(40))])),
    () => frame(Buffer.alloc(5_000, 0x0b)), // groups in groups
    () => Buffer.concat([varint(2 ** 31), random.bytes(100)]),
    () => frame(Buffer.alloc(0))
  ])()
}
