/**
 * What the control protocol asks of a libp2p host. The one who has the host implements it (host/calls.ts); here nobody
 * knows libp2p but for its stream.
 */
import type { PeerId, Stream } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/** A negotiated stream, paused: nothing is lost before its reader is there. Whoever receives one closes or aborts it. */
export interface RemoteStream {
  readonly stream: Stream
  readonly peer: PeerId
  /** The connection's remote address, without the peer's id. */
  readonly address: Multiaddr
  readonly protocol: string
  /** The tenant that opened it: from this host, or as another of this machine's. Empty for a peer that is none. */
  readonly whose: string
}

/** By either side: what it holds is due to nobody. One that has ended, or whose connection was cut, brings what was written before. */
export function isGivenUp ({ status }: Pick<Stream, 'status'>): boolean {
  return status === 'aborted' || status === 'reset'
}

export interface OpenOptions {
  readonly signal: AbortSignal
  /** Who opens it; the host's own tenant unless given. */
  readonly whose?: string
}

export interface RemotePeer {
  readonly peer: PeerId
  /** One for each connection, without the peer's id. */
  readonly addresses: readonly Multiaddr[]
}

export interface Host {
  readonly peerId: PeerId
  /** Where others reach this host, without its own id. */
  addresses (): Multiaddr[]
  /** Resolves when connected, at once if it already is. With no addresses, those known from before. Rejects with ERR_PEER. */
  connect (peer: PeerId, addresses: readonly Multiaddr[], options: { signal: AbortSignal }): Promise<void>
  /** Resolves when no connection to the peer is left, also if there was none. */
  disconnect (peer: PeerId): Promise<void>
  peers (): RemotePeer[]
  /** The first of the protocols that the peer speaks; dials if it has to. Rejects with ERR_PEER. */
  openStream (peer: PeerId, protocols: readonly string[], options: OpenOptions): Promise<RemoteStream>
  /** From now on hands over the streams that peers open on this protocol. One receiver a protocol; the host has one caller. */
  handle (protocol: string, receive: (stream: RemoteStream) => void): Promise<void>
  unhandle (protocol: string): Promise<void>
  /** Streams that peers have open on this protocol. */
  callers (protocol: string): number
  /** Whether the host answers this protocol itself, as libp2p needs it. */
  isReserved (protocol: string): boolean
}
