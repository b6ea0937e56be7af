/**
 * The daemon's side of /p2pd/blessing-status/1.0.0 without the stream: from the question's bytes to the answer's.
 *
 * Whoever knows a grant's id may ask about it; it is random, and nothing else finds a grant. The handler (host/) reads the
 * question off the stream and writes the answer, each behind its length.
 */
import { decodeBlessingStatusRequest, encodeBlessingStatusResponse } from '../wire/codec.ts'
import { standsAt, type Grant } from './grant.ts'
import { grantIdText } from './grantId.ts'

/**
 * ERR_MESSAGE for bytes that are no question. An id nobody has heard of is a grant that does not stand.
 *
 * @param question without its length, at most MAX_STATUS_BYTES of askStatus.ts
 * @param standing what has been given and not taken back; what has expired does no harm in it
 * @param nowMs milliseconds since 1970
 */
export function statusAnswer (question: Uint8Array, standing: readonly Grant[], nowMs: number): Uint8Array {
  const id = grantIdText(decodeBlessingStatusRequest(question).grant)
  const grant = standing.find(candidate => candidate.id === id && standsAt(candidate, nowMs))
  return encodeBlessingStatusResponse({ stands: grant !== undefined, epoch: grant?.epoch ?? 0, expires: grant?.expires ?? 0 })
}
