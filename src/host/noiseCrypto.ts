/**
 * The primitives of the Noise handshake and its transport cipher, on Node's own OpenSSL.
 *
 * The library's default hands the cipher raw key bytes, and on every frame Node spends more time finding out that they are
 * no KeyObject than on encrypting a small one. Here each session key becomes a KeyObject once. Small frames go to
 * WebAssembly, which has no call overhead to amortise.
 */
import { createCipheriv, createDecipheriv, createHash, createPrivateKey, createPublicKey, createSecretKey, diffieHellman, generateKeyPairSync, hkdfSync, type KeyObject } from 'node:crypto'
import { ChaCha20Poly1305, newInstance } from '@chainsafe/as-chacha20poly1305'
import type { ICryptoInterface } from '@chainsafe/libp2p-noise'
import { Uint8ArrayList } from 'uint8arraylist'

type Bytes = Uint8Array | Uint8ArrayList

const CIPHER = 'chacha20-poly1305'
const TAG_BYTES = 16
const CIPHER_OPTIONS = { authTagLength: TAG_BYTES } as const
/** Below this WebAssembly is faster than a call into OpenSSL: measured at 12 to 1,200 bytes, they meet at about 400. */
const SMALL_FRAME_BYTES = 400

/** DER around the 32 bytes of an X25519 key, RFC 8410. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex')
const SPKI_PREFIX = Buffer.from('302a300506032b656e032100', 'hex')

const wasm = new ChaCha20Poly1305(newInstance())
/** Keys live as long as their session holds the bytes. */
const keyObjects = new WeakMap<Uint8Array, KeyObject>()

function keyObject (key: Uint8Array): KeyObject {
  let known = keyObjects.get(key)
  if (known === undefined) keyObjects.set(key, known = createSecretKey(key))
  return known
}

function privateKeyOf (bytes: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, bytes]), type: 'pkcs8', format: 'der' })
}

function publicKeyOf (bytes: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, bytes]), type: 'spki', format: 'der' })
}

/** The last 32 bytes of the DER form are the key itself. */
function rawPublicKey (key: KeyObject): Uint8Array {
  return key.export({ type: 'spki', format: 'der' }).subarray(SPKI_PREFIX.length)
}

export const noiseCrypto: ICryptoInterface = {
  hashSHA256 (data) {
    const hash = createHash('sha256')
    for (const part of parts(data)) hash.update(part)
    return hash.digest()
  },

  getHKDF (chainingKey, material) {
    const okm = new Uint8Array(hkdfSync('sha256', material, chainingKey, new Uint8Array(0), 96))
    return [okm.subarray(0, 32), okm.subarray(32, 64), okm.subarray(64, 96)]
  },

  generateX25519KeyPair () {
    const { publicKey, privateKey } = generateKeyPairSync('x25519')
    return {
      publicKey: rawPublicKey(publicKey),
      privateKey: privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(PKCS8_PREFIX.length)
    }
  },

  generateX25519KeyPairFromSeed (seed) {
    return { publicKey: rawPublicKey(createPublicKey(privateKeyOf(seed))), privateKey: seed }
  },

  generateX25519SharedKey (privateKey, publicKey) {
    return diffieHellman({ privateKey: privateKeyOf(privateKey.subarray()), publicKey: publicKeyOf(publicKey.subarray()) })
  },

  chaCha20Poly1305Encrypt (plaintext, nonce, associatedData, key) {
    if (plaintext.byteLength < SMALL_FRAME_BYTES) return wasm.seal(key, nonce, plaintext.subarray(), associatedData)
    const cipher = createCipheriv(CIPHER, keyObject(key), nonce, CIPHER_OPTIONS)
    if (associatedData.byteLength > 0) cipher.setAAD(associatedData, { plaintextLength: plaintext.byteLength })
    const output = new Uint8ArrayList()
    for (const part of parts(plaintext)) output.append(cipher.update(part))
    cipher.final()
    output.append(cipher.getAuthTag())
    return output
  },

  chaCha20Poly1305Decrypt (ciphertext, nonce, associatedData, key, destination) {
    const length = ciphertext.byteLength - TAG_BYTES
    if (length < SMALL_FRAME_BYTES) {
      const opened = wasm.open(key, nonce, ciphertext.subarray(), associatedData, destination)
      if (opened === null) throw new Error('chacha20-poly1305: this frame was not sealed with the session\'s key')
      return opened
    }
    const decipher = createDecipheriv(CIPHER, keyObject(key), nonce, CIPHER_OPTIONS)
    if (associatedData.byteLength > 0) decipher.setAAD(associatedData, { plaintextLength: length })
    decipher.setAuthTag(ciphertext.subarray(length))
    const output = new Uint8ArrayList()
    const sealed = ciphertext instanceof Uint8Array ? ciphertext.subarray(0, length) : ciphertext.sublist(0, length)
    for (const part of parts(sealed)) output.append(decipher.update(part))
    decipher.final()
    return output
  }
}

function parts (bytes: Bytes): Iterable<Uint8Array> {
  return bytes instanceof Uint8Array ? [bytes] : bytes
}
