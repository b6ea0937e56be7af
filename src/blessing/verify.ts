/**
 * Checks a blessing: whether the peer at the other end of a connection may do this, on that, in a p2pd daemon's name.
 *
 * For any libp2p program, wherever it runs: the package exports it as `p2pd/verify-blessing`, and dist/verifyBlessing.js is
 * all of it in one file. It takes nothing on trust but the issuer's peer ID, which you have from where you trust it, and
 * that your connection's remotePeer is who it says, which libp2p has proved.
 *
 * ```js
 * import { peerIdFromString } from '@libp2p/peer-id'
 * import { BLESSING_STATUS_PROTOCOL, askBlessingStatus, verifyBlessing } from 'p2pd/verify-blessing'
 *
 * const issuer = peerIdFromString('12D3KooW...')
 * // The app got the envelope from its daemon (BLESSING) and sent it to us over this connection.
 * const blessing = await verifyBlessing(envelope, {
 *   issuer, remotePeer: connection.remotePeer, action: 'provideService', resource: '/search/1.0.0'
 * })
 * // It holds until it expires, unless it was taken back. Only the issuer knows that.
 * const status = await askBlessingStatus(await node.dialProtocol(issuer, BLESSING_STATUS_PROTOCOL), blessing.grant)
 * if (!status.stands) throw new Error('taken back')
 * ```
 *
 * A status with a later epoch than the blessing's is of a grant that was renewed since: the app has a newer envelope.
 *
 * Owns the rules, in the order of RefusalReason. Uses nothing that only Node has, and nothing of p2pd's that does.
 */
import { RecordEnvelope } from '@libp2p/peer-record'
import { peerIdFromMultihash } from '@libp2p/peer-id'
import type { PeerId } from '@libp2p/interface'
import { P2pdError } from '../errors.ts'
import { decodeBlessing, encodeBlessing, type Blessing } from '../wire/codec.ts'
import { parsePeerId } from '../wire/peers.ts'
import { MAX_GRANT_SECONDS } from './grant.ts'
import { GRANT_ID_BYTES, grantIdText } from './grantId.ts'
import { ANY_RESOURCE, covers, DAEMON_ACTIONS, MAX_ACTIONS, MAX_RESOURCES, MAX_RESOURCE_BYTES, type DaemonAction } from './scope.ts'

export { BLESSING_STATUS_PROTOCOL, askBlessingStatus, decodeStatusAnswer, encodeStatusQuestion, type AskOptions, type BlessingStatus } from './askStatus.ts'
export { P2pdError, type ErrorCode } from '../errors.ts'

/** What the signature is made over, before payload type and payload: so that it means nothing where another domain is asked for. */
export const BLESSING_DOMAIN = 'p2pd-blessing'
export const BLESSING_PAYLOAD_TYPE: Uint8Array = new TextEncoder().encode('/p2pd/blessing')

/**
 * Largest envelope, bytes. The largest that p2pd signs has under 19: 64 resources of 256 bytes, and an RSA key and a
 * signature of 1 KiB each.
 */
export const MAX_BLESSING_BYTES = 20 * 1024

/** Longest name of an action, bytes: twice those there are. */
const MAX_ACTION_BYTES = 32

/** Clocks that are further apart than this are wrong, milliseconds. */
const MAX_CLOCK_SKEW_MS = 300_000

/** The rules, in the order in which they are looked at: `encoding` for the envelope here, for what is in it after `payload`. */
export type RefusalReason =
  /** Over MAX_BLESSING_BYTES. */
  | 'size'
  /** No signed envelope with a public key in it. */
  | 'envelope'
  /** Envelope or payload is written otherwise than the one way there is: order, unknown or repeated fields, long numbers, bytes behind it. */
  | 'encoding'
  /** The envelope's key is not the issuer's. */
  | 'key'
  /** It holds something else than a blessing. */
  | 'payload-type'
  /** The key did not sign this in the domain of blessings. */
  | 'signature'
  /** What was signed is no Blessing. */
  | 'payload'
  /** A field is longer or shorter than it may be. */
  | 'fields'
  /** Signed by the issuer, and says that it is somebody else's. */
  | 'issuer'
  /** It was given to another than the remote peer. */
  | 'audience'
  /** Ends before it begins, or lasts more than 24 hours. */
  | 'lifetime'
  | 'not-yet'
  | 'expired'
  /** The action is none of the blessing's; or the resource is not. */
  | 'action'
  | 'resource'

/** A blessing that does not hold. The code is always ERR_DENIED. */
export class BlessingError extends P2pdError {
  readonly reason: RefusalReason

  constructor (reason: RefusalReason, message: string, options?: { cause?: unknown }) {
    super('ERR_DENIED', message, options)
    this.name = 'BlessingError'
    this.reason = reason
  }
}

export interface Wanted {
  /** The daemon you trust. */
  readonly issuer: PeerId | string
  /** Who shows the blessing: the remotePeer of an encrypted connection, not what anybody says. */
  readonly remotePeer: PeerId | string
  /** One of p2pd's actions: connect, disconnect, listPeers, openStream, provideService; or identify, which every blessing covers. */
  readonly action: string
  /** What it is to be done on: a protocol (also for a service), a peer ID in base58, or `own` for the daemon's own host. */
  readonly resource: string
  /** Milliseconds since 1970; this machine's clock when absent. */
  readonly now?: number
  /** How far the two machines' clocks may be apart, both ways: 0 when absent, 5 minutes at most. */
  readonly clockSkewMs?: number
}

interface Said {
  /** Peer IDs in base58. */
  readonly issuer: string
  readonly audience: string
  /** The grant's id, 32 hexadecimal digits: what askBlessingStatus() asks for. */
  readonly grant: string
  readonly epoch: number
  /** Seconds since 1970, both. It stands from the first until before the second. */
  readonly notBefore: number
  readonly expires: number
  /** Each of these actions on each of these resources. */
  readonly actions: readonly string[]
  readonly resources: readonly string[]
}

export interface VerifiedBlessing extends Said { readonly verified: true }

/** What somebody says. Nobody has checked who. */
export interface UnverifiedBlessing extends Said { readonly verified: false }

/**
 * What the blessing says, if it covers what is wanted. Otherwise it rejects: with a BlessingError that has the reason, when it is
 * the blessing's fault; with ERR_REQUEST, when what is wanted is no question.
 */
export async function verifyBlessing (envelope: Uint8Array, wanted: Wanted): Promise<VerifiedBlessing> {
  const issuer = peerOf(wanted.issuer)
  const remotePeer = peerOf(wanted.remotePeer)
  const { nowMs, skewMs } = clockOf(wanted)
  const sealed = openEnvelope(envelope)
  if (!areEqual(sealed.publicKey.toMultihash().bytes, issuer.toMultihash().bytes)) {
    throw new BlessingError('key', `the key of ${sealed.publicKey.toString()} has signed this blessing, not that of ${issuer.toString()}`)
  }
  if (!areEqual(sealed.payloadType, BLESSING_PAYLOAD_TYPE)) throw new BlessingError('payload-type', 'this is a signed envelope of something else than a blessing')
  await assertSigned(sealed)
  const blessing = openPayload(sealed.payload)
  if (!areEqual(blessing.issuer, issuer.toMultihash().bytes)) throw new BlessingError('issuer', 'the blessing names another issuer than the one that has signed it')
  if (!areEqual(blessing.audience, remotePeer.toMultihash().bytes)) {
    throw new BlessingError('audience', `the blessing was given to another peer than ${remotePeer.toString()}: each one shows its own`)
  }
  assertInTime(blessing, nowMs, skewMs)
  assertCovered(blessing, wanted)
  return { verified: true, ...said(blessing, issuer, remotePeer) }
}

/**
 * What an envelope says, for people to look at: it may be anybody's, forged or long expired. A BlessingError when it is not even
 * in the form of a blessing.
 */
export function readUnverifiedBlessing (envelope: Uint8Array): UnverifiedBlessing {
  const blessing = openPayload(openEnvelope(envelope).payload)
  return { verified: false, ...said(blessing, peerIn(blessing.issuer), peerIn(blessing.audience)) }
}

function openEnvelope (envelope: Uint8Array): RecordEnvelope {
  if (envelope.length > MAX_BLESSING_BYTES) throw new BlessingError('size', `${envelope.length} bytes are no blessing: one has at most ${MAX_BLESSING_BYTES}`)
  // A copy: while the signature is checked, the bytes are nobody's to change.
  const bytes = Uint8Array.from(envelope)
  const sealed = attempt('envelope', 'these bytes are no signed envelope', () => RecordEnvelope.createFromProtobuf(bytes))
  if (!areEqual(sealed.marshal(), bytes)) throw new BlessingError('encoding', 'the envelope is not written as p2pd writes it: show it as it was given')
  return sealed
}

async function assertSigned (sealed: RecordEnvelope): Promise<void> {
  const refused = (cause?: unknown): BlessingError => new BlessingError('signature', 'the signature is not one of the issuer\'s under this blessing', { cause })
  let isSigned
  try {
    isSigned = await sealed.validate(BLESSING_DOMAIN)
  } catch (error) {
    // The libraries throw at what cannot be a signature at all.
    throw refused(error)
  }
  if (!isSigned) throw refused()
}

function openPayload (payload: Uint8Array): Blessing {
  const blessing = attempt('payload', 'what was signed is no blessing', () => decodeBlessing(payload))
  if (!areEqual(encodeBlessing(blessing), payload)) throw new BlessingError('encoding', 'the blessing is not written as p2pd writes it')
  const { grant, actions, resources } = blessing
  // No names are looked for here: one from a later daemon that this verifier does not know gives no right, and takes none.
  assertField('grant', grant.length === GRANT_ID_BYTES)
  assertField('actions', areShort(actions, MAX_ACTIONS, MAX_ACTION_BYTES))
  assertField('resources', areShort(resources, MAX_RESOURCES, MAX_RESOURCE_BYTES))
  return blessing
}

/** Each is asked for what would be right, so that a number which is none is refused. */
function assertInTime ({ notBefore, expires }: Blessing, nowMs: number, skewMs: number): void {
  const seconds = expires - notBefore
  if (!(seconds > 0 && seconds <= MAX_GRANT_SECONDS)) throw new BlessingError('lifetime', `the blessing lasts ${seconds} s: one lasts at least 1 and at most ${MAX_GRANT_SECONDS}`)
  if (!(notBefore * 1000 <= nowMs + skewMs)) throw new BlessingError('not-yet', `the blessing begins in ${notBefore - Math.floor(nowMs / 1000)} s: wait, or look at both clocks`)
  if (!(nowMs - skewMs < expires * 1000)) throw new BlessingError('expired', `the blessing ended ${Math.floor(nowMs / 1000) - expires} s ago: ask the app for its new one`)
}

function assertCovered (blessing: Blessing, { action, resource }: Wanted): void {
  const known = ([...DAEMON_ACTIONS, 'identify'] satisfies Array<DaemonAction | 'identify'>).find(name => name === action)
  if (known === undefined || !covers({ ...blessing, resources: [ANY_RESOURCE] }, known, resource)) {
    throw new BlessingError('action', `the blessing is for ${blessing.actions.join(', ')}, not for ${JSON.stringify(action)}`)
  }
  if (!covers(blessing, known, resource)) throw new BlessingError('resource', `the blessing does not cover ${JSON.stringify(resource)}`)
}

function clockOf ({ now = Date.now(), clockSkewMs = 0 }: Wanted): { nowMs: number, skewMs: number } {
  if (!Number.isFinite(now)) throw new P2pdError('ERR_REQUEST', `now: must be milliseconds since 1970, found ${now}`)
  if (!(clockSkewMs >= 0 && clockSkewMs <= MAX_CLOCK_SKEW_MS)) throw new P2pdError('ERR_REQUEST', `clockSkewMs: must be 0 to ${MAX_CLOCK_SKEW_MS}, found ${clockSkewMs}`)
  return { nowMs: now, skewMs: clockSkewMs }
}

function peerOf (peer: PeerId | string): PeerId {
  return typeof peer === 'string' ? parsePeerId(peer) : peer
}

/** As decodePeerId() of wire/peers.ts, which needs Node: a key, or the SHA-256 of one. */
function peerIn (bytes: Uint8Array): PeerId {
  const [code = -1, size = -1, ...digest] = bytes
  assertField('issuer and audience', size === digest.length && (code !== 0x12 || size === 32))
  const peer = attempt('fields', 'issuer and audience must be peer IDs', () => peerIdFromMultihash({ code, size, digest: Uint8Array.from(digest), bytes: Uint8Array.from(bytes) }))
  assertField('issuer and audience', peer.type !== 'url')
  return peer
}

function said ({ grant, epoch, notBefore, expires, actions, resources }: Blessing, issuer: PeerId, audience: PeerId): Said {
  return { issuer: issuer.toString(), audience: audience.toString(), grant: grantIdText(grant), epoch, notBefore, expires, actions, resources }
}

function attempt<T> (reason: RefusalReason, sentence: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new BlessingError(reason, sentence, { cause })
  }
}

function assertField (name: string, isRight: boolean): void {
  if (!isRight) throw new BlessingError('fields', `${name}: a blessing with this is none that p2pd gives`)
}

function areShort (texts: readonly string[], most: number, maxBytes: number): boolean {
  const bytesOf = (text: string): number => new TextEncoder().encode(text).length
  return texts.length > 0 && texts.length <= most && texts.every(text => text !== '' && bytesOf(text) <= maxBytes)
}

function areEqual (one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at])
}
