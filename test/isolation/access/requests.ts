/** Every request of the control protocol, in every kind it has, each about somebody else's peer: in one's own name, and in others'. */
import { randomBytes } from 'node:crypto'
import { unix } from '../../helpers/addresses.ts'
import { message, type Field } from '../../helpers/protobuf.ts'
import { TYPE, connect, disconnect, identify, listPeers, removeStreamHandler, request, streamHandler, streamOpen } from '../../helpers/requests.ts'
import { RequestType } from '../../../src/wire/messages.ts'

export interface Row {
  readonly name: string
  readonly bytes: Buffer
}

/** Of another tenant; and the daemon's peer ID. */
export interface Other { readonly id: Uint8Array, readonly addrs: readonly Uint8Array[], readonly handler: string, readonly daemon: Uint8Array }

const DHT_KINDS = 9
const PUBSUB_KINDS = 4
const TAG_KINDS = 3

/** Request.onBehalfOf. */
const ON_BEHALF_OF = 101

/** Requests that need no leave but to know oneself and what is there for all; every other one is about others, or changes something. */
export const OF_ONESELF = ['IDENTIFY', 'LIST_PEERS', 'SERVICES']

export function everyRequest (other: Other): Row[] {
  const own = requestsAbout(other)
  return [...own, ...own.map(row => inNameOf('the daemon', other.daemon, row)), ...own.slice(0, 1).map(row => inNameOf('another', other.id, row))]
}

function inNameOf (whose: string, name: Uint8Array, row: Row): Row {
  return { name: `${row.name} in the name of ${whose}`, bytes: Buffer.concat([row.bytes, message([ON_BEHALF_OF, name])]) }
}

function requestsAbout ({ id, addrs, handler, daemon }: Other): Row[] {
  const rows: Row[] = [
    { name: 'IDENTIFY', bytes: identify() },
    { name: 'LIST_PEERS', bytes: listPeers() },
    { name: 'CONNECT', bytes: connect(id, addrs, 2) },
    { name: 'CONNECT without addresses', bytes: connect(id, [], 2) },
    { name: 'DISCONNECT', bytes: disconnect(id) },
    { name: 'STREAM_OPEN', bytes: streamOpen(id, '/shared', 2) },
    { name: 'STREAM_OPEN of several', bytes: streamOpen(id, ['/shared', '/other'], 2) },
    ...[undefined, false, true].map(balanced => ({ name: `STREAM_HANDLER balanced ${balanced}`, bytes: streamHandler(unix(handler), '/shared', balanced) })),
    { name: 'STREAM_ACCEPT', bytes: request(RequestType.STREAM_ACCEPT, [RequestType.STREAM_ACCEPT, message([1, '/shared'])]) },
    { name: 'SERVICES', bytes: request(RequestType.SERVICES) },
    { name: 'BLESSING', bytes: request(RequestType.BLESSING) },
    ...['/shared', '/p2pd/as-daemon/1.0.0', '/p2pd/plugin/dht/1.0.0'].map(proto => ({ name: `STREAM_OPEN to the daemon on ${proto}`, bytes: streamOpen(daemon, proto, 2) })),
    { name: 'REMOVE_STREAM_HANDLER', bytes: removeStreamHandler(unix(handler), '/shared') },
    ...kinds(DHT_KINDS, 0).map(kind => ({ name: `DHT ${kind}`, bytes: about(TYPE.DHT, 5, [1, kind], [2, id], [4, Buffer.concat([Buffer.from('/pk/'), id])], [5, randomBytes(8)], [7, 2]) })),
    ...kinds(TAG_KINDS, 0).map(kind => ({ name: `CONNMANAGER ${kind}`, bytes: about(TYPE.CONNMANAGER, 6, [1, kind], [2, id], [3, 'tag'], [4, 100]) })),
    ...kinds(PUBSUB_KINDS, 0).map(kind => ({ name: `PUBSUB ${kind}`, bytes: about(TYPE.PUBSUB, 8, [1, kind], [2, 'shared'], [3, randomBytes(8)]) })),
    ...kinds(2, 1).map(kind => ({ name: `PEERSTORE ${kind}`, bytes: about(TYPE.PEERSTORE_OR_UPGRADE, 9, [1, kind], [2, id]) })),
    { name: 'PERSISTENT_CONN_UPGRADE', bytes: request(TYPE.PEERSTORE_OR_UPGRADE) }
  ]
  // Extensions, those that are still to come included: as they are, with nothing in them, and what nobody has defined.
  const known = new Set<number>([...Object.values(TYPE), RequestType.STREAM_ACCEPT, RequestType.SERVICES, RequestType.BLESSING])
  const further = Object.entries(RequestType).filter(([, type]) => !known.has(type)).map(([name, type]) => ({ name, bytes: request(type) }))
  const undefinedYet = [11, 99, 199, 65_535].map(type => ({ name: `type ${type}`, bytes: request(type) }))
  return [...rows, ...further, ...undefinedYet]
}

function about (type: number, field: number, ...fields: Field[]): Buffer {
  return request(type, [field, message(...fields)])
}

function kinds (count: number, first: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i)
}
