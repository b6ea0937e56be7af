/** What a right blessing answers, and that nothing near it is one. The rules one by one are in vectors.test.ts. */
import test from 'ava'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { BlessingError, readUnverifiedBlessing, verifyBlessing, type RefusalReason, type Wanted } from '../../src/blessing/verify.ts'
import { Random } from '../fuzz/random.ts'
import { message } from '../helpers/protobuf.ts'
import { blessingFields, envelope, sign, type Blessing } from './forge.ts'
import { APP, DAEMONS, type DaemonName } from './keys.ts'
import { NOW_S, blessingBy, questionTo } from './right.ts'

const PEER = peerIdFromPrivateKey(DAEMONS.secp256k1).toString()
const ACTIONS = ['connect', 'disconnect', 'listPeers', 'openStream', 'provideService', 'identify', 'handleStream', 'constructor', '']
const RESOURCES = ['/search/1.0.0', '/search/2.0.0', '/search/', '/search', '/searching/1.0.0', '/', PEER, 'own', '*', 'search/1.0.0', '']

async function sealed (issuer: DaemonName = 'ed25519', changed: Partial<Blessing> = {}): Promise<Buffer> {
  return envelope(await sign(DAEMONS[issuer], message(...blessingFields(blessingBy(DAEMONS[issuer], changed)))))
}

/** The rule that refuses it, or undefined when it holds. Any other failure is the test's. */
async function refusalOf (bytes: Uint8Array, wanted: Wanted): Promise<RefusalReason | undefined> {
  try {
    await verifyBlessing(bytes, wanted)
    return undefined
  } catch (error) {
    if (error instanceof BlessingError) return error.reason
    throw error
  }
}

const SCOPES: Array<{ actions: string[], resources: string[], covered: Record<string, string[]> }> = [
  { actions: ['openStream'], resources: ['/search/1.0.0'], covered: { openStream: ['/search/1.0.0'] } },
  { actions: ['provideService'], resources: ['/search/'], covered: { provideService: ['/search/1.0.0', '/search/2.0.0', '/search/'] } },
  { actions: ['openStream', 'connect'], resources: ['/search/1.0.0', PEER], covered: { openStream: ['/search/1.0.0', PEER], connect: ['/search/1.0.0', PEER] } },
  { actions: ['listPeers'], resources: ['own'], covered: { listPeers: ['own'] } },
  { actions: ['openStream'], resources: ['search/'], covered: {} },
  { actions: ['disconnect'], resources: ['*'], covered: { disconnect: RESOURCES } },
  { actions: ['openStream'], resources: ['/'], covered: { openStream: RESOURCES.filter(resource => resource.startsWith('/')) } }
]

for (const { actions, resources, covered } of SCOPES) {
  test(`${actions.join(' and ')} on ${resources.join(' and ')} answers exactly what it covers`, async t => {
    const bytes = await sealed('ed25519', { actions, resources })
    for (const action of ACTIONS) {
      for (const resource of RESOURCES) {
        const mayDo = action === 'identify' || actions.includes(action)
        const expected = !mayDo ? 'action' : action === 'identify' || covered[action]?.includes(resource) === true ? undefined : 'resource'
        t.is(await refusalOf(bytes, { ...questionTo(DAEMONS.ed25519), action, resource }), expected, `${action} on ${resource}`)
      }
    }
  })
}

const MUTATIONS: Record<DaemonName, number> = { ed25519: 12_000, rsa: 3_000, secp256k1: 3_000 }

for (const [issuer, count] of Object.entries(MUTATIONS) as Array<[DaemonName, number]>) {
  test(`no blessing with one byte changed holds: ${count} of ${issuer}`, async t => {
    const bytes = await sealed(issuer)
    const wanted = questionTo(DAEMONS[issuer])
    t.is(await refusalOf(bytes, wanted), undefined, 'the one that they are made of holds')
    const random = new Random(0xb1e55, count)
    const tally: Partial<Record<RefusalReason, number>> = {}
    for (let made = 0; made < count; made++) {
      const at = random.below(bytes.length)
      const change = random.below(255) + 1
      const changed = Buffer.from(bytes)
      changed.writeUInt8(changed.readUInt8(at) ^ change, at)
      const reason = await refusalOf(changed, wanted)
      if (reason === undefined) return t.fail(`byte ${at} of ${bytes.length} changed by ${change} went unseen`)
      tally[reason] = (tally[reason] ?? 0) + 1
    }
    t.log(tally)
    // Refused by what they differ in: nothing behind the signature ever sees a byte that was not signed.
    t.deepEqual(Object.keys(tally).sort(), ['encoding', 'envelope', 'key', 'payload-type', 'signature'])
    t.true((tally.signature ?? 0) > count / 4)
  })

  test(`no beginning of a blessing holds, and none with something behind it: ${issuer}`, async t => {
    const bytes = await sealed(issuer)
    const wanted = questionTo(DAEMONS[issuer])
    for (let length = 0; length < bytes.length; length++) {
      t.true(['envelope', 'encoding', 'payload-type', 'signature'].includes(await refusalOf(bytes.subarray(0, length), wanted) ?? 'none'), `${length} of ${bytes.length} bytes`)
    }
    for (let byte = 0; byte < 256; byte++) {
      t.true(['envelope', 'encoding'].includes(await refusalOf(Buffer.concat([bytes, Buffer.from([byte])]), wanted) ?? 'none'), `and 0x${byte.toString(16)}`)
    }
  })
}

test('peers are asked for as libp2p has them, or as text', async t => {
  const bytes = await sealed()
  const wanted = { ...questionTo(DAEMONS.ed25519), issuer: peerIdFromPrivateKey(DAEMONS.ed25519), remotePeer: peerIdFromPrivateKey(APP) }
  t.deepEqual(await verifyBlessing(bytes, wanted), await verifyBlessing(bytes, questionTo(DAEMONS.ed25519)))
  t.is(await refusalOf(bytes, { ...wanted, issuer: wanted.remotePeer }), 'key')
  t.is(await refusalOf(bytes, { ...wanted, remotePeer: wanted.issuer }), 'audience')
})

test('without a clock of the caller\'s it is today', async t => {
  const { now: _, ...wanted } = questionTo(DAEMONS.ed25519)
  const today = Math.floor(Date.now() / 1000)
  t.is(await refusalOf(await sealed('ed25519', { notBefore: today - 60, expires: today + 3_600 }), wanted), undefined)
  t.is(await refusalOf(await sealed('ed25519', { notBefore: today - 3_600, expires: today - 60 }), wanted), 'expired')
  t.is(await refusalOf(await sealed('ed25519', { notBefore: today + 3_600, expires: today + 7_200 }), wanted), 'not-yet')
})

test('a question that is none is the caller\'s fault, not the blessing\'s', async t => {
  const bytes = await sealed()
  const rows: Array<Partial<Wanted>> = [
    { issuer: '' }, { issuer: 'daemon' }, { remotePeer: '' }, { remotePeer: '12D3KooW' },
    { now: Number.NaN }, { now: Number.POSITIVE_INFINITY },
    { clockSkewMs: -1 }, { clockSkewMs: Number.NaN }, { clockSkewMs: Number.POSITIVE_INFINITY }, { clockSkewMs: 300_001 }
  ]
  for (const row of rows) {
    await t.throwsAsync(verifyBlessing(bytes, { ...questionTo(DAEMONS.ed25519), ...row }), { name: 'P2pdError', code: 'ERR_REQUEST' }, JSON.stringify(row))
  }
})

test('bytes that change while the signature is checked change nothing', async t => {
  const narrow = await sealed('ed25519', { resources: ['/search/1.0.0'] })
  const wide = Buffer.from(narrow)
  wide.write('/anything/00', wide.indexOf('/search/1.0.0'))
  const buffer = Buffer.from(narrow)
  const answer = verifyBlessing(buffer, questionTo(DAEMONS.ed25519))
  wide.copy(buffer)
  t.deepEqual((await answer).resources, ['/search/1.0.0'])
})

test('what nobody has verified says so, and can be anybody\'s', async t => {
  const parts = await sign(DAEMONS.rsa, message(...blessingFields(blessingBy(DAEMONS.ed25519, { expires: NOW_S - 599 }))))
  const { verified, issuer, expires } = readUnverifiedBlessing(envelope({ ...parts, signature: Buffer.alloc(256) }))
  t.deepEqual({ verified, issuer, expires }, { verified: false, issuer: peerIdFromPrivateKey(DAEMONS.ed25519).toString(), expires: NOW_S - 599 })
})

test('what is not in the form of a blessing cannot be read either', async t => {
  const urlPeer = Buffer.concat([Buffer.from([0x00, 19]), Buffer.from('https://example.org')])
  const rows: Array<[reason: RefusalReason, bytes: Uint8Array]> = [
    ['envelope', Buffer.alloc(0)],
    ['size', Buffer.alloc(20_481)],
    ['encoding', Buffer.concat([await sealed(), await sealed()])],
    ['payload', envelope(await sign(DAEMONS.ed25519, Buffer.from('text')))],
    ['fields', await sealed('ed25519', { grant: Buffer.alloc(15) })],
    ['fields', await sealed('ed25519', { audience: Buffer.alloc(0) })],
    ['fields', await sealed('ed25519', { audience: Buffer.from([0x12, 0x20]) })],
    ['fields', await sealed('ed25519', { audience: Buffer.from([0x12, 31, ...Buffer.alloc(31)]) })],
    ['fields', await sealed('ed25519', { audience: Buffer.from([0x12, 130, ...Buffer.alloc(130)]) })],
    ['fields', await sealed('ed25519', { audience: Buffer.from([0x00, 130, ...Buffer.alloc(130)]) })],
    ['fields', await sealed('ed25519', { audience: Buffer.from([0x13, 1, 1]) })],
    ['fields', await sealed('ed25519', { audience: urlPeer })]
  ]
  for (const [reason, bytes] of rows) {
    const refusal = t.throws(() => readUnverifiedBlessing(bytes), { instanceOf: BlessingError })
    t.is(refusal?.reason, reason)
  }
})
