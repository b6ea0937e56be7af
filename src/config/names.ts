/**
 * What a tenant and a group may be called.
 *
 * A tenant's name becomes a directory in the run directory, a principal in policies and a word in logs: so lower-case ASCII
 * without a dot, which collides with none of the daemon's own files (they all have one) on any file system.
 */

/** Longest name of a tenant or a group: leaves room for the run directory in a socket's path. */
export const MAX_NAME_LENGTH = 32

export const NAME_PATTERN = /^[a-z][a-z0-9-]{0,31}$/

/** What a fault about a name says. */
export const NAME_RULE = 'must be lower-case letters, digits and dashes, a letter first, at most 32 in all'

/** The tenant that the daemon itself is: its own identity and host. It has no app. */
export const DAEMON_NAME = 'daemon'

/** Names of the daemon's own: its identity, and its operator's socket. */
export const RESERVED_NAMES: readonly string[] = [DAEMON_NAME, 'admin']

/** What a fault about a name of p2pd itself says. */
export const RESERVED_RULE = 'is a name of p2pd itself; choose another'

/** What it says instead where something was to be done to the daemon that can be done to tenants only. */
export const NOT_TO_THE_DAEMON = {
  bless: 'is in whose name others act: name the tenant whose app it is about',
  export: 'is the daemon itself, whose key is not given out',
  remove: 'is the daemon itself, which has an identity always: `p2pctl key renew daemon` makes a new one'
} as const

/**
 * Why this cannot be the name of a tenant that has an app, or undefined when it can.
 *
 * @param ofDaemon what is wrong with the daemon's own name
 */
export function whyNoTenantName (name: string, ofDaemon: string = RESERVED_RULE): string | undefined {
  if (!NAME_PATTERN.test(name)) return NAME_RULE
  if (name === DAEMON_NAME) return ofDaemon
  if (RESERVED_NAMES.includes(name)) return RESERVED_RULE
  return undefined
}

/** The same, where the daemon itself can be meant too. */
export function whyNoTenantOrDaemon (name: string): string | undefined {
  return name === DAEMON_NAME ? undefined : whyNoTenantName(name)
}
