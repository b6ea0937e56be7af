/**
 * What a message of the control protocol holds that could be a signature, and whose, over what.
 *
 * Reads answers by hand, so that nothing hides in a field that a decoder drops.
 */
import { createHash } from 'node:crypto'
import type { PublicKey } from '@libp2p/interface'
import { fieldsOf, varint } from '../../helpers/protobuf.ts'

type Leaf = 'number' | 'text' | 'peer' | 'address' | 'envelope'
interface Shape { readonly [field: number]: Leaf | Shape }

const PEER_INFO: Shape = { 1: 'peer', 2: 'address' }
/** Response, as proto/p2pd.proto has it. */
const RESPONSE: Shape = {
  1: 'number', 2: { 1: 'text' }, 3: { 1: 'peer', 2: 'address', 3: 'text' }, 4: PEER_INFO, 5: { 1: 'number', 2: PEER_INFO }, 6: PEER_INFO, 7: { 1: 'text', 2: 'peer' },
  100: { 1: 'peer', 2: { 1: 'text', 2: 'text', 3: 'text', 4: 'number' } }, 101: { 1: 'envelope' }
}
/** Of a peer ID: a key as it is, or a SHA-256. No signature is that short. */
const MAX_PEER_BYTES = 42
const SIGNATURE_BYTES = 64

/** The envelopes in an answer. Throws at what has no business in one, and at what could hold a signature and is no envelope. */
export function envelopesIn (answer: Uint8Array, shape = RESPONSE): Buffer[] {
  return fieldsOf(answer).flatMap(({ number, value }) => {
    const kind = shape[number]
    if (kind === undefined) throw new Error(`an answer has a field ${number}`)
    if (typeof value === 'bigint') {
      if (kind !== 'number') throw new Error(`field ${number} of an answer is a number`)
      return []
    }
    if (typeof kind === 'object') return envelopesIn(value, kind)
    if (kind === 'envelope') return [value]
    if (kind === 'peer' && value.length > MAX_PEER_BYTES) throw new Error(`a peer ID of ${value.length} bytes`)
    if (kind === 'address' && value.length > SIGNATURE_BYTES && !isPrintable(value)) throw new Error(`an address of ${value.length} bytes that is no path`)
    if (kind === 'text' && !isPrintable(value)) throw new Error('a text that is none')
    return []
  })
}

/**
 * Whether the signature is this key's of the chosen bytes: as they are, or as any record of libp2p's or p2pd's would be
 * signed.
 */
export async function isSigned (key: PublicKey, signature: Uint8Array, chosen: Uint8Array): Promise<boolean> {
  const unsigned = (domain: string, type: Uint8Array): Buffer => Buffer.concat([domain, type, chosen].map(part => Buffer.from(part)).flatMap(part => [varint(part.length), part]))
  const messages = [
    Buffer.from(chosen), createHash('sha256').update(chosen).digest(),
    ...['noise-libp2p-static-key:', 'libp2p-tls-handshake:', 'libp2p-pubsub:', 'ipns-signature:'].map(prefix => Buffer.concat([Buffer.from(prefix), chosen])),
    ...[['libp2p-peer-record', Buffer.from([0x03, 0x01])], ['libp2p-relay-rsvp', Buffer.from([0x03, 0x02])], ['p2pd-blessing', Buffer.from('/p2pd/blessing')], ['', Buffer.alloc(0)]]
      .map(([domain, type]) => unsigned(domain as string, type as Uint8Array))
  ]
  for (const bytes of messages) if (await key.verify(bytes, signature)) return true
  return false
}

function isPrintable (bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes).toString('utf8')
  return Buffer.from(text).equals(bytes)
}
