/**
 * Peer IDs: text and bytes.
 *
 * The wire has a key's multihash as bytes. People and log lines have it in base58 (`12D3KooW...`, `Qm...`), or as a CIDv1
 * (`bafz...`, `k51...`), which is read and never printed. Only IDs of keys: no other multihash has a libp2p host behind it.
 */
import { peerIdFromMultihash, peerIdFromString } from '@libp2p/peer-id'
import type { PeerId } from '@libp2p/interface'
import { P2pdError, messageOf } from '../errors.ts'

export type { PeerId }

/** Throws ERR_REQUEST. */
export function parsePeerId (text: string): PeerId {
  return keyed(JSON.stringify(text.slice(0, 128)), () => {
    // What begins otherwise the library has no alphabet for, and says so in words for its caller.
    if (!/^(1|Q|bafz|k)/.test(text)) throw new P2pdError('ERR_REQUEST', 'base58 (12D3KooW..., Qm...) or a CIDv1 of a key (bafz..., k51...) is wanted')
    return peerIdFromString(text)
  })
}

/** Throws ERR_REQUEST. */
export function decodePeerId (bytes: Uint8Array): PeerId {
  return keyed(`0x${Buffer.from(bytes.subarray(0, 64)).toString('hex')}`, () => {
    const [code, size, ...digest] = bytes.subarray(0, 128)
    // Both hashes that libp2p uses have a code of one byte, and no digest of theirs reaches a second byte of length.
    if ((code !== 0x00 && code !== 0x12) || size !== digest.length || size + 2 !== bytes.length) {
      throw new P2pdError('ERR_REQUEST', 'neither a key nor the SHA-256 of one')
    }
    if (code === 0x12 && size !== 32) throw new P2pdError('ERR_REQUEST', 'a SHA-256 has 32 bytes')
    return peerIdFromMultihash({ code, size, digest: Uint8Array.from(digest), bytes: Uint8Array.from(bytes) })
  })
}

export function encodePeerId (peerId: PeerId): Uint8Array {
  return peerId.toMultihash().bytes
}

/** Base58, as everything of libp2p prints it. Throws ERR_REQUEST when given bytes that are no peer ID. */
export function formatPeerId (peerId: PeerId | Uint8Array): string {
  return (peerId instanceof Uint8Array ? decodePeerId(peerId) : peerId).toString()
}

function keyed (shown: string, read: () => PeerId): PeerId {
  try {
    const peerId = read()
    // peerIdFromMultihash() also takes the URL of an HTTP gateway.
    if (peerId.type === 'url') throw new P2pdError('ERR_REQUEST', 'it names a URL, not a key')
    return peerId
  } catch (error) {
    throw new P2pdError('ERR_REQUEST', `${shown} is no peer ID: ${messageOf(error)}`, { cause: error })
  }
}
