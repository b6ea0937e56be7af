/** What hostile clients put into fields: peer IDs, addresses, protocol ids and numbers, right, nearly right and absurd. */
import { named, tcp, udp, unix, withPeer } from '../helpers/addresses.ts'
import { varint, type Field } from '../helpers/protobuf.ts'
import { Random } from './random.ts'

/** TCP ports of loopback where nobody listens: below those the system gives out, and no service of this machine's. */
export const CLOSED_PORTS = [0, 1, 2, 7, 9, 65_535]

/** The same in each run, or a seed would not repeat it. No key has them. */
const PEERS = [
  ...[1, 2, 3, 4].map(i => Buffer.concat([Buffer.from([0x00, 0x24, 0x08, 0x01, 0x12, 0x20]), new Random(i).bytes(32)])),
  Buffer.concat([Buffer.from([0x12, 0x20]), new Random(5).bytes(32)])
]

/** The daemon's, in whose name things are asked: of the Ed25519 key that DAEMON_SEED makes. */
export const DAEMON = Buffer.from('002408011220ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1', 'hex')
export const DAEMON_SEED = 3

const BAD_PEERS = [
  Buffer.alloc(0), Buffer.alloc(1), Buffer.from([0, 0]), Buffer.from([0x12, 0x20]), Buffer.alloc(34, 0xff), Buffer.alloc(64 * 1024, 0x12),
  Buffer.from([0x00, 0x24, 0x08, 0x01, 0x12, 0x20]), Buffer.from([0x12, 0x21, ...Buffer.alloc(33)]), Buffer.from('12D3KooWNotBytesButText')
]

/** The multihash of a key of each type, whether or not the bytes are a key. */
const ODD_KEYS = [0, 1, 2, 3, 4, 127].map(type => Buffer.concat([Buffer.from([0x00, 0x24, 0x08, type, 0x12, 0x20]), Buffer.alloc(32, type)]))

export function peer (random: Random): Uint8Array {
  return random.weighted<() => Uint8Array>([
    [6, () => random.pick(PEERS)], [3, () => random.pick(BAD_PEERS)], [2, () => random.pick(ODD_KEYS)], [1, () => random.bytes(random.size(64))]
  ])()
}

/** Whom a request that changes connections is about: now and then the daemon, which ends what others ask in its name. */
export function connected (random: Random): Uint8Array {
  return random.chance(0.01) ? DAEMON : peer(random)
}

/** In whose name something is asked. */
export function name (random: Random): Uint8Array {
  return random.chance(0.8) ? DAEMON : peer(random)
}

/** Every one that can be dialled is of loopback and closed; harmless.ts looks again. */
export function address (random: Random): Uint8Array {
  const closed = tcp('127.0.0.1', random.pick(CLOSED_PORTS))
  return random.weighted<() => Uint8Array>([
    [4, () => tcp(random.pick(['127.0.0.1', '127.0.0.2', '127.255.255.255', '::1']), random.pick(CLOSED_PORTS))],
    [2, () => withPeer(closed, peer(random))],
    [2, () => unix(random.pick(['/nowhere', '', '/', '\0abstract', 'relative', `/${'x'.repeat(random.size(300))}`, '/a\nb', '/%2f', '/\xff']))],
    [1, () => udp('127.0.0.1', random.pick(CLOSED_PORTS))],
    [1, () => named(random.pick(['dns', 'dns4'] as const), '', random.pick(CLOSED_PORTS))],
    [1, () => Buffer.concat([closed, random.bytes(random.size(16))])],
    [1, () => closed.subarray(0, random.below(8))],
    [1, () => Buffer.concat(Array.from({ length: 1 + random.size(200) }, () => closed))],
    [1, () => Buffer.concat([varint(random.pick([4, 6, 41, 42, 53, 54, 55, 56, 273, 290, 400, 421, 460, 2 ** 31])), random.bytes(random.size(40))])],
    [1, () => random.bytes(random.size(32))]
  ])()
}

const IDS: ReadonlyArray<string | Uint8Array> = [
  '/x', '/chat/1.0.0', '/ipfs/id/1.0.0', '/ipfs/ping/1.0.0', '/multistream/1.0.0', '/noise', '/yamux/1.0.0', 'na', 'ls', '\n',
  '', ' ', '\0', '/', '__proto__', 'constructor', 'prototype', 'toString', 'valueOf', '/\u202e/', '/\u2028', '\x1b[2J', '{{7*7}}', '%s%n',
  `/${'x'.repeat(255)}`, `/${'x'.repeat(256)}`, 'é'.repeat(128), '\u{1f642}'.repeat(64), '\u{1f642}'.repeat(65), 
  Buffer.from([0xff]), Buffer.from([0xc0, 0x80]), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from([0xf4, 0x90, 0x80, 0x80]), Buffer.from([0x2f, 0xe2, 0x82])
]

const HUGE_ID = 'x'.repeat(100_000)

export function protocol (random: Random): string | Uint8Array {
  return random.weighted<() => string | Uint8Array>([
    [80, () => random.pick(IDS)], [1, () => HUGE_ID], [30, () => `/fuzz/${random.below(200)}`], [20, () => random.bytes(random.size(300))]
  ])()
}

/** Any varint: seconds, counts, booleans, types. */
export function number (random: Random): number | bigint {
  return random.weighted<number | bigint>([
    [4, random.below(16)],
    [2, random.next()],
    [2, random.pick([-1, -(2 ** 31), 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53, 2n ** 63n, 2n ** 64n - 1n, -(2n ** 63n)])],
    [1, BigInt(random.next()) << 32n | BigInt(random.next())]
  ])
}

/** A field of the kind that its number has in the protocol, or any other. */
export function field (random: Random, fieldNumber: number): Field {
  return [fieldNumber, random.weighted<(random: Random) => number | bigint | string | Uint8Array>([
    [3, number], [2, peer], [2, address], [2, protocol], [1, () => random.bytes(random.size(200))]
  ])(random)]
}
