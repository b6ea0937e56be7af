/**
 * The blessing that holds, and the question it answers: what every vector is a variation of. And what a vector looks like.
 */
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { PrivateKey } from '@libp2p/interface'
import type { RefusalReason } from '../../src/blessing/verify.ts'
import { peerIdOf, type Blessing } from './forge.ts'
import { APP } from './keys.ts'

/** The question of a verifier; `now` and `clockSkewMs` are milliseconds. */
export interface Question {
  readonly issuer: string
  readonly remotePeer: string
  readonly action: string
  readonly resource: string
  readonly now: number
  readonly clockSkewMs?: number
}
export interface KeyVector { readonly name: string, readonly type: string, readonly peerId: string, readonly privateKey: string }
export interface ValidVector {
  readonly name: string
  /** Name of the key that signed it. */
  readonly key: string
  readonly blessing: Readonly<Record<'audience' | 'grant', string> & Record<'epoch' | 'notBefore' | 'expires', number> & Record<'actions' | 'resources', readonly string[]>>
  readonly wanted: Question
  readonly hex: string
}
export interface InvalidVector {
  readonly name: string
  readonly reason: RefusalReason
  readonly wanted: Question
  readonly hex: string
  /** The domain in which its signature is right. */
  readonly domain?: string
}
export interface Vectors {
  readonly about: readonly string[]
  readonly keys: readonly KeyVector[]
  readonly valid: readonly ValidVector[]
  readonly invalid: readonly InvalidVector[]
}

/** An envelope that is refused, and the rule; with the question where that is what differs. */
export interface BadEnvelope extends Pick<InvalidVector, 'name' | 'reason' | 'domain'> {
  readonly bytes: Uint8Array
  readonly wanted?: Partial<Question>
}

export const NOW_S = 1_800_000_000

export function peerIdText (key: PrivateKey): string {
  return peerIdFromPrivateKey(key).toString()
}

/** What the vectors are variations of: given ten minutes ago, for an hour. */
export function blessingBy (issuer: PrivateKey, changed: Partial<Blessing> = {}): Blessing {
  return {
    issuer: peerIdOf(issuer),
    audience: peerIdOf(APP),
    grant: Buffer.from('00112233445566778899aabbccddeeff', 'hex'),
    epoch: 7,
    notBefore: NOW_S - 600,
    expires: NOW_S + 3_000,
    actions: ['openStream', 'provideService'],
    resources: ['/search/1.0.0', '/index/'],
    ...changed
  }
}

export function questionTo (issuer: PrivateKey): Question {
  return { issuer: peerIdText(issuer), remotePeer: peerIdText(APP), action: 'provideService', resource: '/search/1.0.0', now: NOW_S * 1000 }
}
