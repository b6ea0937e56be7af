/**
 * What services may take of the daemon's host, beside their number: names that it tells every peer it meets, and addresses
 * that it goes through with each change among them. No blessed app takes what the others need, nor so much that all suffer.
 */
import { P2pdError } from '../errors.ts'
import { shareOf, wordsOf } from './actorShares.ts'
import type { Receivers } from './receivers.ts'

/** Bytes of all names together: identify tells them, and many implementations read 8 KiB of it, addresses and keys included. */
const MAX_NAMES_BYTES = 5 * 1024

/** Addresses, for each protocol that a tenant may handle. */
const ADDRESSES_A_PROTOCOL = 4

/** Throws ERR_LIMIT where these protocols, or one more address for each, would be too much of this tenant's or of all. */
export function assertWithinShare (entries: ReadonlyMap<string, Receivers>, protocols: readonly string[], tenant: string, handlers: number): void {
  const its = [...entries].filter(([, receivers]) => receivers.tenant === tenant)
  const fresh = protocols.filter(protocol => !entries.has(protocol))
  const { who, raise } = wordsOf(tenant)
  if (bytesOf([...its.map(([protocol]) => protocol), ...fresh]) > shareOf(MAX_NAMES_BYTES) || bytesOf([...entries.keys(), ...fresh]) > MAX_NAMES_BYTES) {
    throw new P2pdError('ERR_LIMIT', `${who} may have names of ${shareOf(MAX_NAMES_BYTES)} bytes together, and all have ${MAX_NAMES_BYTES}, since every peer is told them: remove some, or have shorter ones`)
  }
  const most = ADDRESSES_A_PROTOCOL * shareOf(handlers)
  if (its.reduce((sum, [, { addresses }]) => sum + addresses.length, 0) + protocols.length > most) {
    throw new P2pdError('ERR_LIMIT', `limits.handlers: ${who} may have ${most} addresses for its protocols, ${ADDRESSES_A_PROTOCOL} for each that it may handle: remove some, or ${raise}`)
  }
}

function bytesOf (names: readonly string[]): number {
  return names.reduce((sum, name) => sum + Buffer.byteLength(name), 0)
}
