import test from 'ava'
import { createCipheriv } from 'node:crypto'
import { P2pdError } from '../../src/errors.ts'
import { seal, unseal } from '../../src/keystore/seal.ts'

const KEY = Buffer.alloc(32, 0x11)
const PLACE = 'key!0123'
const SECRET = Buffer.from('a private key')

test('what was sealed opens with the same key in the same place', t => {
  t.deepEqual(Buffer.from(unseal(KEY, seal(KEY, SECRET, PLACE), PLACE)), SECRET)
  t.is(unseal(KEY, seal(KEY, new Uint8Array(), PLACE), PLACE).length, 0)
})

test('the format is version 1, nonce, ciphertext, tag', t => {
  const nonce = Buffer.alloc(12, 0x22)
  const cipher = createCipheriv('aes-256-gcm', KEY, nonce)
  cipher.setAAD(Buffer.concat([Buffer.of(1), Buffer.from(PLACE)]))
  const made = Buffer.concat([Buffer.of(1), nonce, cipher.update(SECRET), cipher.final(), cipher.getAuthTag()])
  const vector = Buffer.from(['01', '222222222222222222222222', '76d7773ba9b9fe2b801fb55931', '4bdd6b39e9f89019dc9d5daf587396d1'].join(''), 'hex')
  t.deepEqual(made, vector)
  t.deepEqual(Buffer.from(unseal(KEY, vector, PLACE)), SECRET)
  t.is(seal(KEY, SECRET, PLACE).length, vector.length)
})

test('the same value is never sealed alike twice', t => {
  const sealed = Array.from({ length: 1000 }, () => Buffer.from(seal(KEY, SECRET, PLACE)).toString('hex'))
  t.is(new Set(sealed).size, 1000)
  t.is(new Set(sealed.map(hex => hex.slice(2, 26))).size, 1000)
})

test('another key or another place does not open it', t => {
  const sealed = seal(KEY, SECRET, PLACE)
  const refused = { instanceOf: P2pdError, code: 'ERR_KEYSTORE' }
  t.throws(() => unseal(Buffer.alloc(32, 0x12), sealed, PLACE), refused)
  t.throws(() => unseal(KEY, sealed, 'key!0124'), refused)
  t.throws(() => unseal(KEY, sealed, ''), refused)
})

test('every changed bit, every cut and every added byte is noticed', t => {
  const sealed = seal(KEY, SECRET, PLACE)
  const refused = { instanceOf: P2pdError, code: 'ERR_KEYSTORE' }
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const changed = Uint8Array.from(sealed)
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    t.throws(() => unseal(KEY, changed, PLACE), refused)
  }
  for (let length = 0; length < sealed.length; length++) t.throws(() => unseal(KEY, sealed.subarray(0, length), PLACE), refused)
  t.throws(() => unseal(KEY, Buffer.concat([sealed, Buffer.of(0)]), PLACE), refused)
})

test('an unknown version is named as such', t => {
  const sealed = seal(KEY, SECRET, PLACE)
  sealed[0] = 2
  t.throws(() => unseal(KEY, sealed, PLACE), { message: 'it has format version 2, this p2pd knows version 1' })
})
