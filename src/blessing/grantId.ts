/** A grant's id: 16 random bytes, which are 32 hexadecimal digits as text. Uses nothing that only Node has. */
import { P2pdError } from '../errors.ts'

export const GRANT_ID_BYTES = 16

/** ERR_REQUEST for what is no grant's id. */
export function grantIdBytes (id: string): Uint8Array {
  if (!/^[0-9a-f]{32}$/.test(id)) {
    throw new P2pdError('ERR_REQUEST', `${JSON.stringify(id.slice(0, 64))} is no grant's id: that is 32 hexadecimal digits in lower case`)
  }
  return Uint8Array.from({ length: GRANT_ID_BYTES }, (_, at) => Number.parseInt(id.slice(at * 2, at * 2 + 2), 16))
}

/** The digits of however many bytes there are. */
export function grantIdText (bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
}
