/** The client of a p2pd control socket, for programs. What is exported here is public; the rest of this folder is not. */
export { P2pdClient, type CallOptions, type DialOptions, type HandleOptions } from './client.ts'
export type { Handler, StreamListener } from './handler.ts'
export type { Peer, PeerStream } from './values.ts'
export type { SocketAddress } from '../wire/addresses.ts'
export { P2pdError, type ErrorCode } from '../errors.ts'
