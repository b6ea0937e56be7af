/** What a program is told of a stream: who is at its other end, where, and what was agreed on. */
import type { StreamInfo } from '../wire/codec.ts'
import { encodePeerId } from '../wire/peers.ts'
import type { RemoteStream } from './host.ts'

export function streamInfoOf ({ peer, address, protocol }: RemoteStream): StreamInfo {
  return { peer: encodePeerId(peer), addr: address.bytes, proto: protocol }
}
