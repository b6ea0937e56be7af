import test from 'ava'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { sealBlessing } from '../../src/blessing/envelope.ts'
import type { Grant } from '../../src/blessing/grant.ts'
import { P2pdClient } from '../../src/client/index.ts'
import { ResponseType, type ResponseInit } from '../../src/wire/codec.ts'
import { parsePeerId } from '../../src/wire/peers.ts'
import { PEER, ok, refused, scriptedDaemon } from './scriptedDaemon.ts'

const GRANT: Grant = {
  id: '000102030405060708090a0b0c0d0e0f', tenant: 'store', tenantId: 'x', epoch: 7, notBefore: 1_795_000_000, expires: 1_795_003_600, source: 'operator',
  actions: ['openStream', 'provideService'], resources: ['/p2pd/plugin/dht/1.0.0', '/search/']
}

test('blessing gives what the envelopes say, with the envelopes as they came', async t => {
  const key = await generateKeyPair('Ed25519')
  const envelopes = [await sealBlessing(GRANT, parsePeerId(PEER), key), await sealBlessing({ ...GRANT, id: 'f'.repeat(32), epoch: 8, actions: ['connect'], resources: ['*'] }, parsePeerId(PEER), key)]
  const daemon = await scriptedDaemon(t, ({ answer }) => { answer({ type: ResponseType.OK, blessing: { envelopes } }) })
  await using client = new P2pdClient(daemon.address)
  const said = {
    grant: GRANT.id, issuer: peerIdFromPrivateKey(key).toString(), audience: PEER, epoch: 7, notBefore: new Date('2026-11-18T11:06:40Z'), expires: new Date('2026-11-18T12:06:40Z'),
    actions: [...GRANT.actions], resources: [...GRANT.resources]
  }
  t.deepEqual(await client.blessing(), [
    { envelope: Uint8Array.from(envelopes[0] ?? []), ...said },
    { envelope: Uint8Array.from(envelopes[1] ?? []), ...said, grant: 'f'.repeat(32), epoch: 8, actions: ['connect'], resources: ['*'] }
  ])
  t.deepEqual(daemon.requests, [{ type: 102 }])
})

test('a tenant that is not blessed has no blessing', async t => {
  const daemon = await scriptedDaemon(t, ({ answer }) => { answer({ type: ResponseType.OK, blessing: { envelopes: [] } }) })
  await using client = new P2pdClient(daemon.address)
  t.deepEqual(await client.blessing(), [])
})

for (const [what, [response, code]] of Object.entries<[ResponseInit, string]>({
  'an OK without blessings': [ok, 'ERR_MESSAGE'],
  'an envelope that is none': [{ type: ResponseType.OK, blessing: { envelopes: [Uint8Array.of(1, 2, 3)] } }, 'ERR_MESSAGE'],
  'an ERROR': [refused('listBlessings denied'), 'ERR_REMOTE']
})) {
  test(`${what} is told as ${code}`, async t => {
    const daemon = await scriptedDaemon(t, ({ answer }) => { answer(response) })
    await using client = new P2pdClient(daemon.address)
    await t.throwsAsync(client.blessing(), { name: 'P2pdError', code })
  })
}
