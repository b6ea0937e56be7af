/** Blessings that are wrong in one thing: under the signature of the right one, and signed as they are by the right daemon. */
import type { RefusalReason } from '../../src/blessing/verify.ts'
import { message, type Field } from '../helpers/protobuf.ts'
import { APP, DAEMONS, OTHER_APP, OTHER_DAEMON } from './keys.ts'
import { blessingFields, envelope, peerIdOf, sign, type Blessing } from './forge.ts'
import { NOW_S, blessingBy, peerIdText, type BadEnvelope } from './right.ts'

const KEY = DAEMONS.ed25519

export async function badPayloads (): Promise<BadEnvelope[]> {
  return [...await altered(), ...await signedAltered(), ...await signedMisshapen()]
}

/** What an app could do to a blessing that it has. */
async function altered (): Promise<BadEnvelope[]> {
  const right = await sign(KEY, message(...blessingFields(blessingBy(KEY))))
  const rows: Array<[name: string, changed: Partial<Blessing>]> = [
    ['issuer', { issuer: peerIdOf(OTHER_DAEMON) }],
    ['audience', { audience: peerIdOf(OTHER_APP) }],
    ['grant', { grant: Buffer.alloc(16, 0xee) }],
    ['epoch', { epoch: 8 }],
    ['notBefore, earlier', { notBefore: NOW_S - 601 }],
    ['notBefore, later', { notBefore: NOW_S - 599 }],
    ['expires, later', { expires: NOW_S + 3_001 }],
    ['expires, earlier', { expires: NOW_S + 2_999 }],
    ['an action more', { actions: ['openStream', 'provideService', 'connect'] }],
    ['an action less', { actions: ['provideService'] }],
    ['another action', { actions: ['openStream', 'disconnect'] }],
    ['a resource more', { resources: ['/search/1.0.0', '/index/', '/other/1.0.0'] }],
    ['a resource widened to a prefix', { resources: ['/search/', '/index/'] }],
    ['a resource widened to all', { resources: ['/search/1.0.0', '*'] }],
    ['a resource less', { resources: ['/search/1.0.0'] }]
  ]
  return rows.map(([name, changed]) => ({ name: `altered: ${name}`, reason: 'signature', bytes: envelope({ ...right, payload: message(...blessingFields(blessingBy(KEY, changed))) }) }))
}

/** What only the daemon itself could do. */
async function signedAltered (): Promise<BadEnvelope[]> {
  const rows: Array<[name: string, reason: RefusalReason, changed: Partial<Blessing>]> = [
    ['another issuer', 'issuer', { issuer: peerIdOf(OTHER_DAEMON) }],
    ['issuer as text', 'issuer', { issuer: Buffer.from(peerIdText(KEY)) }],
    ['issuer as a public key', 'issuer', { issuer: peerIdOf(KEY).subarray(2) }],
    ['issuer empty', 'issuer', { issuer: Buffer.alloc(0) }],
    ['another audience', 'audience', { audience: peerIdOf(OTHER_APP) }],
    ['the issuer as its audience', 'audience', { audience: peerIdOf(KEY) }],
    ['audience with a byte more', 'audience', { audience: Buffer.concat([peerIdOf(APP), Buffer.alloc(1)]) }],
    ['audience empty', 'audience', { audience: Buffer.alloc(0) }],
    ['grant of 15 bytes', 'fields', { grant: Buffer.alloc(15) }],
    ['grant of 17 bytes', 'fields', { grant: Buffer.alloc(17) }],
    ['grant empty', 'fields', { grant: Buffer.alloc(0) }],
    ['an epoch that is not exact as a number', 'encoding', { epoch: 2n ** 53n }],
    ['not yet for a second', 'not-yet', { notBefore: NOW_S + 1 }],
    ['expired this very second', 'expired', { expires: NOW_S }],
    ['expired a second ago', 'expired', { expires: NOW_S - 1 }],
    ['ends when it begins', 'lifetime', { expires: NOW_S - 600 }],
    ['ends before it begins', 'lifetime', { expires: NOW_S - 601 }],
    ['a second longer than 24 hours', 'lifetime', { expires: NOW_S - 600 + 86_401 }],
    ['notBefore 0', 'lifetime', { notBefore: 0 }],
    ['expires for ever', 'lifetime', { expires: Number.MAX_SAFE_INTEGER }],
    ['17 actions', 'fields', { actions: new Array<string>(17).fill('provideService') }],
    ['an action without a name', 'fields', { actions: ['provideService', ''] }],
    ['an action of 33 bytes', 'fields', { actions: ['provideService', 'a'.repeat(33)] }],
    ['other actions', 'action', { actions: ['openStream', 'connect'] }],
    ['all actions by a star', 'action', { actions: ['*'] }],
    ['identify for an action', 'action', { actions: ['identify'] }],
    ['65 resources', 'fields', { resources: new Array<string>(65).fill('/search/1.0.0') }],
    ['a resource without a name', 'fields', { resources: ['/search/1.0.0', ''] }],
    ['a resource of 257 bytes', 'fields', { resources: ['/search/1.0.0', `/${'a'.repeat(256)}`] }],
    ['a resource of 257 bytes in 129 letters', 'fields', { resources: ['/search/1.0.0', `/${'é'.repeat(128)}`] }],
    ['other resources', 'resource', { resources: ['/search/2.0.0', '/index/'] }],
    ['a prefix that ends without a slash', 'resource', { resources: ['/search'] }],
    ['a prefix that begins without one', 'resource', { resources: ['search/'] }],
    ['the daemon\'s own host for a protocol', 'resource', { resources: ['own'] }],
    ['more bytes than any', 'size', { resources: new Array<string>(80).fill(`/${'a'.repeat(255)}`) }]
  ]
  return await Promise.all(rows.map(async ([name, reason, changed]) => ({
    name: `signed: ${name}`, reason, bytes: envelope(await sign(KEY, message(...blessingFields(blessingBy(KEY, changed)))))
  })))
}

async function signedMisshapen (): Promise<BadEnvelope[]> {
  const fields = blessingFields(blessingBy(KEY))
  const names = ['issuer', 'audience', 'grant', 'epoch', 'notBefore', 'expires', 'actions', 'resources']
  const without = (number: number): Buffer => message(...fields.filter(([found]) => found !== number))
  const only = (number: number): Field[] => fields.filter(([found]) => found === number)
  const at = (number: number): number => fields.findIndex(([found]) => found === number)
  const whole = message(...fields)
  const head = (number: number): Buffer => message(...fields.slice(0, at(number)))
  const tail = (number: number): Buffer => message(...fields.slice(at(number) + 1))
  const rows: Array<[name: string, reason: RefusalReason, payload: Uint8Array]> = [
    ...names.map((name, index): [string, RefusalReason, Buffer] => [`without ${name}`, index < 6 ? 'payload' : 'fields', without(index + 1)]),
    ...names.slice(0, 6).map((name, index): [string, RefusalReason, Buffer] => [`${name} twice`, 'encoding', message(...fields.flatMap(field => field[0] === index + 1 ? [field, field] : [field]))]),
    ['nothing', 'payload', Buffer.alloc(0)],
    ['cut off by one byte', 'payload', whole.subarray(0, -1)],
    ['text', 'payload', Buffer.from('provideService')],
    ['expires before notBefore in order', 'encoding', message(...fields.slice(0, 4), ...only(6), ...only(5), ...only(7), ...only(8))],
    ['resources before actions', 'encoding', message(...fields.slice(0, 6), ...only(8), ...only(7))],
    ['a field that there is not', 'encoding', message(...fields, [9, 1])],
    ['an empty field that there is not', 'encoding', message(...fields, [15, ''])],
    ['a zero behind it', 'payload', Buffer.concat([whole, Buffer.alloc(1)])],
    ['another audience before the right one', 'encoding', message(...only(1), [2, peerIdOf(OTHER_APP)], ...fields.slice(1))],
    ['the epoch in more bytes than it needs', 'encoding', Buffer.concat([head(4), Buffer.from([4 << 3, 0x87, 0x00]), tail(4)])],
    ['the epoch in ten bytes', 'encoding', Buffer.concat([head(4), Buffer.from([4 << 3, 0x87, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00]), tail(4)])],
    ['the epoch above 64 bits', 'encoding', Buffer.concat([head(4), Buffer.from([4 << 3, 0x87, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02]), tail(4)])],
    ['the epoch as bytes', 'payload', Buffer.concat([head(4), message([4, 'seven']), tail(4)])],
    ['the audience as a number', 'payload', Buffer.concat([head(2), message([2, 7]), tail(2)])],
    ['an action that is no UTF-8', 'encoding', Buffer.concat([head(7), message([7, Buffer.from([0x6f, 0xff, 0x6f])]), tail(7)])],
    ['an action in a longer spelling of UTF-8', 'encoding', Buffer.concat([head(7), message([7, Buffer.from([0xc1, 0xaf])]), tail(7)])]
  ]
  return await Promise.all(rows.map(async ([name, reason, payload]) => ({ name: `signed: ${name}`, reason, bytes: envelope(await sign(KEY, payload)) })))
}
