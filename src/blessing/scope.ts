/**
 * What a blessing lets an app do in the daemon's name: which actions, on which resources. One meaning for whoever writes one
 * down, enforces one or verifies one.
 */

/** What can be done in the daemon's name: actions of policy/schema.cedarschema. */
export const DAEMON_ACTIONS = ['connect', 'disconnect', 'listPeers', 'openStream', 'provideService'] as const
export type DaemonAction = typeof DAEMON_ACTIONS[number]

export interface Scope {
  readonly actions: readonly string[]
  /** See covers(). */
  readonly resources: readonly string[]
}

/** Every resource there is, and the daemon's own host. */
export const ANY_RESOURCE = '*'
export const OWN_HOST = 'own'

/** Actions of one blessing: three times those there are, so that today's verifiers take what later daemons give. */
export const MAX_ACTIONS = 16

/** Resources of one blessing, and bytes of each: those of the longest protocol id that p2pd takes. */
export const MAX_RESOURCES = 64
export const MAX_RESOURCE_BYTES = 256

/**
 * Whether each of the actions on each of the resources includes this one. A resource is `*`; a protocol or a service, by its
 * whole name or by what it begins with, up to and with a slash; a peer ID; or `own`. Whoever is blessed at all may ask who
 * the daemon is.
 */
export function covers ({ actions, resources }: Scope, action: DaemonAction | 'identify', resource: string): boolean {
  if (action === 'identify') return actions.length > 0
  if (!actions.includes(action)) return false
  return resources.some(word => word === ANY_RESOURCE || word === resource || (word.startsWith('/') && word.endsWith('/') && resource.startsWith(word)))
}
