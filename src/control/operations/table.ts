/**
 * Every request of the control protocol and the operation behind it. Total over RequestType: a new request without an
 * operation does not compile.
 */
import type { RequestTypeName } from '../../wire/codec.ts'
import { RequestType } from '../../wire/codec.ts'
import type { Operation } from '../operation.ts'
import { blessing } from './blessing.ts'
import { connect } from './connect.ts'
import { dht } from './dht.ts'
import { disconnect } from './disconnect.ts'
import { identify } from './identify.ts'
import { listPeers } from './listPeers.ts'
import { services } from './services.ts'
import { streamAccept } from './streamAccept.ts'
import { removeStreamHandler, streamHandler } from './streamHandler.ts'
import { streamOpen } from './streamOpen.ts'
import { unavailable } from './unavailable.ts'

const operations: Record<RequestTypeName, Operation> = {
  IDENTIFY: identify,
  CONNECT: connect,
  STREAM_OPEN: streamOpen,
  STREAM_HANDLER: streamHandler,
  DHT: dht,
  LIST_PEERS: listPeers,
  CONNMANAGER: unavailable('the connection manager'),
  DISCONNECT: disconnect,
  PUBSUB: unavailable('pubsub'),
  PEERSTORE_OR_UPGRADE: unavailable('the peer store, and upgrading the connection,'),
  REMOVE_STREAM_HANDLER: removeStreamHandler,
  STREAM_ACCEPT: streamAccept,
  SERVICES: services,
  BLESSING: blessing
}

const byNumber = new Map<number, Operation>(Object.entries(RequestType).map(([name, number]) => [number, operations[name as RequestTypeName]]))

/** Undefined for a type this daemon does not know. */
export function operationFor (type: number): Operation | undefined {
  return byNumber.get(type)
}
