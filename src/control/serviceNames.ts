/**
 * Names of services, and whose they are: what two versions of a protocol have in common belongs to one tenant.
 *
 * On a tenant's own host every protocol is that tenant's, so nothing here ever stands in its way.
 */
import { P2pdError } from '../errors.ts'
import { safeText } from '../log.ts'

const VERSION = /^v?\d+(?:\.\d+)*(?:[-+].*)?$/

/** `search` of /search/1.0.0 and of /search/2.0.0: the protocol without its first slash and its version. */
export function serviceNameOf (protocol: string): string {
  const parts = protocol.replace(/^\//, '').split('/')
  return parts.length > 1 && VERSION.test(parts.at(-1) ?? '') ? parts.slice(0, -1).join('/') : parts.join('/')
}

/** ERR_REQUEST with the owner when a name belongs to another tenant already. */
export function assertFree (protocols: readonly string[], tenant: string, owners: Iterable<readonly [protocol: string, owner: string]>): void {
  const wanted = new Map(protocols.map(protocol => [serviceNameOf(protocol), protocol]))
  for (const [taken, owner] of owners) {
    const protocol = wanted.get(serviceNameOf(taken))
    if (protocol === undefined || owner === tenant) continue
    throw new P2pdError('ERR_REQUEST', `${safeText(protocol)}: the service ${safeText(serviceNameOf(taken))} is ${owner}'s, which handles ${safeText(taken)}: it has to give that up first`)
  }
}
