/**
 * The libp2p PrivateKey protobuf: bytes <-> key type and peer ID.
 *
 * Owns which keys p2pd takes, and the sentence for those it does not. Knows nothing of where keys are kept.
 */
import { createPrivateKey, randomBytes } from 'node:crypto'
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { messageOf } from '../errors.ts'
import { keystoreError } from './faults.ts'

type LibPrivateKey = ReturnType<typeof privateKeyFromProtobuf>

const KEY_TYPES = ['Ed25519', 'RSA', 'secp256k1'] as const
export type KeyType = typeof KEY_TYPES[number]

export interface ParsedKey {
  keyType: KeyType
  peerId: string
  /** The libp2p PrivateKey protobuf, in the one spelling js-libp2p writes. */
  bytes: Uint8Array
}

const WANTED = 'wanted the libp2p PrivateKey protobuf, as `p2pd -id` takes it'

/** go-libp2p and the libp2p peer id specification refuse smaller ones, so that no peer would talk to it. */
const MIN_RSA_BITS = 2048

/** An RSA key of 8192 bits, the largest js-libp2p takes, is 4.7 kB. */
const MAX_PRIVATE_KEY_BYTES = 16 * 1024

export function isKeyType (value: unknown): value is KeyType {
  return KEY_TYPES.some(type => type === value)
}

export async function generateEd25519 (): Promise<ParsedKey> {
  return describe(await generateKeyPair('Ed25519'))
}

/** ERR_KEYSTORE with what it is instead, if it is no private key that p2pd takes. */
export function parsePrivateKey (bytes: Uint8Array): ParsedKey {
  return describe(decode(bytes))
}

/**
 * The same for a key from outside, which also has to sign what its public half verifies: a public half that belongs to
 * another key would give this host a peer ID it cannot prove, and no peer would say why.
 */
export async function provePrivateKey (bytes: Uint8Array): Promise<ParsedKey> {
  const key = decode(bytes)
  const parsed = describe(key)
  if (!await provesItself(key)) {
    throw keystoreError(`this is ${article(key.type)} key whose private and public halves do not belong together: take it ` +
      'from its source again')
  }
  return parsed
}

function decode (bytes: Uint8Array): LibPrivateKey {
  if (bytes.length === 0) throw keystoreError(`this is empty, ${WANTED}`)
  if (bytes.length > MAX_PRIVATE_KEY_BYTES) {
    throw keystoreError(`this holds ${bytes.length} bytes, more than any private key, ${WANTED}`)
  }
  try {
    return privateKeyFromProtobuf(bytes)
  } catch (cause) {
    throw keystoreError(`this is ${guess(bytes)}, ${WANTED}`, cause)
  }
}

function describe (key: LibPrivateKey): ParsedKey {
  const { type } = key
  if (!isKeyType(type)) throw keystoreError(`this is ${article(type)} key, wanted one of ${KEY_TYPES.join(', ')}`)
  if (key.type === 'RSA') assertRsaSize(key.raw)
  return { keyType: type, peerId: peerIdFromPrivateKey(key).toString(), bytes: privateKeyToProtobuf(key) }
}

function assertRsaSize (pkcs1: Uint8Array): void {
  let bits
  try {
    bits = createPrivateKey({ key: Buffer.from(pkcs1), format: 'der', type: 'pkcs1' }).asymmetricKeyDetails?.modulusLength ?? 0
  } catch (cause) {
    throw keystoreError(`this is an RSA key that cannot be read (${messageOf(cause)}), ${WANTED}`, cause)
  }
  if (bits < MIN_RSA_BITS) throw keystoreError(`this is an RSA key of ${bits} bits, libp2p wants at least ${MIN_RSA_BITS}`)
}

async function provesItself (key: LibPrivateKey): Promise<boolean> {
  const challenge = randomBytes(32)
  try {
    return await key.publicKey.verify(challenge, await key.sign(challenge))
  } catch {
    // The libraries throw on numbers that are no key at all, instead of answering false.
    return false
  }
}

/** What people hand in instead, by its looks. */
function guess (bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('latin1').trimStart()
  if (text.startsWith('-----BEGIN')) return 'PEM text'
  if (text.startsWith('{')) return 'JSON text'
  if (/^[\w+/=\s-]+$/.test(text)) return 'text (base64 or hex has to be decoded first)'
  if (bytes.length === 32 || bytes.length === 64) return `${bytes.length} bytes, the size of a bare key,`
  return `no key (${bytes.length} bytes)`
}

function article (type: string): string {
  return /^[AEIOR]/.test(type) ? `an ${type}` : `a ${type}`
}
