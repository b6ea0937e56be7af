/** Envelopes that are wrong in one thing, around a blessing that is right. */
import { PeerRecord, RecordEnvelope } from '@libp2p/peer-record'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { message, varint, type Field } from '../helpers/protobuf.ts'
import { DAEMONS, OTHER_DAEMON } from './keys.ts'
import {
  DOMAIN, PAYLOAD_TYPE, blessingFields, ed25519Twin, envelope, envelopeFields, flipped, publicKeyOf, secp256k1Twin, sign, type Parts
} from './forge.ts'
import { blessingBy, questionTo, type BadEnvelope } from './right.ts'

export async function badEnvelopes (): Promise<BadEnvelope[]> {
  const key = DAEMONS.ed25519
  const payload = message(...blessingFields(blessingBy(key)))
  const right = await sign(key, payload)
  const rows = [...await badSignatures(right), ...await badKeys(right), ...await badTypes(right), ...badForms(right)]
  return rows.map(row => ({ ...row, name: `envelope: ${row.name}` }))
}

async function badSignatures (right: Parts): Promise<BadEnvelope[]> {
  const { payload, signature } = right
  const key = DAEMONS.ed25519
  const withSignature = (changed: Uint8Array): Buffer => envelope({ ...right, signature: changed })
  const another = await sign(key, message(...blessingFields(blessingBy(key, { epoch: 8 }))))
  const [rsa, secp256k1] = await Promise.all([DAEMONS.rsa, DAEMONS.secp256k1].map(issuer => sign(issuer, message(...blessingFields(blessingBy(issuer))))) as [Promise<Parts>, Promise<Parts>])
  const inDomain = async (name: string, domain: string): Promise<BadEnvelope> => ({
    name, reason: 'signature', domain, bytes: envelope(await sign(key, payload, { domain }))
  })
  const bare = await key.sign(payload)
  return [
    { name: 'first bit of the signature flipped', reason: 'signature', bytes: withSignature(flipped(signature, 0)) },
    { name: 'last bit of the signature flipped', reason: 'signature', bytes: withSignature(flipped(signature, signature.length * 8 - 1)) },
    { name: 'a bit of the RSA signature flipped', reason: 'signature', bytes: envelope({ ...rsa, signature: flipped(rsa.signature, 1_000) }), wanted: questionTo(DAEMONS.rsa) },
    { name: 'a bit of the secp256k1 signature flipped', reason: 'signature', bytes: envelope({ ...secp256k1, signature: flipped(secp256k1.signature, 100) }), wanted: questionTo(DAEMONS.secp256k1) },
    { name: 'the Ed25519 signature\'s other number', reason: 'signature', bytes: withSignature(ed25519Twin(signature)) },
    { name: 'the secp256k1 signature\'s mirror', reason: 'signature', bytes: envelope({ ...secp256k1, signature: secp256k1Twin(secp256k1.signature) }), wanted: questionTo(DAEMONS.secp256k1) },
    { name: 'the signature under another blessing', reason: 'signature', bytes: withSignature(another.signature) },
    { name: 'the signature a byte short', reason: 'signature', bytes: withSignature(signature.subarray(0, -1)) },
    { name: 'the signature a byte long', reason: 'signature', bytes: withSignature(Buffer.concat([signature, Buffer.alloc(1)])) },
    { name: 'the signature all zeros', reason: 'signature', bytes: withSignature(Buffer.alloc(64)) },
    { name: 'signed without domain and type', reason: 'signature', bytes: withSignature(bare) },
    await inDomain('signed in the domain of peer records', 'libp2p-peer-record'),
    await inDomain('signed in a domain that begins as ours', `${DOMAIN}2`),
    await inDomain('signed in an empty domain', ''),
    await inDomain('signed in our domain in capitals', DOMAIN.toUpperCase())
  ]
}

async function badKeys (right: Parts): Promise<BadEnvelope[]> {
  const { payload } = right
  const publicKey = publicKeyOf(DAEMONS.ed25519)
  const raw = DAEMONS.ed25519.publicKey.raw
  const withKey = (changed: Uint8Array): Buffer => envelope({ ...right, publicKey: changed })
  return [
    { name: 'signed by another daemon, which names this one as its issuer', reason: 'key', bytes: envelope(await sign(OTHER_DAEMON, payload)) },
    { name: 'another daemon\'s own blessing', reason: 'key', bytes: envelope(await sign(OTHER_DAEMON, message(...blessingFields(blessingBy(OTHER_DAEMON))))) },
    { name: 'another daemon\'s public key over the right signature', reason: 'key', bytes: withKey(publicKeyOf(OTHER_DAEMON)) },
    { name: 'an RSA public key over the right signature', reason: 'key', bytes: withKey(publicKeyOf(DAEMONS.rsa)) },
    { name: 'a bit of the public key flipped', reason: 'key', bytes: withKey(flipped(publicKey, publicKey.length * 8 - 2)) },
    { name: 'the same bytes as another type of key', reason: 'envelope', bytes: withKey(message([1, 2], [2, raw])) },
    { name: 'a public key of no known type', reason: 'envelope', bytes: withKey(message([1, 9], [2, raw])) },
    { name: 'a public key without its type', reason: 'envelope', bytes: withKey(message([2, raw])) },
    { name: 'a public key a byte short', reason: 'envelope', bytes: withKey(message([1, 1], [2, raw.subarray(1)])) },
    { name: 'the public key\'s fields in another order', reason: 'encoding', bytes: withKey(message([2, raw], [1, 1])) },
    { name: 'the public key with a field more', reason: 'encoding', bytes: withKey(message([1, 1], [2, raw], [3, 1])) }
  ]
}

async function badTypes (right: Parts): Promise<BadEnvelope[]> {
  const { payload } = right
  const key = DAEMONS.ed25519
  const typed = async (name: string, payloadType: string | Uint8Array): Promise<BadEnvelope> => ({
    name, reason: 'payload-type', domain: DOMAIN, bytes: envelope(await sign(key, payload, { payloadType }))
  })
  const record = new PeerRecord({ peerId: peerIdFromPrivateKey(key), multiaddrs: [multiaddr('/ip4/192.0.2.1/tcp/4001')], seqNumber: 1n })
  return [
    await typed('another payload type, signed', `${PAYLOAD_TYPE}2`),
    await typed('the payload type in capitals, signed', PAYLOAD_TYPE.toUpperCase()),
    await typed('the payload type of peer records, signed', PeerRecord.CODEC),
    await typed('no payload type, signed', ''),
    { name: 'another payload type over the right signature', reason: 'payload-type', bytes: envelope({ ...right, payloadType: Buffer.from('/p2pd/other') }) },
    { name: 'the issuer\'s peer record', reason: 'payload-type', domain: PeerRecord.DOMAIN, bytes: (await RecordEnvelope.seal(record, key)).marshal() },
    // Where one ends and the next begins is signed, too.
    { name: 'the payload type\'s last letter moved into the payload', reason: 'payload-type', bytes: envelope({ ...right, payloadType: Buffer.from(PAYLOAD_TYPE.slice(0, -1)), payload: Buffer.concat([Buffer.from(PAYLOAD_TYPE.slice(-1)), payload]) }) }
  ]
}

/** Bytes that are no envelope, and envelopes that are written otherwise. */
function badForms (right: Parts): BadEnvelope[] {
  const fields = envelopeFields(right) as [Field, Field, Field, Field]
  const [publicKey, payloadType, payload, signature] = fields
  const whole = message(...fields)
  const without = (number: number): Buffer => message(...fields.filter(([found]) => found !== number))
  const keyLength = varint(right.publicKey.length)
  return [
    { name: 'nothing', reason: 'envelope', bytes: Buffer.alloc(0) },
    { name: 'no public key', reason: 'envelope', bytes: without(1) },
    { name: 'no payload type', reason: 'payload-type', bytes: without(2) },
    { name: 'no payload', reason: 'signature', bytes: without(3) },
    { name: 'no signature', reason: 'signature', bytes: without(5) },
    { name: 'the payload alone', reason: 'envelope', bytes: right.payload },
    { name: 'text', reason: 'envelope', bytes: Buffer.from('{"action":"provideService"}') },
    { name: 'cut off by one byte', reason: 'envelope', bytes: whole.subarray(0, -1) },
    { name: 'cut in half', reason: 'envelope', bytes: whole.subarray(0, whole.length >> 1) },
    { name: 'behind its length', reason: 'envelope', bytes: Buffer.concat([varint(whole.length), whole]) },
    { name: 'fields in another order', reason: 'encoding', bytes: message(publicKey, payload, payloadType, signature) },
    { name: 'a field that there is not', reason: 'encoding', bytes: message(...fields, [9, 'more']) },
    { name: 'a field between the others', reason: 'encoding', bytes: message(publicKey, payloadType, payload, [4, 'more'], signature) },
    { name: 'an empty field behind the last', reason: 'encoding', bytes: message(...fields, [6, '']) },
    { name: 'a field that is empty, written', reason: 'encoding', bytes: message(publicKey, payloadType, payload, [5, '']) },
    { name: 'the public key twice', reason: 'encoding', bytes: message(publicKey, publicKey, payloadType, payload, signature) },
    { name: 'another payload before the right one', reason: 'encoding', bytes: message(publicKey, payloadType, [3, 'other'], payload, signature) },
    { name: 'the signature twice', reason: 'encoding', bytes: message(...fields, signature) },
    { name: 'two envelopes in a row', reason: 'encoding', bytes: Buffer.concat([whole, whole]) },
    { name: 'a length in more bytes than it needs', reason: 'encoding', bytes: Buffer.concat([whole.subarray(0, 1), Buffer.from([right.publicKey.length | 0x80, 0]), whole.subarray(1 + keyLength.length)]) },
    { name: 'a field\'s number in more bytes than it needs', reason: 'encoding', bytes: Buffer.concat([Buffer.from([whole.readUInt8(0) | 0x80, 0]), whole.subarray(1)]) },
    { name: 'a zero behind it', reason: 'envelope', bytes: Buffer.concat([whole, Buffer.alloc(1)]) }
  ]
}
