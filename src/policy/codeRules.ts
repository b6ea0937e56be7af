/**
 * What no policy can grant.
 *
 * These rules are asked before any policy, in every mode. They name what has no honest use through this daemon and does harm
 * by itself: addresses that hand a machine's own credentials to whoever can reach them, addresses that are no single peer,
 * and protocols that libp2p or p2pd answers or asks itself. The daemon's own sockets and ports are kept by those who know them.
 */
import { BlockList, isIPv4 } from 'node:net'
import { canonicalIp, carriedIps } from './addresses.ts'
import type { Ask } from './ask.ts'
import { BLESSING_STATUS_PROTOCOL, PLUGIN_FAMILY } from '../wire/protocols.ts'

/** How the rules begin, where a decision names what decided. */
const CODE = 'code: '

interface AddressRule {
  readonly what: string
  readonly networks: ReadonlyArray<readonly [network: string, prefix: number]>
  /** Also where a tunnel or a gateway might unpack it from another address. */
  readonly carried?: true
}

/** In this order, so that a metadata address is called one though it is link-local too. */
const ADDRESS_RULES: readonly AddressRule[] = [
  {
    what: 'a cloud\'s metadata address',
    networks: [
      ['169.254.169.254', 32], // AWS, Azure, Google, and most others
      ['fd00:ec2::254', 128], // AWS
      ['100.100.100.200', 32], // Alibaba
      ['168.63.129.16', 32], // Azure's wire server
      ['192.0.0.192', 32] // Oracle
    ],
    carried: true
  },
  { what: 'link-local', networks: [['169.254.0.0', 16], ['fe80::', 10]], carried: true },
  { what: 'unspecified', networks: [['0.0.0.0', 8], ['::', 128]] },
  { what: 'multicast', networks: [['224.0.0.0', 4], ['ff00::', 8]] },
  { what: 'broadcast', networks: [['255.255.255.255', 32]] }
]

/** Each by itself, and whatever stands below it. */
const CORE_PROTOCOLS: readonly string[] = [
  '/ipfs/id', '/ipfs/ping', '/ipfs/kad', '/ipfs/lan/kad', '/libp2p', '/p2p/id', '/meshsub', '/floodsub', '/multistream', '/noise',
  '/tls', '/yamux', '/mplex', '/p2pd'
]

const rules = ADDRESS_RULES.map(({ what, networks, carried = false }) => {
  const list = new BlockList()
  for (const [network, prefix] of networks) list.addSubnet(network, prefix, family(network))
  return { what, list, carried }
})

/** The rule that forbids it, as a sentence; undefined when code leaves it to policy. */
export function forbiddenByCode (ask: Ask): string | undefined {
  if (ask.action === 'dial') return forbiddenAddress(ask.context.ip)
  if (ask.action === 'handleStream') return forbiddenProtocol(ask.resource.id)
  if (ask.action === 'provideService') return ask.resource.id.startsWith(PLUGIN_FAMILY) ? undefined : forbiddenProtocol(ask.resource.id)
  if (ask.action === 'useService') return forbiddenService(ask.resource.id)
  if (ask.action === 'acceptStream' && ask.resource.id.startsWith(PLUGIN_FAMILY) && ask.context.vouched !== true) return `code: no policy can allow a plugin to be asked by others than the hosts of this machine`
  return undefined
}

/** What such a rule says, for whoever is denied by it; undefined for what policies have decided. */
export function saidByCode (decidedBy: string): string | undefined {
  return decidedBy.startsWith(CODE) ? decidedBy.slice(CODE.length) : undefined
}

/** Plugins answer what the daemon asks them on a tenant's behalf, once that is allowed; a stream of its own would go round that. */
function forbiddenService (id: string): string | undefined {
  if (!id.startsWith('/p2pd/') || id === BLESSING_STATUS_PROTOCOL) return undefined
  return `code: no policy can allow to use ${id}, which only p2pd itself asks`
}

function forbiddenAddress (text: string): string | undefined {
  let ip: string
  try {
    ip = canonicalIp(text)
  } catch {
    return 'code: only a literal IP address can be dialled'
  }
  const inner = carriedIps(ip)
  const hit = rules.find(({ list, carried }) => list.check(ip, family(ip)) || (carried && inner.some(each => list.check(each, 'ipv4'))))
  return hit === undefined ? undefined : `code: no policy can allow to dial ${ip}, it is ${hit.what}`
}

function forbiddenProtocol (id: string): string | undefined {
  const core = CORE_PROTOCOLS.find(prefix => id === prefix || id.startsWith(`${prefix}/`))
  return core === undefined ? undefined : `code: no policy can allow to handle ${core}, it belongs to libp2p or to p2pd itself`
}

function family (ip: string): 'ipv4' | 'ipv6' {
  return isIPv4(ip) ? 'ipv4' : 'ipv6'
}
