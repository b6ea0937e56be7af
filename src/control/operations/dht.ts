import { P2pdError } from '../../errors.ts'
import { MAX_DHT_VALUE_BYTES } from '../../limits.ts'
import type { Ask } from '../../policy/ask.ts'
import { DHT_PLUGIN_PROTOCOL } from '../../wire/protocols.ts'
import { DHTRequestType, type DHTRequest } from '../../wire/codec.ts'
import { decodePeerId } from '../../wire/peers.ts'
import { NO_DAEMON } from '../daemonHost.ts'
import { dhtQuestion } from '../dhtPlugin.ts'
import type { Operation } from '../operation.ts'
import { askPlugin } from '../plugin.ts'
import { required, timeoutMsFrom } from './fields.ts'

const WHAT = 'the DHT'

/** What each request is about, as a key that policies can speak of, and whether it changes anything. */
const KINDS: ReadonlyMap<number, { readonly action: 'dhtRead' | 'dhtWrite', readonly key: (request: DHTRequest) => string }> = new Map([
  [DHTRequestType.FIND_PEER, { action: 'dhtRead', key: ({ peer }) => `/peer/${peerText(peer)}` }],
  [DHTRequestType.FIND_PEERS_CONNECTED_TO_PEER, { action: 'dhtRead', key: ({ peer }) => `/peer/${peerText(peer)}` }],
  [DHTRequestType.FIND_PROVIDERS, { action: 'dhtRead', key: ({ cid }) => `/provider/${cidText(required(cid, 'cid'))}` }],
  [DHTRequestType.GET_CLOSEST_PEERS, { action: 'dhtRead', key: ({ key }) => keyText(required(key, 'key')) }],
  [DHTRequestType.GET_PUBLIC_KEY, { action: 'dhtRead', key: ({ peer }) => `/pk/${peerText(peer)}` }],
  [DHTRequestType.GET_VALUE, { action: 'dhtRead', key: ({ key }) => keyText(required(key, 'key')) }],
  [DHTRequestType.SEARCH_VALUE, { action: 'dhtRead', key: ({ key }) => keyText(required(key, 'key')) }],
  [DHTRequestType.PUT_VALUE, { action: 'dhtWrite', key: ({ key, value }) => { checkValue(required(value, 'value')); return keyText(required(key, 'key')) } }],
  [DHTRequestType.PROVIDE, { action: 'dhtWrite', key: ({ cid }) => `/provider/${cidText(required(cid, 'cid'))}` }]
])

/** Longest key, bytes: names in policies and in the audit log. */
const MAX_KEY_BYTES = 1_024

/** Asks whoever serves the DHT to this machine's tenants: a plugin under the daemon's identity. */
export const dht = {
  ask (request, daemon) {
    const asked = required(request.dht, 'dht')
    const kind = KINDS.get(asked.type)
    if (kind === undefined) throw new P2pdError('ERR_REQUEST', `${WHAT} knows no request of type ${asked.type}`)
    if (daemon.peerId === undefined) throw new P2pdError('ERR_UNAVAILABLE', `${WHAT} is not available: ${NO_DAEMON}`)
    if (daemon.isHere) throw new P2pdError('ERR_UNAVAILABLE', `${WHAT} is not available in the daemon's name: ask on the tenant's own host`)
    return [{ action: kind.action, resource: { type: 'DhtKey', id: kind.key(asked) } } satisfies Ask]
  },
  async run ({ daemon, signal }, request) {
    const asked = required(request.dht, 'dht')
    return await askPlugin(DHT_PLUGIN_PROTOCOL, dhtQuestion(asked), { daemon, signal, what: WHAT, timeoutMs: timeoutMsFrom(asked.timeout) })
  }
} satisfies Operation

function checkValue ({ length }: Uint8Array): void {
  if (length > MAX_DHT_VALUE_BYTES) throw new P2pdError('ERR_REQUEST', `value: at most ${MAX_DHT_VALUE_BYTES} bytes, found ${length}`)
}

function peerText (peer: Uint8Array | undefined): string {
  return decodePeerId(required(peer, 'peer')).toString()
}

/** As it is where it is text that can be shown, otherwise in hexadecimal digits. */
function keyText (key: Uint8Array): string {
  if (key.length === 0) throw new P2pdError('ERR_REQUEST', 'key: must not be empty')
  if (key.length > MAX_KEY_BYTES) throw new P2pdError('ERR_REQUEST', `key: at most ${MAX_KEY_BYTES} bytes, found ${key.length}`)
  const text = Buffer.from(key).toString('utf8')
  const isPlain = Buffer.compare(Buffer.from(text), key) === 0 && !/[\p{C}\p{Zl}\p{Zp}]/u.test(text) && !text.startsWith('0x')
  return isPlain ? text : hex(key)
}

function cidText (cid: Uint8Array): string {
  if (cid.length === 0) throw new P2pdError('ERR_REQUEST', 'cid: must not be empty')
  return hex(cid)
}

function hex (bytes: Uint8Array): string {
  if (bytes.length > MAX_KEY_BYTES) throw new P2pdError('ERR_REQUEST', `cid: at most ${MAX_KEY_BYTES} bytes, found ${bytes.length}`)
  return `0x${Buffer.from(bytes).toString('hex')}`
}
