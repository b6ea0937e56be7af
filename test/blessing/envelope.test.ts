/** What the daemon's key signs, and what it does not. */
import test from 'ava'
import { RecordEnvelope } from '@libp2p/peer-record'
import { peerIdFromMultihash, peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { PeerId } from '@libp2p/interface'
import { sealBlessing } from '../../src/blessing/envelope.ts'
import type { Grant } from '../../src/blessing/grant.ts'
import { whyNoScope } from '../../src/blessing/scopeRules.ts'
import { DAEMON_ACTIONS } from '../../src/blessing/scope.ts'
import { verifyBlessing } from '../../src/blessing/verify.ts'
import { fieldsOf } from '../helpers/protobuf.ts'
import { APP, DAEMONS } from './keys.ts'
import { NOW_S, peerIdText, questionTo } from './right.ts'

const AUDIENCE = peerIdFromPrivateKey(APP)

const GRANT: Grant = {
  id: '00112233445566778899aabbccddeeff',
  tenant: 'indexer',
  tenantId: 'b1946ac92492d2347c6235b4d2611184',
  epoch: 7,
  notBefore: NOW_S,
  expires: NOW_S + 3_600,
  source: 'operator',
  actions: ['openStream'],
  resources: ['/search/1.0.0']
}

for (const [name, key] of Object.entries(DAEMONS)) {
  test(`the largest blessing there can be holds: ${name}`, async t => {
    const resources = Array.from({ length: 64 }, (_, at) => `/${String(at).padEnd(255, 'x')}`)
    const grant = { ...GRANT, actions: Array.from({ length: 16 }, () => 'provideService'), resources, epoch: Number.MAX_SAFE_INTEGER }
    const bytes = await sealBlessing(grant, AUDIENCE, key)
    const wanted = { ...questionTo(key), action: 'provideService', resource: resources[63] ?? '' }
    t.is((await verifyBlessing(bytes, wanted)).resources.length, 64)
    // The largest key and signature, of 8192 bits, are so much larger than these of 2048 at most.
    t.true(bytes.length + 2 * (1024 - 256) < 19 * 1024, `${bytes.length} bytes`)
  })
}

test('nothing of a grant is signed but what a verifier needs', async t => {
  const bytes = await sealBlessing(GRANT, AUDIENCE, DAEMONS.ed25519)
  const payload = fieldsOf(bytes).find(({ number }) => number === 3)?.value
  if (!Buffer.isBuffer(payload)) return t.fail('no payload')
  t.deepEqual(fieldsOf(payload).map(({ number }) => number), [1, 2, 3, 4, 5, 6, 7, 8])
  const text = Buffer.from(bytes).toString('latin1')
  t.deepEqual([GRANT.tenant, GRANT.tenantId, GRANT.source].filter(word => text.includes(word)), [])
})

test('the signature means nothing in any other domain', async t => {
  const bytes = await sealBlessing(GRANT, AUDIENCE, DAEMONS.ed25519)
  await t.notThrowsAsync(RecordEnvelope.openAndCertify(bytes, 'p2pd-blessing'))
  for (const domain of ['libp2p-peer-record', 'libp2p-relay-rsvp', 'p2pd', '', 'noise-libp2p-static-key:']) {
    await t.throwsAsync(RecordEnvelope.openAndCertify(bytes, domain), { name: 'InvalidSignatureError' }, domain)
  }
})

const REFUSED: Array<[name: string, changed: Partial<Grant>, why: RegExp]> = [
  ['an id that is too short', { id: GRANT.id.slice(1) }, /id: .* 32 hexadecimal digits/],
  ['an id that is too long', { id: `${GRANT.id}00` }, /id: .* 32 hexadecimal digits/],
  ['an id in capitals', { id: GRANT.id.toUpperCase() }, /id: .* 32 hexadecimal digits/],
  ['an id of other letters', { id: 'g'.repeat(32) }, /id: .* 32 hexadecimal digits/],
  ['an id with a line behind it', { id: `${GRANT.id}\n` }, /id: .* 32 hexadecimal digits/],
  ['a negative epoch', { epoch: -1 }, /epoch: must be a whole number/],
  ['half an epoch', { epoch: 1.5 }, /epoch: must be a whole number/],
  ['an epoch that is not exact', { epoch: 2 ** 53 }, /epoch: must be a whole number/],
  ['a beginning that is no number', { notBefore: Number.NaN }, /notBefore: must be a whole number/],
  ['an end that never comes', { expires: Number.POSITIVE_INFINITY }, /expires: must be a whole number/],
  ['an end before the beginning', { expires: NOW_S - 1 }, /expires: must be 1 to 86400 seconds after notBefore, found -1/],
  ['an end at the beginning', { expires: NOW_S }, /expires: must be 1 to 86400 seconds after notBefore, found 0/],
  ['more than 24 hours', { expires: NOW_S + 86_401 }, /expires: must be 1 to 86400 seconds after notBefore, found 86401/],
  ['no action', { actions: [] }, /actions: must be 1 to 16, found 0/],
  ['17 actions', { actions: new Array<string>(17).fill('connect') }, /actions: must be 1 to 16, found 17/],
  ['an action that there is not', { actions: ['connect', 'sign'] }, /actions: "sign" is none of connect, disconnect/],
  ['all actions by a star', { actions: ['*'] }, /actions: "\*" is none of/],
  ['no resource', { resources: [] }, /resources: must be 1 to 64, found 0/],
  ['65 resources', { resources: new Array<string>(65).fill('own') }, /resources: must be 1 to 64, found 65/],
  ['a resource without a name', { resources: [''] }, /resources: "" is none of/],
  ['a resource of 257 bytes', { resources: [`/${'x'.repeat(256)}`] }, /is longer than 256 bytes/],
  ['a resource of 257 bytes in 129 letters', { resources: [`/${'é'.repeat(128)}`] }, /is longer than 256 bytes/],
  ['a word', { resources: ['search'] }, /resources: "search" is none of/],
  ['text in several lines', { resources: ['/a\n/b'] }, /control characters/],
  ['half a letter', { resources: ['/\ud800'] }, /no Unicode/],
  ['a peer ID in its other spelling', { resources: [AUDIENCE.toCID().toString()] }, /to be written 12D3KooW/]
]

for (const [name, changed, why] of REFUSED) {
  test(`is not signed: ${name}`, async t => {
    await t.throwsAsync(sealBlessing({ ...GRANT, ...changed }, AUDIENCE, DAEMONS.ed25519), { name: 'P2pdError', code: 'ERR_CONFIG', message: why })
  })
}

test('is not signed: for an audience that is no key\'s', async t => {
  const digest = Buffer.from('https://example.org')
  const url = peerIdFromMultihash({ code: 0, size: digest.length, digest, bytes: Buffer.concat([Buffer.from([0, digest.length]), digest]) })
  t.is(url.type, 'url')
  await t.throwsAsync(sealBlessing(GRANT, url, DAEMONS.ed25519), { code: 'ERR_REQUEST' })
  // The type says what its bytes do not hold to.
  const forged = { toMultihash: () => ({ bytes: Buffer.from('bytes of my choice') }) } as unknown as PeerId
  await t.throwsAsync(sealBlessing(GRANT, forged, DAEMONS.ed25519), { code: 'ERR_REQUEST' })
})

test('every kind of action and resource can be blessed', t => {
  const resources = ['*', 'own', '/', '/search/', '/search/1.0.0', '/é/1.0.0', ...Object.values(DAEMONS).map(peerIdText)]
  t.is(whyNoScope({ actions: DAEMON_ACTIONS, resources }), undefined)
})
