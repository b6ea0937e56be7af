/** Runs proto/blessings.json. Each of its refusals has to come from the rule it names. */
import test from 'ava'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { RecordEnvelope } from '@libp2p/peer-record'
import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromMultihash } from '@libp2p/peer-id'
import { sealBlessing } from '../../src/blessing/envelope.ts'
import { DAEMON_ACTIONS } from '../../src/blessing/scope.ts'
import { BlessingError, readUnverifiedBlessing, verifyBlessing } from '../../src/blessing/verify.ts'
import { decodePeerId } from '../../src/wire/peers.ts'
import { formatVectors, makeVectors } from './vectors.ts'
import type { Vectors } from './right.ts'

const text = readFileSync(join(import.meta.dirname, '../../proto/blessings.json'), 'utf8')
const { keys, valid, invalid } = JSON.parse(text) as Vectors

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))

for (const { name, key: keyName, blessing, wanted, hex } of valid) {
  const { peerId, privateKey } = keys.find(key => key.name === keyName) ?? { peerId: '', privateKey: '' }
  const audience = decodePeerId(bytes(blessing.audience))

  test(`holds: ${name}`, async t => {
    const { audience: _, ...fields } = blessing
    const said = { issuer: peerId, audience: audience.toString(), ...fields }
    t.deepEqual(await verifyBlessing(bytes(hex), wanted), { verified: true, ...said })
    t.deepEqual(readUnverifiedBlessing(bytes(hex)), { verified: false, ...said })
  })

  if (blessing.actions.every(action => DAEMON_ACTIONS.some(known => known === action))) {
    test(`is what the daemon signs: ${name}`, async t => {
      const grant = { ...blessing, id: blessing.grant, tenant: 'search', tenantId: 'b1946ac92492d2347c6235b4d2611184', source: 'operator' as const }
      const sealed = await sealBlessing(grant, peerIdFromMultihash(audience.toMultihash()), privateKeyFromProtobuf(bytes(privateKey)))
      t.is(Buffer.from(sealed).toString('hex'), hex)
    })
  }
}

for (const { name, reason, wanted, hex, domain } of invalid) {
  test(`refused: ${name}`, async t => {
    const refusal = await t.throwsAsync(verifyBlessing(bytes(hex), wanted), { instanceOf: BlessingError, code: 'ERR_DENIED' })
    t.is(refusal?.reason, reason, refusal?.message)
    // So it is the domain that it is refused for, or a rule behind the signature.
    if (domain !== undefined) await t.notThrowsAsync(RecordEnvelope.openAndCertify(bytes(hex), domain))
  })
}

test('each rule of the verifier refuses something in the vectors', t => {
  t.deepEqual([...new Set(invalid.map(({ reason }) => reason))].sort(), [
    'action', 'audience', 'encoding', 'envelope', 'expired', 'fields', 'issuer', 'key', 'lifetime', 'not-yet', 'payload', 'payload-type', 'resource', 'signature', 'size'
  ])
})

test('every vector is another one', t => {
  const all = [...valid, ...invalid]
  t.is(new Set(all.map(({ name }) => name)).size, all.length)
  t.is(new Set(all.map(({ hex, wanted }) => JSON.stringify([hex, wanted]))).size, all.length)
})

test('the vectors are what their keys give, on every machine', async t => {
  t.is(formatVectors(await makeVectors()), text)
})
