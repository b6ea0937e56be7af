/**
 * Multiaddrs -> where they lead on the wire: literal IP addresses and ports.
 *
 * Owns the only name lookup of a host. What it returns is what is judged and what is dialled, so a name that means something
 * else a moment later changes nothing.
 */
import { lookup } from 'node:dns/promises'
import { multiaddr } from '@multiformats/multiaddr'
import { P2pdError } from '../errors.ts'
import type { Endpoint } from '../policy/ask.ts'
import { canonicalIp } from '../policy/addresses.ts'
import { formatMultiaddr, withoutPeerId, type Multiaddr } from '../wire/addresses.ts'
import { isLocalAddress } from './neighbours.ts'

/** An address a name stands for, and how to dial it. */
export interface Resolved {
  readonly endpoint: Endpoint
  /** Without a peer ID. */
  readonly literal: Multiaddr
}

/** Which addresses of a name are wanted, by the component that holds it. */
const FAMILIES: ReadonlyMap<string, 0 | 4 | 6> = new Map([['dns', 0], ['dns4', 4], ['dns6', 6]])

/** Addresses of one name that are tried; more would let one name stand for a whole network. */
const MAX_ADDRESSES_OF_NAME = 8

/** What a connection between two hosts of this machine counts as, which has neither address nor port. */
const LOCAL_IP = '127.0.0.1'
const LOCAL_PORT = 0

/** Of a connection or a literal address. Throws ERR_REQUEST for what is no IP address and TCP port, and no neighbour's. */
export function endpointOf (address: Multiaddr): Endpoint {
  if (isLocalAddress(address)) return { address: formatMultiaddr(withoutPeerId(address)), ip: LOCAL_IP, port: LOCAL_PORT, relayed: false, vouched: true }
  const components = address.getComponents()
  const ip = components.find(({ name }) => name === 'ip4' || name === 'ip6')?.value
  const port = components.find(({ name }) => name === 'tcp')?.value
  const shown = formatMultiaddr(withoutPeerId(address))
  if (ip === undefined || port === undefined) throw new P2pdError('ERR_REQUEST', `${shown}: only TCP addresses can be dialled, /ip4/ADDRESS/tcp/PORT or /dns/NAME/tcp/PORT`)
  return { address: shown, ip: canonicalIp(ip), port: Number(port), relayed: components.some(({ name }) => name === 'p2p-circuit') }
}

/** All it stands for, at most eight; itself if it is literal. Rejects with ERR_REQUEST or ERR_PEER. */
export async function resolve (address: Multiaddr, signal: AbortSignal): Promise<Resolved[]> {
  const bare = withoutPeerId(address)
  const [host, transport, ...more] = bare.getComponents()
  if (host === undefined || transport?.name !== 'tcp' || more.length > 0) throw new P2pdError('ERR_REQUEST', `${formatMultiaddr(bare)}: only plain TCP can be dialled`)
  const family = FAMILIES.get(host.name)
  if (family === undefined) return [{ endpoint: endpointOf(bare), literal: bare }]
  const found = await namesOf(host.value ?? '', family)
  signal.throwIfAborted()
  // As it was found: an IPv4 address that IPv6 wraps is judged as what it is (endpointOf), and dialled as the network wants it.
  return found.slice(0, MAX_ADDRESSES_OF_NAME).map(ip => {
    const literal = multiaddr(`/${ip.includes(':') ? 'ip6' : 'ip4'}/${ip}/tcp/${transport.value ?? ''}`)
    return { endpoint: { ...endpointOf(literal), address: formatMultiaddr(bare) }, literal }
  })
}

async function namesOf (name: string, family: 0 | 4 | 6): Promise<string[]> {
  try {
    return (await lookup(name, { all: true, family })).map(({ address }) => address)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'no answer'
    throw new P2pdError('ERR_PEER', `${name} cannot be looked up: ${code}`, { cause })
  }
}
