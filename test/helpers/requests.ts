/** Requests of the control protocol as bytes, put together by hand: a message each, without its length. */
import { message, type Field } from './protobuf.ts'

export const TYPE = {
  IDENTIFY: 0,
  CONNECT: 1,
  STREAM_OPEN: 2,
  STREAM_HANDLER: 3,
  DHT: 4,
  LIST_PEERS: 5,
  CONNMANAGER: 6,
  DISCONNECT: 7,
  PUBSUB: 8,
  PEERSTORE_OR_UPGRADE: 9,
  REMOVE_STREAM_HANDLER: 10
} as const

type Bytes = Uint8Array
/** A protocol id; as bytes when it is to be no valid text. */
export type Proto = string | Bytes

/** Any request: its type, and the submessages by field number. */
export function request (type: number | bigint, ...fields: Field[]): Buffer {
  return message([1, type], ...fields)
}

export const identify = (): Buffer => request(TYPE.IDENTIFY)

export const listPeers = (): Buffer => request(TYPE.LIST_PEERS)

export function connect (peer: Bytes, addrs: readonly Bytes[] = [], timeout?: number): Buffer {
  return request(TYPE.CONNECT, [2, message([1, peer], ...list(2, addrs), ...optional(3, timeout))])
}

export function disconnect (peer: Bytes): Buffer {
  return request(TYPE.DISCONNECT, [7, message([1, peer])])
}

export function streamOpen (peer: Bytes, protos: Proto | readonly Proto[], timeout?: number): Buffer {
  return request(TYPE.STREAM_OPEN, [3, message([1, peer], ...list(2, several(protos)), ...optional(3, timeout))])
}

export function streamHandler (addr: Bytes, protos: Proto | readonly Proto[], balanced?: boolean): Buffer {
  return request(TYPE.STREAM_HANDLER, [4, message([1, addr], ...list(2, several(protos)), ...optional(3, balanced === undefined ? undefined : Number(balanced)))])
}

export function removeStreamHandler (addr: Bytes, protos: Proto | readonly Proto[]): Buffer {
  return request(TYPE.REMOVE_STREAM_HANDLER, [9, message([1, addr], ...list(2, several(protos)))])
}

function several (protos: Proto | readonly Proto[]): readonly Proto[] {
  return typeof protos === 'string' || protos instanceof Uint8Array ? [protos] : protos
}

function list (number: number, values: ReadonlyArray<string | Bytes>): Field[] {
  return values.map(value => [number, value] as const)
}

function optional (number: number, value: number | undefined): Field[] {
  return value === undefined ? [] : [[number, value]]
}
