/**
 * Who the other hosts of this machine are: peers that the supervisor can connect this one to, by its own hand.
 *
 * Owns what they are called as addresses, `/unix/p2pd/TENANT`. No such file exists: the name means something to the supervisor
 * alone, so nobody else can listen there, connect there or pretend to.
 */
import { CODE_UNIX, multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import type { HostStart } from '../link.ts'
import { DAEMON_NAME, type PolicyDocument } from '../policy/document.ts'

const DIRECTORY = '/p2pd/'

export class Neighbours {
  readonly #reach: HostStart['local']
  #document: Pick<PolicyDocument, 'tenant' | 'neighbours' | 'daemon'> | undefined

  /**
   * @param reach whom the supervisor connects this host to
   * @param document absent in classic mode, where there are none
   */
  constructor (reach: HostStart['local'], document?: PolicyDocument) {
    this.#reach = reach
    this.#document = document
  }

  replace (document: PolicyDocument): void {
    this.#document = document
  }

  /** The daemon's peer ID; undefined where it has none. */
  get daemon (): string | undefined { return this.#document?.daemon }

  /** Whether this host is the daemon's. */
  get isDaemonHere (): boolean { return this.#document?.tenant.name === DAEMON_NAME }

  isDaemon (peerId: string): boolean { return peerId === this.daemon }

  /** The tenant with this peer ID. */
  tenantOf (peerId: string): string | undefined {
    if (this.isDaemon(peerId)) return DAEMON_NAME
    return this.#document?.neighbours.find(neighbour => neighbour.peerId === peerId)?.tenant
  }

  peerIdOf (tenant: string): string | undefined {
    return this.#document?.neighbours.find(neighbour => neighbour.tenant === tenant)?.peerId
  }

  /** Where the supervisor connects this host to it; undefined for a stranger. */
  addressOf (peerId: string): Multiaddr | undefined {
    const tenant = this.tenantOf(peerId)
    if (tenant === undefined || tenant === this.#document?.tenant.name) return undefined
    const isReached = this.#reach === 'neighbours' || (this.#reach === 'daemon' && tenant === DAEMON_NAME)
    return isReached ? localAddress(tenant) : undefined
  }
}

export function localAddress (tenant: string): Multiaddr {
  return multiaddr([{ code: CODE_UNIX, name: 'unix', value: `${DIRECTORY}${tenant}` }])
}

/** Whether it is the address of a connection that the supervisor made. No other transport has such addresses. */
export function isLocalAddress (address: Multiaddr): boolean {
  return address.getComponents()[0]?.code === CODE_UNIX
}
