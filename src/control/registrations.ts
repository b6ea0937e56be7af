/**
 * Registrations of addresses: how they meet, and how the supervisor keeps them, so that they survive the host. Programs that
 * wait are not among them: their connections end with the host, and they come back by themselves.
 */
import { formatSocketAddress, parseSocketAddress } from '../wire/addresses.ts'
import type { AddressTarget, Receivers } from './receivers.ts'

/**
 * How a new registration meets an old one (`balanced` in proto/PROTOCOL.md): `replace` overwrites it, `exclusive` refuses, and
 * `share` stands beside it, taking streams in turn.
 */
export type Sharing = 'replace' | 'exclusive' | 'share'

/** An address is a multiaddr. */
export interface Registration {
  readonly protocol: string
  /** `tenant` where that is another than the host's. */
  readonly targets: ReadonlyArray<{ readonly address: string, readonly tenant?: string, readonly uid?: number, readonly gid?: number, readonly shares?: boolean }>
}

export function registrationsOf (entries: Iterable<[protocol: string, Receivers]>, hostTenant: string): Registration[] {
  return [...entries].filter(([, { addresses }]) => addresses.length > 0).map(([protocol, { addresses }]) => ({
    protocol,
    targets: addresses.map(({ address, tenant, uid, gid, shares }) => ({
      address: formatSocketAddress(address), ...tenant !== hostTenant && { tenant }, ...uid !== undefined && { uid }, ...gid !== undefined && { gid }, ...shares && { shares }
    }))
  }))
}

/** Throws ERR_REQUEST for an address that is none. */
export function targetFrom ({ address, tenant, uid, gid, shares = false }: Registration['targets'][number], hostTenant: string): AddressTarget {
  return { address: parseSocketAddress(address), tenant: tenant ?? hostTenant, uid, gid, shares }
}
