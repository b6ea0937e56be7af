/**
 * Whether a dial to an address stays on this machine and ends at once. What is damaged by chance can become any address.
 *
 * Walks the bytes by itself: the daemon's own reader may be what takes too long, and this process has to keep time.
 */
import { CLOSED_PORTS } from './values.ts'

/** Components without a way out of this machine, and how long their values are; -1: the length is written before it. */
const VALUE_BYTES = new Map([[4, 4], [41, 16], [6, 2], [273, 2], [400, -1], [421, -1]])
const IP4 = 4
const IP6 = 41
const TCP = 6

/** False also for much that would do no harm: a case with such an address is made anew. */
export function isHarmless (address: Uint8Array): boolean {
  let at = 0
  const readVarint = (): number => {
    let value = 0
    for (let factor = 1; at < address.length; factor *= 0x80) {
      const byte = address[at++] ?? 0
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    return Infinity
  }
  while (at < address.length) {
    const code = readVarint()
    const size = VALUE_BYTES.get(code)
    // What ends early or has no name is read by nobody; a name to look up is not for us to try.
    if (size === undefined) return !mayBeName(code)
    const length = size === -1 ? readVarint() : size
    const value = address.subarray(at, at += length)
    if (value.length < length) return true
    if (code === IP4 && value[0] !== 127) return false
    if (code === IP6 && !value.every((byte, i) => byte === Number(i === 15))) return false
    if (code === TCP && !CLOSED_PORTS.includes((value[0] ?? 0) * 256 + (value[1] ?? 0))) return false
  }
  return true
}

/** dns, dns4, dns6, dnsaddr, ip6zone, ipcidr, and whatever else has a number that multiaddrs use. */
function mayBeName (code: number): boolean {
  return code < 1024
}
