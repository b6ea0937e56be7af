/**
 * What the local transport is connected by: somebody who makes connections between processes of this machine and says who is at
 * the other end.
 *
 * Owns the words only. In p2pd the supervisor does it (host/switchboard.ts); unixSockets.ts does it with sockets in the file
 * system, without a supervisor.
 */
import type { Socket } from 'node:net'
import type { PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

export interface LocalEnd {
  /** Connected, of a pair or a Unix socket. Nothing of the other end's libp2p has been read from it. The taker's to close. */
  readonly socket: Socket
  /** Who is at the other end, vouched for: nothing that it says itself is needed to believe it. */
  readonly remotePeer: PeerId
  /** `/unix/...` */
  readonly remoteAddr: Multiaddr
}

export interface Switchboard {
  /**
   * Rejects with a P2pdError when nobody serves the address or the other end cannot be vouched for, and with the signal's
   * reason once that is aborted.
   */
  dial (address: Multiaddr, options: { signal: AbortSignal }): Promise<LocalEnd>

  /** Hands over every connection made to the address until what it resolves with is disposed of. */
  listen (address: Multiaddr, onConnection: (end: LocalEnd) => void): Promise<AsyncDisposable>
}
