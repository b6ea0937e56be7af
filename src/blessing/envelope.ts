/**
 * The daemon's signature under a blessing: a libp2p signed envelope (RFC 0002) around the Blessing message.
 *
 * Owns what the daemon's key may sign here: the operator's grant, for one audience, and nothing else. Whatever is not a known
 * action, a resource of a known shape or a number in its bounds is refused, so no program can have bytes of its choice signed
 * by way of a grant; and the domain keeps the signature from meaning anything anywhere else.
 */
import { RecordEnvelope } from '@libp2p/peer-record'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { PeerId, PrivateKey, Record } from '@libp2p/interface'
import { P2pdError, messageOf } from '../errors.ts'
import { encodeBlessing } from '../wire/codec.ts'
import { decodePeerId, encodePeerId } from '../wire/peers.ts'
import { MAX_GRANT_SECONDS, type Grant } from './grant.ts'
import { grantIdBytes } from './grantId.ts'
import { whyNoScope } from './scopeRules.ts'
import { BLESSING_DOMAIN, BLESSING_PAYLOAD_TYPE } from './verify.ts'

/**
 * The bytes of the envelope, for verifyBlessing(). The issuer is the key's peer ID. Rejects with ERR_CONFIG for a grant that
 * may not be signed, and with ERR_REQUEST for an audience that is no key's peer ID.
 *
 * @param audience the blessed tenant's peer ID: nobody else can show the envelope
 */
export async function sealBlessing (grant: Grant, audience: PeerId, privateKey: PrivateKey): Promise<Uint8Array> {
  const why = whyNoGrant(grant)
  if (why !== undefined) throw new P2pdError('ERR_CONFIG', `the blessing of ${JSON.stringify(grant.tenant)} cannot be signed: ${why}`)
  const payload = encodeBlessing({
    issuer: encodePeerId(peerIdFromPrivateKey(privateKey)),
    audience: encodePeerId(decodePeerId(encodePeerId(audience))),
    grant: grantIdBytes(grant.id),
    epoch: grant.epoch,
    notBefore: grant.notBefore,
    expires: grant.expires,
    actions: [...grant.actions],
    resources: [...grant.resources]
  })
  const record: Record = { domain: BLESSING_DOMAIN, codec: BLESSING_PAYLOAD_TYPE, marshal: () => payload, equals: other => other === record }
  return (await RecordEnvelope.seal(record, privateKey)).marshal()
}

function whyNoGrant ({ id, epoch, notBefore, expires, actions, resources }: Grant): string | undefined {
  try {
    grantIdBytes(id)
  } catch (error) {
    return `id: ${messageOf(error)}`
  }
  for (const [name, value] of Object.entries({ epoch, notBefore, expires })) {
    if (!Number.isSafeInteger(value) || value < 0) return `${name}: must be a whole number, 0 or more, found ${value}`
  }
  const seconds = expires - notBefore
  if (seconds <= 0 || seconds > MAX_GRANT_SECONDS) return `expires: must be 1 to ${MAX_GRANT_SECONDS} seconds after notBefore, found ${seconds}`
  return whyNoScope({ actions, resources })
}
