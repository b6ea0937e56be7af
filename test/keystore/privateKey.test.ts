import test from 'ava'
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { P2pdError } from '../../src/errors.ts'
import { generateEd25519, parsePrivateKey, provePrivateKey } from '../../src/keystore/privateKey.ts'

test('the peer ID of each key type is the one js-libp2p derives', async t => {
  for (const [type, bits] of [['Ed25519'], ['secp256k1'], ['RSA', 2048], ['RSA', 3072]] as const) {
    const key = await generateKeyPair(type, bits)
    const bytes = privateKeyToProtobuf(key)
    const parsed = await provePrivateKey(bytes)
    t.is(parsed.keyType, type)
    t.is(parsed.peerId, peerIdFromPrivateKey(key).toString())
    t.deepEqual(Buffer.from(parsed.bytes), Buffer.from(bytes))
  }
})

test('the key of the libp2p specification gives its known peer ID', t => {
  // libp2p/specs, peer-ids: test vectors; the seed and public half of its Ed25519 key.
  const bytes = Buffer.from('080112407e0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d' +
    '1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e', 'hex')
  t.is(parsePrivateKey(bytes).peerId, peerIdFromPrivateKey(privateKeyFromProtobuf(bytes)).toString())
  t.is(parsePrivateKey(bytes).peerId, '12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq')
})

test('a fresh key is Ed25519, and no two are alike', async t => {
  const keys = await Promise.all(Array.from({ length: 20 }, generateEd25519))
  t.true(keys.every(({ keyType, peerId }) => keyType === 'Ed25519' && peerId.startsWith('12D3KooW')))
  t.is(new Set(keys.map(({ peerId }) => peerId)).size, 20)
})

test('the old Ed25519 spelling with a second public half is taken and spelled anew', async t => {
  const bytes = privateKeyToProtobuf(await generateKeyPair('Ed25519'))
  const old = Buffer.concat([Buffer.of(0x08, 0x01, 0x12, 96), bytes.subarray(4), bytes.subarray(36)])
  t.deepEqual(Buffer.from((await provePrivateKey(old)).bytes), Buffer.from(bytes))
})

test('what is no key is named, beside what was wanted', async t => {
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const key = privateKeyToProtobuf(await generateKeyPair('Ed25519'))
  const rows: Array<[Uint8Array, string]> = [
    [new Uint8Array(), 'this is empty'],
    [Buffer.from(pem), 'this is PEM text'],
    [Buffer.from('{"PrivKey":"CAES"}'), 'this is JSON text'],
    [Buffer.from(Buffer.from(key).toString('base64') + '\n'), 'this is text (base64 or hex has to be decoded first)'],
    [Buffer.alloc(32, 0xff), 'this is 32 bytes, the size of a bare key,'],
    [key.subarray(0, 40), 'this is no key (40 bytes)'],
    [new Uint8Array(1_000_000), 'this holds 1000000 bytes, more than any private key']
  ]
  for (const [bytes, what] of rows) {
    const error = await t.throwsAsync(async () => await provePrivateKey(bytes), { instanceOf: P2pdError, code: 'ERR_KEYSTORE' })
    t.true(error.message.startsWith(what), error.message)
    t.true(error.message.endsWith('wanted the libp2p PrivateKey protobuf, as `p2pd -id` takes it'), error.message)
  }
})

test('a key cut anywhere is refused, never half understood', async t => {
  const key = Buffer.from(privateKeyToProtobuf(await generateKeyPair('Ed25519')))
  for (let length = 0; length < key.length; length++) {
    t.throws(() => parsePrivateKey(key.subarray(0, length)), { instanceOf: P2pdError, code: 'ERR_KEYSTORE' })
  }
})

test('an ECDSA key and a small RSA key are refused by name', async t => {
  const ecdsa = privateKeyToProtobuf(await generateKeyPair('ECDSA'))
  t.throws(() => parsePrivateKey(ecdsa), { message: 'this is an ECDSA key, wanted one of Ed25519, RSA, secp256k1' })
  const small = privateKeyToProtobuf(await generateKeyPair('RSA', 1024))
  t.throws(() => parsePrivateKey(small), { message: 'this is an RSA key of 1024 bits, libp2p wants at least 2048' })
})

test('a key whose halves do not belong together is refused', async t => {
  const [one, other] = [await generateKeyPair('Ed25519'), await generateKeyPair('Ed25519')].map(key => Buffer.from(privateKeyToProtobuf(key)))
  const mixed = Buffer.concat([one?.subarray(0, 36) ?? Buffer.of(), other?.subarray(36) ?? Buffer.of()])
  await t.throwsAsync(async () => await provePrivateKey(mixed), {
    instanceOf: P2pdError, code: 'ERR_KEYSTORE', message: /Ed25519 key whose private and public halves do not belong together/
  })
})

test('an RSA key made by OpenSSL is taken', async t => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pkcs1 = privateKey.export({ type: 'pkcs1', format: 'der' })
  const length = Buffer.of((pkcs1.length & 0x7f) | 0x80, pkcs1.length >> 7)
  const parsed = await provePrivateKey(Buffer.concat([Buffer.of(0x08, 0x00, 0x12), length, pkcs1]))
  t.is(parsed.keyType, 'RSA')
  const { raw } = privateKeyFromProtobuf(parsed.bytes)
  t.is(createPrivateKey({ key: Buffer.from(raw), format: 'der', type: 'pkcs1' }).asymmetricKeyDetails?.modulusLength, 2048)
})
