/** The example's store: what it keeps, for whom, and that no caller can take more than its share. */
import test from 'ava'
import { createHash, randomBytes } from 'node:crypto'
import { generateKeyPair, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { Shares } from '../../examples/dht-plugin/shares.ts'
import { DhtStore, type StoreInit } from '../../examples/dht-plugin/store.ts'
import { decodePeerId } from '../../src/wire/peers.ts'

const keys = await Promise.all(Array.from({ length: 5 }, async () => await generateKeyPair('Ed25519')))
const peers = keys.map(key => peerIdFromPrivateKey(key))
const [alice = '', bob = '', carol = ''] = peers.map(String)
const { signal } = new AbortController()
const ADDRESS = '/ip4/127.0.0.1/tcp/4001'
const by = (caller: string): { caller: string, address: string, signal: AbortSignal } => ({ caller, address: ADDRESS, signal })
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
const CID = Uint8Array.of(1, 0x55, 0x12, 0x20)
const HOUR_MS = 3_600_000

function stopped (init: StoreInit = {}): { store: DhtStore, clock: { ms: number } } {
  const clock = { ms: 0 }
  return { store: new DhtStore({ ...init, now: () => clock.ms }), clock }
}

test('a value that was put is everybody’s to get and to search, and what was not is not there', t => {
  const { store } = stopped()
  store.putValue({ ...by(alice), key: bytes('greeting'), value: bytes('hello') })
  t.deepEqual(store.getValue({ ...by(bob), key: bytes('greeting') }), bytes('hello'))
  t.deepEqual(store.searchValue({ ...by(bob), key: bytes('greeting') }), [bytes('hello')])
  t.is(store.getValue({ ...by(bob), key: bytes('other') }), undefined)
  t.deepEqual(store.searchValue({ ...by(bob), key: bytes('other') }), [])
})

test('a key is its first writer’s, who may write it again, until the value expires', t => {
  const { store, clock } = stopped({ ttlMs: HOUR_MS })
  const key = bytes('greeting')
  store.putValue({ ...by(alice), key, value: bytes('hello') })
  t.throws(() => { store.putValue({ ...by(bob), key, value: bytes('mine') }) }, { code: 'ERR_DENIED', message: new RegExp(`this key is ${alice}'s`) })
  clock.ms = HOUR_MS - 1
  store.putValue({ ...by(alice), key, value: bytes('again') })
  clock.ms = 2 * HOUR_MS - 2
  t.deepEqual(store.getValue({ ...by(bob), key }), bytes('again'))
  t.throws(() => { store.putValue({ ...by(bob), key, value: bytes('mine') }) }, { code: 'ERR_DENIED' })
  clock.ms = 2 * HOUR_MS - 1
  t.is(store.getValue({ ...by(alice), key }), undefined)
  store.putValue({ ...by(bob), key, value: bytes('mine') })
  t.deepEqual(store.getValue({ ...by(alice), key }), bytes('mine'))
})

test('keys under /mine/PEER/ are that peer’s from the start, however they are written', t => {
  const { store } = stopped()
  const value = bytes('x')
  for (const key of [`/mine/${bob}/a`, `/mine/${bob}`, `/mine/${bob} /a`, '/mine/', '/mine//a', '/mine/nobody/a', `/mine/${alice}0/a`]) {
    t.throws(() => { store.putValue({ ...by(alice), key: bytes(key), value }) }, { code: 'ERR_DENIED' }, key)
  }
  store.putValue({ ...by(bob), key: bytes(`/mine/${bob}/a`), value })
  t.deepEqual(store.getValue({ ...by(alice), key: bytes(`/mine/${bob}/a`) }), value)
  // Elsewhere it is a key like any other.
  store.putValue({ ...by(alice), key: bytes(`/x/mine/${bob}/a`), value })
})

test('keys are bytes: what only reads alike is another key', t => {
  const { store } = stopped()
  store.putValue({ ...by(alice), key: Uint8Array.of(0xff), value: bytes('1') })
  store.putValue({ ...by(bob), key: Uint8Array.of(0xfe), value: bytes('2') })
  t.deepEqual(store.getValue({ ...by(carol), key: Uint8Array.of(0xff) }), bytes('1'))
})

test('keys, values and CIDs have their longest', t => {
  const { store } = stopped()
  const put = (keyBytes: number, valueBytes: number) => () => { store.putValue({ ...by(alice), key: new Uint8Array(keyBytes), value: new Uint8Array(valueBytes) }) }
  t.notThrows(put(1024, 64 * 1024))
  t.throws(put(1025, 1), { code: 'ERR_REQUEST' })
  t.throws(put(1, 64 * 1024 + 1), { code: 'ERR_REQUEST' })
  t.notThrows(() => { store.provide({ ...by(alice), cid: new Uint8Array(128) }) })
  t.throws(() => { store.provide({ ...by(alice), cid: new Uint8Array(129) }) }, { code: 'ERR_REQUEST' })
})

test('providers are those who said so, each once, until their time is over', t => {
  const { store, clock } = stopped({ ttlMs: HOUR_MS })
  const providers = (): string[] => [...store.findProviders({ ...by(carol), cid: CID })].map(({ peerId }) => peerId)
  t.deepEqual(providers(), [])
  store.provide({ ...by(alice), cid: CID })
  clock.ms = HOUR_MS / 2
  store.provide({ ...by(bob), cid: CID })
  store.provide({ ...by(bob), cid: CID })
  t.deepEqual(providers(), [alice, bob])
  t.deepEqual(store.findProviders({ ...by(carol), cid: CID })[0], { peerId: alice, addresses: [ADDRESS] })
  clock.ms = HOUR_MS
  t.deepEqual(providers(), [bob])
  clock.ms = HOUR_MS + HOUR_MS / 2
  t.deepEqual(providers(), [])
})

for (const [what, write] of [
  ['values', (store: DhtStore, caller: string, index: number) => { store.putValue({ ...by(caller), key: bytes(`${caller}${index}`), value: new Uint8Array(1000) }) }],
  ['tiny values', (store: DhtStore, caller: string, index: number) => { store.putValue({ ...by(caller), key: bytes(`${caller}${index}`), value: new Uint8Array(0) }) }],
  ['provider records', (store: DhtStore, caller: string, index: number) => { store.provide({ ...by(caller), cid: bytes(String(index)) }) }]
] as const) {
  test(`${what}: a caller that has its share gets an ERROR, the others go on, and what expires makes room`, t => {
    const { store, clock } = stopped({ maxBytes: 100_000, maxBytesPerCaller: 40_000, ttlMs: HOUR_MS })
    const fill = (caller: string): number => {
      for (let index = 0; ; index++) {
        try {
          write(store, caller, index)
        } catch (error) {
          t.is((error as { code: string }).code, 'ERR_LIMIT')
          return index
        }
      }
    }
    const first = fill(alice)
    t.true(first > 10 && first <= 40_000 / 256)
    t.is(fill(bob), first)
    // The last one meets the bound of all.
    const last = fill(carol)
    t.true(last > 0 && last < first)
    t.throws(() => { write(store, carol, last) }, { message: 'the store is full: wait until something expires' })
    // Writing again what is there takes nothing.
    t.notThrows(() => { for (let times = 0; times < 1000; times++) write(store, alice, 0) })
    clock.ms = HOUR_MS
    t.is(fill(carol), first)
  })
}

test('a value that has no room leaves the one that was there', t => {
  const { store } = stopped({ maxBytes: 100_000, maxBytesPerCaller: 2_000 })
  const key = bytes('k')
  store.putValue({ ...by(alice), key, value: bytes('small') })
  t.throws(() => { store.putValue({ ...by(alice), key, value: new Uint8Array(2_000) }) }, { code: 'ERR_LIMIT' })
  t.deepEqual(store.getValue({ ...by(alice), key }), bytes('small'))
  t.notThrows(() => { store.putValue({ ...by(alice), key, value: new Uint8Array(1_700) }) })
})

test('shares come out even', t => {
  const shares = new Shares({ all: 10, each: 6 })
  shares.take('a', 6)
  shares.take('b', 4)
  t.throws(() => { shares.assertRoom('b', 1) }, { message: /full/ })
  shares.giveBack('a', 6)
  shares.assertRoom('b', 2)
  t.throws(() => { shares.assertRoom('b', 3) }, { message: /your share of 6 bytes/ })
  shares.assertRoom('a', 6)
})

test('peers are known that have asked, at the address they were seen at, until they are forgotten', t => {
  const { store, clock } = stopped()
  const find = (peerId: string): object | undefined => store.findPeer({ ...by(carol), peerId })
  t.is(find(alice), undefined)
  store.getValue({ ...by(alice), key: bytes('x') })
  t.deepEqual(find(alice), { peerId: alice, addresses: [ADDRESS] })
  store.getValue({ caller: bob, address: '', signal, key: bytes('x') })
  t.deepEqual(find(bob), { peerId: bob, addresses: [] })
  clock.ms = HOUR_MS
  t.is(find(alice), undefined)
})

test('the closest peers are those of Kademlia, without the one who asks', t => {
  const { store } = stopped()
  for (const peer of peers) store.getValue({ ...by(String(peer)), key: bytes('x') })
  const distance = (peer: (typeof peers)[number], key: Uint8Array): bigint => {
    const [one, other] = [peer.toMultihash().bytes, key].map(of => BigInt(`0x${createHash('sha256').update(of).digest('hex')}`))
    return (one ?? 0n) ^ (other ?? 0n)
  }
  for (const text of ['a', 'b', 'c', alice]) {
    const key = bytes(text)
    const wanted = peers.filter(peer => String(peer) !== carol).toSorted((one, other) => distance(one, key) < distance(other, key) ? -1 : 1).map(String)
    t.deepEqual(store.getClosestPeers({ ...by(carol), key }), wanted)
  }
  const self = peers[0]?.toMultihash().bytes ?? new Uint8Array(0)
  t.is(store.getClosestPeers({ ...by(carol), key: self })[0], alice, 'a peer’s own ID is closest to it')
})

test('of more peers than it remembers, those who asked last are known', t => {
  const { store } = stopped()
  const many = Array.from({ length: 1100 }, () => decodePeerId(Uint8Array.of(0, 36, 8, 1, 18, 32, ...randomBytes(32))).toString())
  for (const peerId of many) store.getValue({ ...by(peerId), key: bytes('x') })
  const known = new Set(store.getClosestPeers({ ...by(many[1099] ?? ''), key: bytes('x') }))
  t.deepEqual([...known].toSorted(), many.slice(1100 - 1024, 1099).toSorted())
  t.is(store.findPeer({ ...by(alice), peerId: many[0] ?? '' }), undefined)
})

test('the public key of an ID that holds it is what the ID holds', t => {
  const { store } = stopped()
  const [key] = keys
  t.is(Buffer.from(store.getPublicKey({ ...by(bob), peerId: alice }) ?? []).toString('hex'), Buffer.from(key === undefined ? [] : publicKeyToProtobuf(key.publicKey)).toString('hex'))
  t.is(store.getPublicKey({ ...by(bob), peerId: 'QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC' }), undefined)
})
