import test from 'ava'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { decodePeerId, encodePeerId, formatPeerId, parsePeerId } from '../../src/wire/peers.ts'

for (const type of ['Ed25519', 'secp256k1', 'RSA'] as const) {
  test(`the ID of an ${type} key goes through base58, CIDv1 and bytes`, async t => {
    const peerId = peerIdFromPrivateKey(await (type === 'RSA' ? generateKeyPair(type, 2048) : generateKeyPair(type)))
    t.true(parsePeerId(peerId.toString()).equals(peerId))
    t.true(parsePeerId(peerId.toCID().toString()).equals(peerId))
    t.is(decodePeerId(encodePeerId(peerId)).type, type)
    t.is(formatPeerId(encodePeerId(peerId)), peerId.toString())
    t.is(formatPeerId(peerId), peerId.toString())
  })
}

test('what is no ID of a key is refused', t => {
  const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'))
  for (const text of ['', '1', 'Q', 'x', '12D3KooW', 'bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi', 'k51', '/p2p/Qm']) {
    t.throws(() => parsePeerId(text), { code: 'ERR_REQUEST', message: /is no peer ID/ }, text)
  }
  for (const bytes of ['', '00', '0000', '1220', '1201ff', `1220${'00'.repeat(33)}`, `0009${Buffer.from('http://a/').toString('hex')}`, `1114${'00'.repeat(20)}`]) {
    t.throws(() => decodePeerId(hex(bytes)), { code: 'ERR_REQUEST', message: /is no peer ID/ }, bytes)
  }
})
