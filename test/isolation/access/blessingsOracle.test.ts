/**
 * The daemon's key, asked by everybody who can ask anything of it: it signs what the operator gave, and no bytes that anybody
 * chose.
 *
 * Its signatures are deterministic, so what it has signed can be counted: the same blessing, the same bytes.
 */
import test, { type ExecutionContext } from 'ava'
import { randomBytes, randomInt } from 'node:crypto'
import type { PublicKey } from '@libp2p/interface'
import { PeerRecord, RecordEnvelope } from '@libp2p/peer-record'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { Grant } from '../../../src/blessing/grant.ts'
import { BLESSING_DOMAIN, BLESSING_PAYLOAD_TYPE, verifyBlessing } from '../../../src/blessing/verify.ts'
import { RequestType, decodeBlessing, encodeBlessing } from '../../../src/wire/codec.ts'
import { Random } from '../../fuzz/random.ts'
import { hostileRequest } from '../../fuzz/requests.ts'
import { peer } from '../../fuzz/values.ts'
import { until } from '../../helpers/deadlines.ts'
import { fieldsOf, frame, message, type Field } from '../../helpers/protobuf.ts'
import { connect, identify, request } from '../../helpers/requests.ts'
import { ALLOW_ALL } from '../world.ts'
import { APP, BlessedScene } from './blessedScene.ts'
import { connectionOf } from './asUser.ts'
import { RemotePeer } from './remotePeer.ts'
import { envelopesIn, isSigned } from './signatures.ts'
import { TakenOver } from './takenOver.ts'

const { P2PD_FUZZ_SEED } = process.env
const SEED = P2PD_FUZZ_SEED === undefined ? randomInt(2 ** 32) : Number(P2PD_FUZZ_SEED)
const ROUNDS = 400
const AT_ONCE = 8
const ANSWER_MS = 1_500
/** In whatever is chosen here, to be found again. */
const MARK = Buffer.from('sign this if you would be so kind')

/** Every request with these bytes in every field there is, and in some that there are not. */
function chosen (bytes: Uint8Array): Buffer[] {
  const fields = [2, 3, 4, 5, 6, 7, 8, 9, 100, 102, 103, 150, 2 ** 20]
  const inside = message([1, bytes], [2, bytes], [3, bytes], [4, bytes], [5, bytes], [6, bytes], [7, bytes], [8, bytes])
  return Object.values(RequestType).flatMap(type => [
    request(type, ...fields.map((field): Field => [field, bytes])), ...fields.map(field => request(type, [field, inside])), request(type, [101, bytes]), request(type)
  ])
}

/** What would do harm if it were signed: other protocols' records, and blessings that nobody gave. */
function records (scene: BlessedScene): Buffer[] {
  const issuer = peerIdFromString(scene.daemonId)
  const blessing = { issuer: scene.daemon, audience: scene.daemon, grant: randomBytes(16), epoch: 1, notBefore: 0, expires: 86_400, actions: ['provideService'], resources: ['*'] }
  return [
    MARK, Buffer.from(new PeerRecord({ peerId: issuer, multiaddrs: [multiaddr('/ip4/198.41.0.4/tcp/666')], seqNumber: 2n ** 60n }).marshal()),
    Buffer.from(encodeBlessing(blessing)), Buffer.concat([Buffer.from('noise-libp2p-static-key:'), randomBytes(32)])
  ]
}

/** All that is answered to these on a connection each. A wait or a stream is no answer, nor is an end. */
async function answersTo (requests: readonly Uint8Array[], socket: string): Promise<Buffer[]> {
  const answers: Buffer[] = []
  let next = 0
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let mine = requests[next++]; mine !== undefined; mine = requests[next++]) {
      using connection = await connectionOf(APP, socket)
      await connection.send(mine)
      const answer = await connection.readFrame(ANSWER_MS).catch(() => undefined)
      if (answer !== undefined) answers.push(answer)
    }
  }))
  return answers
}

interface Wanted { readonly scene: BlessedScene, readonly grants: readonly Grant[], readonly audience: string }

/** Each is a blessing as it was given, written in the one way there is and signed as a blessing. */
async function areBlessings (t: ExecutionContext, envelopes: readonly Buffer[], { scene, grants, audience }: Wanted): Promise<void> {
  for (const bytes of envelopes) {
    const sealed = RecordEnvelope.createFromProtobuf(bytes)
    const { issuer, audience: said, grant, epoch, notBefore, expires, actions, resources } = decodeBlessing(sealed.payload)
    const given = grants.find(({ id }) => id === Buffer.from(grant).toString('hex'))
    t.deepEqual({ issuer: Buffer.from(issuer), audience: peerIdFromString(audience).toMultihash().bytes, payloadType: Uint8Array.from(sealed.payloadType) }, { issuer: Buffer.from(scene.daemon), audience: said, payloadType: BLESSING_PAYLOAD_TYPE })
    t.like(given, { epoch, notBefore, expires, actions, resources })
    t.true(await sealed.validate(BLESSING_DOMAIN))
    for (const domain of [PeerRecord.DOMAIN, 'libp2p-relay-rsvp', '']) t.false(await sealed.validate(domain))
    t.deepEqual(fieldsOf(bytes).map(({ number }) => number), [1, 2, 3, 5])
    t.false(bytes.includes(MARK))
    for (const record of records(scene)) t.false(await isSigned(keyOf(scene.daemonId), sealed.signature, record))
  }
}

function keyOf (daemonId: string): PublicKey {
  const { publicKey } = peerIdFromString(daemonId)
  if (publicKey === undefined) throw new Error('the daemon has no key in its peer ID')
  return publicKey
}

test.serial(`threat 27: whatever bytes a program puts into any request, in its own or in the daemon's name, all that comes back signed by the daemon are the blessings it was given (seed ${SEED})`, async t => {
  await using scene = await BlessedScene.start()
  const { world } = scene
  const grants = [await scene.bless('app', ['provideService', 'openStream', 'connect', 'disconnect', 'listPeers'], ['*']), await scene.bless('app', ['openStream'], ['/out/'])]
  await scene.bless('other', ['openStream'], ['/other/'])
  const plain = [...records(scene).flatMap(chosen), ...Array.from({ length: ROUNDS }, (_, i) => hostileRequest(new Random(SEED, i)))]
  const named = plain.map((bytes, i) => {
    const random = new Random(SEED, ROUNDS + i)
    return scene.inName(bytes, random.chance(0.9) ? scene.daemon : peer(random))
  })
  const answers = [
    ...await answersTo(plain, world.socketOf('app')), ...await answersTo(named, world.socketOf('app')), ...await answersTo(plain, scene.asDaemonSocketOf('app'))
  ]
  const envelopes = answers.flatMap(answer => envelopesIn(answer))
  const distinct = new Set(envelopes.map(bytes => bytes.toString('base64')))
  t.log(`${answers.length} answers, ${envelopes.length} envelopes, ${distinct.size} of them different`)
  t.true(answers.length > plain.length && envelopes.length > 100)
  t.is(distinct.size, grants.length, 'one for each blessing, and the same each time')
  await areBlessings(t, envelopes.slice(0, 20), { scene, grants, audience: await world.peerIdOf('app') })
  t.is((await scene.host()).crashes, 0)
})

test.serial('threat 27: a taken-over host gets no more signed than its own tenant\'s blessings, whatever it says', async t => {
  await using scene = await BlessedScene.start()
  const { world, programs: { app } } = scene
  const given = await scene.bless('app', ['openStream'], ['/out/'])
  await scene.bless('other', ['openStream'], ['/other/'])
  await app.askOne(world.socketOf('app'), identify())
  await using host = await TakenOver.of(world, 'app')
  const envelopes: Buffer[] = []
  for (const bytes of [...records(scene), Buffer.from(await world.peerBytesOf('other'))]) {
    for (const asked of [request(102), request(102, [9, bytes]), request(102, [101, scene.daemon]), request(102, [102, bytes]), request(102, [150, bytes])]) {
      const relay = await host.actAsDaemon(scene.daemonId)
      relay.claim({ uid: APP, gid: APP, pid: 1, audience: bytes.toString('hex'), tenant: 'other' })
      const response = await relay.ask(asked)
      envelopes.push(...response?.blessing?.envelopes.map(envelope => Buffer.from(envelope)) ?? [])
      relay.stream.abort(new Error('done'))
    }
  }
  t.true(envelopes.length > 10)
  t.is(new Set(envelopes.map(bytes => bytes.toString('base64'))).size, 1)
  await areBlessings(t, envelopes.slice(0, 1), { scene, grants: [given], audience: await world.peerIdOf('app') })
})

test.serial('threat 27: a blessing is nothing but that: no peer record, no other issuer\'s, no other peer\'s, and none that stands once it was taken back, also when the same is given again', async t => {
  await using scene = await BlessedScene.start()
  await using stranger = await RemotePeer.start()
  const { world, programs: { app } } = scene
  const first = await scene.bless('app', ['provideService'], ['/search/'])
  const { response } = await app.askOne(world.socketOf('app'), request(RequestType.BLESSING))
  const [envelope = new Uint8Array()] = response?.blessing?.envelopes ?? []
  const right = { issuer: scene.daemonId, remotePeer: await world.peerIdOf('app'), action: 'provideService', resource: '/search/1.0.0' }
  t.true((await verifyBlessing(envelope, right)).verified)
  await t.throwsAsync(RecordEnvelope.openAndCertify(envelope, PeerRecord.DOMAIN))
  for (const [what, wanted, reason] of [
    ['another issuer', { ...right, issuer: stranger.peerId }, 'key'], ['the tenant as the issuer', { ...right, issuer: right.remotePeer }, 'key'],
    ['a stranger who shows it', { ...right, remotePeer: stranger.peerId }, 'audience'], ['another tenant that shows it', { ...right, remotePeer: await world.peerIdOf('other') }, 'audience'],
    ['the daemon that shows it', { ...right, remotePeer: scene.daemonId }, 'audience'], ['another act', { ...right, action: 'openStream' }, 'action'],
    ['another resource', { ...right, resource: '/search' }, 'resource'], ['later', { ...right, now: Date.now() + 3_601_000 }, 'expired'], ['earlier', { ...right, now: Date.now() - 60_000 }, 'not-yet']
  ] as const) await t.throwsAsync(verifyBlessing(envelope, wanted), { code: 'ERR_DENIED', message: /./, name: 'BlessingError' }, what).then(error => { t.is((error as { reason?: string }).reason, reason, what) })
  // The other way round: what the daemon signs for the network is no blessing.
  const addresses = await scene.addresses()
  const record = await recordOf(stranger, scene, addresses)
  await RecordEnvelope.openAndCertify(record, PeerRecord.DOMAIN)
  await t.throwsAsync(verifyBlessing(record, right), { code: 'ERR_DENIED' })
  // It is good for as long as it says, wherever nobody asks; whoever asks is told.
  t.true(await stranger.stands(scene.daemonId, addresses, first.id))
  await scene.unbless('app')
  t.false(await stranger.stands(scene.daemonId, addresses, first.id))
  const second = await scene.bless('app', ['provideService'], ['/search/'])
  t.deepEqual([await stranger.stands(scene.daemonId, addresses, first.id), await stranger.stands(scene.daemonId, addresses, second.id)], [false, true])
})

/** The signed peer record that a host sends to whoever connects. */
async function recordOf ({ node }: RemotePeer, { daemonId }: BlessedScene, addresses: readonly string[]): Promise<Uint8Array> {
  await node.dial(addresses.map(address => multiaddr(`${address}/p2p/${daemonId}`)))
  return await until('the daemon\'s peer record', async () => {
    const { peerRecordEnvelope } = await node.peerStore.get(peerIdFromString(daemonId))
    return peerRecordEnvelope
  })
}

test.serial('threat 27: what the daemon\'s host signs for the network has its own addresses in it, whatever a peer tells it that it has seen, and whatever an app in its name had it connect to', async t => {
  await using scene = await BlessedScene.start()
  await using liar = await RemotePeer.start()
  await using witness = await RemotePeer.start()
  const seen = ['/ip4/198.41.0.4/tcp/666', '/dns4/evil.example/tcp/666', '/ip4/127.0.0.1/tcp/666']
  await liar.node.unhandle('/ipfs/id/1.0.0')
  let asked = 0
  await liar.node.handle('/ipfs/id/1.0.0', stream => {
    const observed = multiaddr(seen[asked++ % seen.length] ?? '').bytes
    stream.send(frame(message([2, multiaddr('/ip4/127.0.0.1/tcp/1').bytes], [3, MARK], [4, observed], [5, MARK], [6, MARK])))
    void stream.close().catch(() => {})
  })
  await scene.bless('app', ['connect', 'disconnect'], [liar.peerId])
  for (let i = 0; i < seen.length; i++) {
    t.is((await scene.act('app', connect(liar.id, liar.addresses, 5))).error, '')
    await until('the daemon to ask', () => asked > i)
    for (const connection of liar.node.getConnections()) await connection.close()
  }
  const addresses = await scene.addresses()
  const sealed = await RecordEnvelope.openAndCertify(await recordOf(witness, scene, addresses), PeerRecord.DOMAIN)
  t.deepEqual(PeerRecord.createFromProtobuf(sealed.payload).multiaddrs.map(String), addresses)
  t.false(Buffer.from(sealed.payload).includes(MARK))
})

test.serial('threat 27: nothing that is no protocol, peer or name of a thing gets into what is signed, not even from the operator', async t => {
  await using scene = await BlessedScene.start({ policies: { 'all.cedar': ALLOW_ALL } })
  const hostile = [
    '/a\n', '/\0', '/\u202e', '/\u2028', '/ ', '/\ud800', '/é', `/${'x'.repeat(256)}`, '', ' ', 'x', '\x08\x01', MARK.toString(), 'libp2p-peer-record', '12D3KooW', '**', 'own ', '__proto__'
  ]
  for (const resource of hostile) {
    for (const actions of [['provideService'], ['connect', 'listPeers', 'provideService']]) await t.throwsAsync(scene.bless('app', actions, [resource, '/a/']), { message: /ERR_CONFIG/ }, JSON.stringify(resource))
  }
  for (const action of ['', 'provideService\n', 'actForDaemon', 'identify', 'sign', '*', '__proto__', MARK.toString()]) await t.throwsAsync(scene.bless('app', [action], ['*']), { message: /ERR_CONFIG/ }, action)
  for (const seconds of [0, 59, -1, 0.5, 86_401, 2 ** 53]) await t.throwsAsync(scene.bless('app', ['listPeers'], ['own'], seconds), { message: /ERR_CONFIG/ }, String(seconds))
  for (const name of ['daemon', 'admin', '..', 'App', 'app%0a', 'x'.repeat(33), 'nobody']) await t.throwsAsync(scene.bless(name, ['listPeers'], ['own']), { message: /ERR_REQUEST/ }, name)
  t.regex((await scene.programs.app.askOne(scene.world.socketOf('app'), request(RequestType.BLESSING))).error, /^no blessing of app stands: /)
})
