/**
 * What proto/blessings.json holds, made anew: blessings that hold, and ones that are wrong in one thing each, with the rule that
 * refuses them. `node scripts/blessingVectors.mjs` writes it.
 */
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { RefusalReason } from '../../src/blessing/verify.ts'
import { message } from '../helpers/protobuf.ts'
import { badEnvelopes } from './badEnvelopes.ts'
import { badPayloads } from './badPayloads.ts'
import { blessingFields, envelope, peerIdOf, sign, type Blessing } from './forge.ts'
import { APP, DAEMONS, OTHER_APP, OTHER_DAEMON, type DaemonName } from './keys.ts'
import { NOW_S, blessingBy, peerIdText, questionTo, type BadEnvelope, type Question, type ValidVector, type Vectors } from './right.ts'

const ABOUT = [
  'Blessings: what every verifier must take, and what it must refuse, with the first rule of src/blessing/verify.ts that refuses it.',
  'hex is the signed envelope. A vector says the question: issuer is the daemon that is trusted, remotePeer who shows the envelope, now the verifier\'s clock in milliseconds.',
  'Each of the invalid ones differs in one thing from a valid one. Where domain is given, the signature is right in that domain and in no other.',
  'The keys are libp2p PrivateKey protobufs for these vectors alone: they are no secret, never use them. scripts/blessingVectors.mjs makes this file.'
]

export async function makeVectors (): Promise<Vectors> {
  const keys = Object.entries({ ...DAEMONS, otherDaemon: OTHER_DAEMON, app: APP, otherApp: OTHER_APP }).map(([name, key]) => ({
    name, type: key.type, peerId: peerIdText(key), privateKey: hexOf(privateKeyToProtobuf(key))
  }))
  const bad = [...await badEnvelopes(), ...await badPayloads(), ...await badQuestions()]
  const invalid = bad.map(({ name, reason, bytes, wanted, domain }) => ({
    name, reason, ...domain !== undefined && { domain }, wanted: { ...questionTo(DAEMONS.ed25519), ...wanted }, hex: hexOf(bytes)
  }))
  return { about: ABOUT, keys, valid: await validVectors(), invalid }
}

async function validVectors (): Promise<ValidVector[]> {
  const { ed25519 } = DAEMONS
  const rows: Array<[name: string, key: DaemonName, changed: Partial<Blessing>, wanted: Partial<Question>]> = [
    ['Ed25519 issuer', 'ed25519', {}, {}],
    ['RSA issuer', 'rsa', {}, {}],
    ['secp256k1 issuer', 'secp256k1', {}, {}],
    ['given to a peer with an RSA key', 'ed25519', { audience: peerIdOf(DAEMONS.rsa) }, { remotePeer: peerIdText(DAEMONS.rsa) }],
    ['given to a peer with a secp256k1 key', 'ed25519', { audience: peerIdOf(DAEMONS.secp256k1) }, { remotePeer: peerIdText(DAEMONS.secp256k1) }],
    ['the issuer asked for as a CID', 'ed25519', {}, { issuer: peerIdFromPrivateKey(ed25519).toCID().toString() }],
    ['the other action', 'ed25519', {}, { action: 'openStream' }],
    ['a resource by what it begins with', 'ed25519', {}, { resource: '/index/2.0.0' }],
    ['any resource', 'ed25519', { resources: ['*'] }, { resource: '/anything' }],
    ['the daemon\'s own host', 'ed25519', { actions: ['listPeers'], resources: ['own'] }, { action: 'listPeers', resource: 'own' }],
    ['a peer', 'ed25519', { actions: ['connect'], resources: [peerIdText(OTHER_APP)] }, { action: 'connect', resource: peerIdText(OTHER_APP) }],
    ['whoever is blessed at all may ask who the daemon is', 'ed25519', {}, { action: 'identify', resource: 'own' }],
    ['an action of a later daemon beside those known', 'ed25519', { actions: ['provideService', 'somethingLater'] }, {}],
    ['in its first millisecond', 'ed25519', { notBefore: NOW_S }, {}],
    ['in its last millisecond', 'ed25519', {}, { now: (NOW_S + 3_000) * 1000 - 1 }],
    ['24 hours long', 'ed25519', { expires: NOW_S - 600 + 86_400 }, {}],
    ['not yet by a clock that may be 2 s behind', 'ed25519', { notBefore: NOW_S + 2 }, { clockSkewMs: 2_000 }],
    ['over by a clock that may be 2 s ahead', 'ed25519', { expires: NOW_S - 1 }, { clockSkewMs: 2_000 }],
    ['epoch 0', 'ed25519', { epoch: 0 }, {}],
    ['the largest epoch', 'ed25519', { epoch: Number.MAX_SAFE_INTEGER }, {}]
  ]
  return await Promise.all(rows.map(async ([name, keyName, changed, wanted]) => {
    const key = DAEMONS[keyName]
    const blessing = blessingBy(key, changed)
    const { audience, grant, epoch, notBefore, expires, actions, resources } = blessing
    return {
      name,
      key: keyName,
      blessing: { audience: hexOf(audience), grant: hexOf(grant), epoch: Number(epoch), notBefore, expires, actions, resources },
      wanted: { ...questionTo(key), ...wanted },
      hex: hexOf(envelope(await sign(key, message(...blessingFields(blessing)))))
    }
  }))
}

/** A right blessing, and questions that it does not answer. */
async function badQuestions (): Promise<BadEnvelope[]> {
  const blessing = blessingBy(DAEMONS.ed25519)
  const bytes = envelope(await sign(DAEMONS.ed25519, message(...blessingFields(blessing))))
  const rows: Array<[name: string, reason: RefusalReason, wanted: Partial<Question>]> = [
    ['another daemon is trusted', 'key', { issuer: peerIdText(OTHER_DAEMON) }],
    ['another daemon is trusted, with an RSA key', 'key', { issuer: peerIdText(DAEMONS.rsa) }],
    ['shown by another app', 'audience', { remotePeer: peerIdText(OTHER_APP) }],
    ['shown by the issuer itself', 'audience', { remotePeer: peerIdText(DAEMONS.ed25519) }],
    ['another action', 'action', { action: 'connect' }],
    ['an action that there is not', 'action', { action: 'handleStream' }],
    ['an action in other letters', 'action', { action: 'provideservice' }],
    ['no action', 'action', { action: '' }],
    ['another resource', 'resource', { resource: '/search/2.0.0' }],
    ['a resource in other letters', 'resource', { resource: '/Search/1.0.0' }],
    ['a resource that goes on behind the one it has', 'resource', { resource: '/search/1.0.0/more' }],
    ['a resource that its prefix is only the beginning of a word of', 'resource', { resource: '/indexes/1.0.0' }],
    ['its prefix without the slash', 'resource', { resource: '/index' }],
    ['every resource', 'resource', { resource: '*' }],
    ['no resource', 'resource', { resource: '' }],
    ['a millisecond before it begins', 'not-yet', { now: (NOW_S - 600) * 1000 - 1 }],
    ['more before it begins than the clocks may be apart', 'not-yet', { now: (NOW_S - 600) * 1000 - 2_001, clockSkewMs: 2_000 }],
    ['in the second when it ends', 'expired', { now: (NOW_S + 3_000) * 1000 }],
    ['a year later', 'expired', { now: (NOW_S + 31_536_000) * 1000 }],
    ['ended longer ago than the clocks may be apart', 'expired', { now: (NOW_S + 3_000) * 1000 + 2_000, clockSkewMs: 2_000 }]
  ]
  return rows.map(([name, reason, wanted]) => ({ name: `question: ${name}`, reason, bytes, wanted }))
}

function hexOf (bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** As it stands in the file: one row a vector. */
export function formatVectors ({ about, keys, valid, invalid }: Vectors): string {
  const lists = Object.entries({ about, keys, valid, invalid })
  return `{\n${lists.map(([name, rows]) => `  "${name}": [\n${rows.map(row => `    ${JSON.stringify(row)}`).join(',\n')}\n  ]`).join(',\n')}\n}\n`
}
