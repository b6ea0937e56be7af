/** What the audit log holds of an address that cannot be a handler, found when it is registered or when it is dialled. */
import type { AuditEvent } from '../audit.ts'
import { actorOf } from '../policy/judge.ts'
import type { DaemonHost } from './daemonHost.ts'
import { handlingOf } from './operations/handling.ts'
import type { AddressTarget } from './receivers.ts'
import { describe } from './targets.ts'

/** @param host `tenant`: whose host this is */
export function targetDenial (protocols: readonly string[], { address, tenant, uid }: AddressTarget, reason: string, host: { readonly tenant: string, readonly daemon: Pick<DaemonHost, 'isHere'> }): AuditEvent {
  const { action, resource } = handlingOf(protocols.join(' '), host.daemon)
  return { event: 'denied', action, resource: `${resource.type} ${resource.id}`, address: describe(address), reason, ...uid !== undefined && { uid }, ...actorOf({ tenant }, host.tenant) }
}
