/**
 * What a DHT plugin is asked, and its answer as bytes.
 *
 * Owns which method answers which request, and the messages (Response first, then bare DHTResponses), without the END that
 * closes a series. The stream they go over, its time and its limits are dhtPlugin.ts's.
 */
import { P2pdError } from '../errors.ts'
import { DHT_SERIES, DHTRequestType, DHTResponseType, ResponseType, encodeDHTResponse, encodeResponse, type DHTRequest, type DHTResponse } from '../wire/codec.ts'
import { encodeFrame } from '../wire/frames.ts'
import { formatPeerId } from '../wire/peers.ts'
import { addressBytes, peerBytes, type Peer } from './values.ts'

/** How many providers or closest peers, when the asker does not say: go-libp2p-daemon's default, and Kademlia's k. */
const DEFAULT_COUNT = 20

/** What a method knows of who asks, beside what is asked. */
export interface DhtQuestion {
  /** The peer ID of the tenant that asks, as the daemon has verified it. */
  readonly caller: string
  /** The multiaddr it asks from; empty when its notation is not known here. */
  readonly address: string
  /** Aborts when the asker has gone, its time is over or the plugin is closed: then nobody reads the answer. */
  readonly signal: AbortSignal
}

/**
 * A DHT, or what stands for one: a method for each request that it answers, the others may be missing. A P2pdError thrown
 * before the first value is the answer, in its words; for anything else the asker is told that the plugin failed. Values
 * are taken no faster than the asker reads them.
 */
export interface DhtPlugin {
  /** Undefined: nobody knows the peer. */
  findPeer?(question: DhtQuestion & { readonly peerId: string }): Peer | undefined | Promise<Peer | undefined>
  findPeersConnectedToPeer?(question: DhtQuestion & { readonly peerId: string }): Iterable<Peer> | AsyncIterable<Peer>
  /** `count`: how many at most, 20 when the asker did not say; what is above it is not sent. */
  findProviders?(question: DhtQuestion & { readonly cid: Uint8Array, readonly count: number }): Iterable<Peer> | AsyncIterable<Peer>
  /** Peer IDs, closest first; `count` as above. */
  getClosestPeers?(question: DhtQuestion & { readonly key: Uint8Array, readonly count: number }): Iterable<string> | AsyncIterable<string>
  /** The PublicKey protobuf. Undefined: nobody knows it. */
  getPublicKey?(question: DhtQuestion & { readonly peerId: string }): Uint8Array | undefined | Promise<Uint8Array | undefined>
  /** Undefined: there is none. */
  getValue?(question: DhtQuestion & { readonly key: Uint8Array }): Uint8Array | undefined | Promise<Uint8Array | undefined>
  /** Better and better values, until there are none or the signal aborts. */
  searchValue?(question: DhtQuestion & { readonly key: Uint8Array }): Iterable<Uint8Array> | AsyncIterable<Uint8Array>
  putValue?(question: DhtQuestion & { readonly key: Uint8Array, readonly value: Uint8Array }): void | Promise<void>
  /** From now on the caller has what the CID stands for. */
  provide?(question: DhtQuestion & { readonly cid: Uint8Array }): void | Promise<void>
}

const { FIND_PEER, FIND_PEERS_CONNECTED_TO_PEER, FIND_PROVIDERS, GET_CLOSEST_PEERS, GET_PUBLIC_KEY, GET_VALUE, SEARCH_VALUE, PUT_VALUE, PROVIDE } = DHTRequestType

const METHODS: ReadonlyMap<number, keyof DhtPlugin> = new Map<DHTRequestType, keyof DhtPlugin>([
  [FIND_PEER, 'findPeer'], [FIND_PEERS_CONNECTED_TO_PEER, 'findPeersConnectedToPeer'], [FIND_PROVIDERS, 'findProviders'],
  [GET_CLOSEST_PEERS, 'getClosestPeers'], [GET_PUBLIC_KEY, 'getPublicKey'], [GET_VALUE, 'getValue'], [SEARCH_VALUE, 'searchValue'],
  [PUT_VALUE, 'putValue'], [PROVIDE, 'provide']
])

/** Whether the answer is BEGIN, values and END, so that END is owed once it has begun. */
export function isSeries ({ type }: DHTRequest): boolean {
  return DHT_SERIES.has(type)
}

export const END = encodeFrame(encodeDHTResponse({ type: DHTResponseType.END }))

export function errorFrame (msg: string): Uint8Array {
  return encodeFrame(encodeResponse({ type: ResponseType.ERROR, error: { msg } }))
}

/**
 * The answer, each message behind its length. Throws ERR_REQUEST for a request that misses something, ERR_UNAVAILABLE when it
 * has no method or nothing was found, and what the method throws.
 */
export async function * answersTo (plugin: DhtPlugin, request: DHTRequest, question: DhtQuestion): AsyncGenerator<Uint8Array, void> {
  const { type } = request
  const method = METHODS.get(type)
  if (method === undefined) throw new P2pdError('ERR_REQUEST', `unknown DHT request type ${type}`)
  if (plugin[method] === undefined) throw new P2pdError('ERR_UNAVAILABLE', `this DHT plugin does not answer ${nameOf(type)}`)
  const count = request.count !== undefined && request.count > 0 ? request.count : DEFAULT_COUNT
  const peer = (): string => formatPeerId(field(request, 'peer'))
  const cid = (): Uint8Array => field(request, 'cid')
  const key = (): Uint8Array => field(request, 'key')
  switch (type as DHTRequestType) {
    case FIND_PEER: return yield * one(await plugin.findPeer?.({ ...question, peerId: peer() }), peerValue, 'the peer is not known')
    case GET_PUBLIC_KEY: return yield * one(await plugin.getPublicKey?.({ ...question, peerId: peer() }), bytesValue, 'the public key is not known')
    case GET_VALUE: return yield * one(await plugin.getValue?.({ ...question, key: key() }), bytesValue, 'there is no value for the key')
    case PUT_VALUE:
      await plugin.putValue?.({ ...question, key: key(), value: field(request, 'value') })
      yield first()
      return
    case PROVIDE:
      await plugin.provide?.({ ...question, cid: cid() })
      yield first()
      return
    case FIND_PEERS_CONNECTED_TO_PEER: return yield * series(plugin.findPeersConnectedToPeer?.({ ...question, peerId: peer() }), peerValue)
    case FIND_PROVIDERS: return yield * series(plugin.findProviders?.({ ...question, cid: cid(), count }), peerValue, count)
    case GET_CLOSEST_PEERS: return yield * series(plugin.getClosestPeers?.({ ...question, key: key(), count }), peerId => bytesValue(peerBytes(peerId)), count)
    case SEARCH_VALUE: return yield * series(plugin.searchValue?.({ ...question, key: key() }), bytesValue)
  }
}

function * one<T> (found: T | undefined, valueOf: (found: T) => DHTResponse, otherwise: string): Generator<Uint8Array, void> {
  if (found === undefined) throw new P2pdError('ERR_UNAVAILABLE', otherwise)
  yield first(valueOf(found))
}

/** BEGIN comes with the first value, and not before it is known: until then there can be an ERROR. */
async function * series<T> (found: Iterable<T> | AsyncIterable<T> = [], valueOf: (found: T) => DHTResponse, count = Infinity): AsyncGenerator<Uint8Array, void> {
  let sent = 0
  for await (const item of found) {
    const value = encodeFrame(encodeDHTResponse(valueOf(item)))
    if (sent === 0) yield first({ type: DHTResponseType.BEGIN })
    yield value
    if (++sent === count) return
  }
  if (sent === 0) yield first({ type: DHTResponseType.BEGIN })
}

function first (dht?: DHTResponse): Uint8Array {
  return encodeFrame(encodeResponse({ type: ResponseType.OK, dht }))
}

function peerValue ({ peerId, addresses }: Peer): DHTResponse {
  return { type: DHTResponseType.VALUE, peer: { id: peerBytes(peerId), addrs: addresses.map(address => addressBytes(address, peerId)) } }
}

function bytesValue (value: Uint8Array): DHTResponse {
  // The encoder would take text for base64.
  if (!(value instanceof Uint8Array)) throw new TypeError('a DHT plugin gave a value that is no Uint8Array')
  return { type: DHTResponseType.VALUE, value }
}

function field (request: DHTRequest, name: 'peer' | 'cid' | 'key' | 'value'): Uint8Array {
  const bytes = request[name]
  if (bytes === undefined) throw new P2pdError('ERR_REQUEST', `${nameOf(request.type)}: ${name} is missing`)
  return bytes
}

function nameOf (type: number): string {
  return Object.entries(DHTRequestType).find(([, code]) => code === type)?.[0] ?? String(type)
}
