/** Multiaddrs and peer IDs as bytes, put together by hand from their specifications. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { isIPv6 } from 'node:net'
import type { SocketAddress } from '../../src/wire/addresses.ts'
import { varint } from './protobuf.ts'

export type { SocketAddress }

/** Of the table of multiaddr protocols. */
const CODE = { ip4: 4, tcp: 6, dns: 53, dns4: 54, ip6: 41, udp: 273, unix: 400, p2p: 421 } as const

export function unix (path: string | Uint8Array): Buffer {
  return Buffer.concat([varint(CODE.unix), sized(Buffer.from(path))])
}

export function tcp (host: string, port: number): Buffer {
  return Buffer.concat([ip(host), varint(CODE.tcp), port16(port)])
}

export function udp (host: string, port: number): Buffer {
  return Buffer.concat([ip(host), varint(CODE.udp), port16(port)])
}

/** `/dns4/NAME/tcp/PORT`, or with `dns` any family. */
export function named (kind: 'dns' | 'dns4', name: string, port: number): Buffer {
  return Buffer.concat([varint(CODE[kind]), sized(Buffer.from(name)), varint(CODE.tcp), port16(port)])
}

export function withPeer (address: Uint8Array, peer: Uint8Array): Buffer {
  return Buffer.concat([address, varint(CODE.p2p), sized(peer)])
}

export function socketBytes (address: SocketAddress): Buffer {
  return 'path' in address ? unix(address.path) : tcp(address.host, address.port)
}

/** Host and port of `/ip4/.../tcp/...` and nothing behind it. */
export function tcpOf (address: Uint8Array): { host: string, port: number } {
  const [code, a, b, c, d, tcpCode, high, low, ...more] = address
  if (code !== CODE.ip4 || tcpCode !== CODE.tcp || low === undefined || high === undefined || more.length > 0) {
    throw new Error(`0x${Buffer.from(address).toString('hex')} is no /ip4/ADDRESS/tcp/PORT`)
  }
  return { host: [a, b, c, d].join('.'), port: high * 256 + low }
}

/** The ID of a key that exists and that nobody has: an identity multihash around a PublicKey protobuf. */
export function unknownPeer (): Buffer {
  const key = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }).subarray(-32)
  return Buffer.concat([Buffer.from([0x00, 0x24, 0x08, 0x01, 0x12, 0x20]), key])
}

/** The ID of an RSA key: the SHA-256 of something. */
export function unknownRsaPeer (): Buffer {
  return Buffer.concat([Buffer.from([0x12, 0x20]), randomBytes(32)])
}

function ip (host: string): Buffer {
  if (!isIPv6(host)) return Buffer.from([CODE.ip4, ...host.split('.').map(Number)])
  const mapped = /^::ffff:(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(host)
  const tail = mapped === null ? { '::': [0], '::1': [1] }[host] : [0xff, 0xff, ...mapped.slice(1).map(Number)]
  if (tail === undefined) throw new Error(`${host}: write it out here`)
  return Buffer.from([CODE.ip6, ...new Array<number>(16 - tail.length).fill(0), ...tail])
}

function port16 (port: number): Buffer {
  return Buffer.from([port >> 8, port & 0xff])
}

function sized (bytes: Uint8Array): Buffer {
  return Buffer.concat([varint(bytes.length), bytes])
}
