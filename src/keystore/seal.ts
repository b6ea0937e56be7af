/**
 * Sealing: AES-256-GCM over one value, bound to the place it belongs to.
 *
 * Owns the format and nothing else: byte 0 is the version, then 12 bytes nonce, the ciphertext, 16 bytes tag. Where the
 * key comes from is sealingKey.ts; what a place is called is record.ts.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { keystoreError } from './faults.ts'

/** AES-256: NIST FIPS 197. */
export const SEALING_KEY_BYTES = 32

const VERSION = 1
/** 96 bits, NIST SP 800-38D 8.2.2: drawn at random it is safe for 2^32 values a key, and we write a few per tenant. */
const NONCE_BYTES = 12
/** The whole tag, 128 bits: a shorter one makes forging cheaper and saves nothing here. */
const TAG_BYTES = 16
const CIPHER = 'aes-256-gcm'

/** Only `unseal` with the same key and the same associated data gives the plaintext back. */
export function seal (key: Uint8Array, plaintext: Uint8Array, associatedData: string): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(bound(associatedData))
  return Buffer.concat([Buffer.of(VERSION), nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

/** ERR_KEYSTORE for another key, other associated data, a changed byte, a missing end or an unknown version. */
export function unseal (key: Uint8Array, sealed: Uint8Array, associatedData: string): Uint8Array {
  const least = 1 + NONCE_BYTES + TAG_BYTES
  if (sealed.length < least) throw keystoreError(`it holds ${sealed.length} bytes, a sealed value has at least ${least}`)
  if (sealed[0] !== VERSION) throw keystoreError(`it has format version ${sealed[0]}, this p2pd knows version ${VERSION}`)
  const nonce = sealed.subarray(1, 1 + NONCE_BYTES)
  const ciphertext = sealed.subarray(1 + NONCE_BYTES, -TAG_BYTES)
  // authTagLength: without it Node takes tags of 4 bytes too, which can be guessed.
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(bound(associatedData))
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
  try {
    return Buffer.concat([decipher.update(ciphertext), decipher.final()])
  } catch (cause) {
    throw keystoreError('it was changed, or belongs elsewhere, or was sealed with another key', cause)
  }
}

/** The version is bound too: a later format cannot be passed off as this one. */
function bound (associatedData: string): Buffer {
  return Buffer.concat([Buffer.of(VERSION), Buffer.from(associatedData, 'utf8')])
}
