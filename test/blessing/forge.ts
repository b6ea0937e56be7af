/**
 * Signed envelopes put together by hand from the specifications, right ones and wrong ones.
 *
 * Shares no code with src/blessing nor with libp2p's own envelopes: what is common to both is the key that signs.
 */
import { createHash } from 'node:crypto'
import type { PrivateKey } from '@libp2p/interface'
import { message, varint, type Field } from '../helpers/protobuf.ts'

export const DOMAIN = 'p2pd-blessing'
export const PAYLOAD_TYPE = '/p2pd/blessing'

export interface Blessing {
  readonly issuer: Uint8Array
  readonly audience: Uint8Array
  readonly grant: Uint8Array
  readonly epoch: number | bigint
  readonly notBefore: number
  readonly expires: number
  readonly actions: readonly string[]
  readonly resources: readonly string[]
}

/** An envelope's fields. */
export interface Parts {
  readonly publicKey: Uint8Array
  readonly payloadType: Uint8Array
  readonly payload: Uint8Array
  readonly signature: Uint8Array
}

const KEY_TYPES: Record<string, number> = { RSA: 0, Ed25519: 1, secp256k1: 2 }

/** The PublicKey protobuf. */
export function publicKeyOf ({ publicKey: { type, raw } }: PrivateKey): Buffer {
  return message([1, KEY_TYPES[type] ?? -1], [2, raw])
}

/** A peer ID's bytes: the key itself where it is short, else its SHA-256. */
export function peerIdOf (key: PrivateKey): Buffer {
  const publicKey = publicKeyOf(key)
  return publicKey.length <= 42 ? multihash(0x00, publicKey) : multihash(0x12, createHash('sha256').update(publicKey).digest())
}

function multihash (code: number, digest: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([code, digest.length]), digest])
}

/** The fields of the Blessing message, to be written as they are or spoilt. */
export function blessingFields ({ issuer, audience, grant, epoch, notBefore, expires, actions, resources }: Blessing): Field[] {
  return [
    [1, issuer], [2, audience], [3, grant], [4, epoch], [5, notBefore], [6, expires],
    ...actions.map(action => [7, action] as const),
    ...resources.map(resource => [8, resource] as const)
  ]
}

/** What is signed is domain, payload type and payload, each behind its length. */
export async function sign (key: PrivateKey, payload: Uint8Array, { domain = DOMAIN, payloadType = PAYLOAD_TYPE }: { domain?: string, payloadType?: string | Uint8Array } = {}): Promise<Parts> {
  const parts = [domain, payloadType, payload].map(part => Buffer.from(part))
  const signature = await key.sign(Buffer.concat(parts.flatMap(part => [varint(part.length), part])))
  return { publicKey: publicKeyOf(key), payloadType: Buffer.from(payloadType), payload, signature }
}

/** The fields of the Envelope message, which is proto3: one that is empty is not written. */
export function envelopeFields ({ publicKey, payloadType, payload, signature }: Parts): Field[] {
  const fields = [[1, publicKey], [2, payloadType], [3, payload], [5, signature]] as const
  return fields.filter(([, value]) => value.length > 0)
}

export function envelope (parts: Parts): Buffer {
  return message(...envelopeFields(parts))
}

/** The same with one bit of it the other way. */
export function flipped (bytes: Uint8Array, bit: number): Buffer {
  const copy = Buffer.from(bytes)
  const at = bit >> 3
  copy.writeUInt8(copy.readUInt8(at) ^ (1 << (bit & 7)), at)
  return copy
}

/** The order of the group of Ed25519, and that of secp256k1. */
const ED25519_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n
const SECP256K1_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

/** Another number that satisfies the same equation: S is only unique below the order. */
export function ed25519Twin (signature: Uint8Array): Buffer {
  const bytes = Buffer.from(signature)
  const s = BigInt(`0x${Buffer.from(bytes.subarray(32).toReversed()).toString('hex')}`) + ED25519_ORDER
  return Buffer.concat([bytes.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex').toReversed()])
}

/** The same point mirrored, which satisfies it too. */
export function secp256k1Twin (signature: Uint8Array): Buffer {
  const bytes = Buffer.from(signature)
  const sAt = 4 + bytes.readUInt8(3)
  const s = SECP256K1_ORDER - BigInt(`0x${bytes.subarray(sAt + 2).toString('hex')}`)
  const hex = s.toString(16)
  const integer = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
  // A first bit of 1 would make the number negative.
  const positive = integer.readUInt8(0) < 0x80 ? integer : Buffer.concat([Buffer.from([0]), integer])
  const body = Buffer.concat([bytes.subarray(2, sAt + 1), Buffer.from([positive.length]), positive])
  return Buffer.concat([Buffer.from([0x30, body.length]), body])
}
