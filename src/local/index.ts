/** The local transport, for any libp2p node on this machine; p2pd's hosts use it with a switchboard of their own. What is exported here is public. */
export { localTransport, type LocalTransportComponents, type LocalTransportInit } from './transport.ts'
export { unixSockets, type UnixSocketsInit, type Vouch } from './unixSockets.ts'
export type { LocalEnd, Switchboard } from './switchboard.ts'
export type { Credentials } from '../os/credentials.ts'
export { P2pdError, type ErrorCode } from '../errors.ts'
