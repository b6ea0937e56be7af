/**
 * What the client's callers see, made from what the wire has: text for bytes.
 *
 * An address whose notation this library does not know is no fault of the daemon's and does not cost its caller the rest.
 */
import type { Duplex } from 'node:stream'
import { P2pdError } from '../errors.ts'
import { formatMultiaddr, parseMultiaddr, withoutPeerId } from '../wire/addresses.ts'
import { encodePeerId, formatPeerId, parsePeerId } from '../wire/peers.ts'
import type { ServicesResponse, StreamInfo } from '../wire/codec.ts'

/** A peer and where it can be reached, or where it is connected from. */
export interface Peer {
  /** Base58: `12D3KooW...`, `Qm...`. */
  peerId: string
  /** Multiaddrs, without those of a notation not known here. */
  addresses: string[]
}

/** A stream to or from a remote peer. */
export interface PeerStream {
  /** The remote peer. */
  peerId: string
  /** The remote's multiaddr on the connection that carries the stream; empty when its notation is not known here. */
  address: string
  /** What the peers agreed on. */
  protocol: string
  /**
   * The bytes. `end()` closes our direction and the remote's goes on until `end` is emitted; whoever has the stream ends or
   * destroys it. A failure shows in whatever reads or writes it (`pipeline`, `for await`, `error`) and is never uncaught.
   */
  stream: Duplex
}

/** What is served under the daemon's identity. */
export interface Services {
  /** The daemon's peer ID. */
  daemon: string
  services: Service[]
}

/** A protocol that an app of this machine serves under the daemon's identity. */
export interface Service {
  /** The protocol without its first slash and its version; has one owner, whatever the version. */
  name: string
  protocol: string
  /** The tenant that serves it. */
  owner: string
  /** Streams that callers have open to it. */
  callers: number
}

/** As the wire has it, and keys and distances in a DHT. Throws ERR_REQUEST. */
export function peerBytes (peerId: string): Uint8Array {
  return encodePeerId(parsePeerId(peerId))
}

/** A peer ID at an address's end is taken off when it is the peer's own: the request names the peer already. */
export function addressBytes (address: string, peerId: string): Uint8Array {
  const parsed = parseMultiaddr(address)
  const last = parsed.getComponents().at(-1)
  const own = last?.name === 'p2p' && last.value !== undefined && parsePeerId(last.value).equals(parsePeerId(peerId))
  return (own ? withoutPeerId(parsed) : parsed).bytes
}

export function peerOf (id: Uint8Array, addrs: readonly Uint8Array[]): Peer {
  return { peerId: peerText(id), addresses: addrs.map(addressText).filter(text => text !== '') }
}

export function peerStream ({ peer, addr, proto }: StreamInfo, stream: Duplex): PeerStream {
  return { peerId: peerText(peer), address: addressText(addr), protocol: proto, stream }
}

export function servicesOf ({ daemon, services }: ServicesResponse): Services {
  return { daemon: peerText(daemon), services: services.map(({ name, proto, owner, callers }) => ({ name, protocol: proto, owner, callers })) }
}

/** What an OK has to bring with it. */
export function answered<T> (submessage: T | undefined, request: string): T {
  if (submessage === undefined) throw new P2pdError('ERR_MESSAGE', `the daemon answered ${request} with OK and nothing else`)
  return submessage
}

/** Throws ERR_MESSAGE: it is the daemon that sent it. */
export function peerText (bytes: Uint8Array): string {
  try {
    return formatPeerId(bytes)
  } catch (cause) {
    throw new P2pdError('ERR_MESSAGE', 'the daemon sent what is no peer ID', { cause })
  }
}

function addressText (bytes: Uint8Array): string {
  try {
    return formatMultiaddr(bytes)
  } catch {
    return ''
  }
}
