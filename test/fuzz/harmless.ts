/** Whether a dial to an address stays on this machine and ends at once. What is damaged by chance can become any address. */
import { decodeMultiaddr } from '../../src/wire/addresses.ts'
import { CLOSED_PORTS } from './values.ts'

const NAMES = ['dns', 'dns4', 'dns6', 'dnsaddr']

export function isHarmless (address: Uint8Array): boolean {
  let components
  try {
    components = decodeMultiaddr(address).getComponents()
  } catch {
    return true // The daemon cannot read it either.
  }
  return components.every(({ name, value = '' }) => {
    if (name === 'ip4') return value.startsWith('127.')
    if (name === 'ip6') return value === '::1'
    if (name === 'tcp') return CLOSED_PORTS.includes(Number(value))
    return !NAMES.includes(name) && name !== 'ip6zone' && name !== 'ipcidr'
  })
}
