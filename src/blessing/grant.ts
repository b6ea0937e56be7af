/** A blessing as the daemon keeps it: which tenant may do what in the daemon's name, and until when. */
import type { Scope } from './scope.ts'

/** Plain JSON. */
export interface Grant extends Scope {
  /** 16 random bytes as 32 hexadecimal digits. */
  readonly id: string
  readonly tenant: string
  /** The tenant's immutable id: another tenant that gets the same name later is not blessed. */
  readonly tenantId: string
  /** Counts up with every change to any grant on this machine; that of this grant's last one. */
  readonly epoch: number
  /** Seconds since 1970, both. It stands from the first until before the second. */
  readonly notBefore: number
  readonly expires: number
  /** Who gave it: an operator with `p2pctl bless`, or the tenant's manifest, which renews it. */
  readonly source: 'operator' | 'manifest'
}

/** How long one lasts unless something else is said, and at most. */
export const DEFAULT_GRANT_SECONDS = 3_600
export const MAX_GRANT_SECONDS = 86_400

export function standsAt ({ notBefore, expires }: Pick<Grant, 'notBefore' | 'expires'>, nowMs: number): boolean {
  return notBefore * 1000 <= nowMs && nowMs < expires * 1000
}
