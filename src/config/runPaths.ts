/**
 * Where the sockets are inside a run directory, and whether their paths fit.
 *
 * Lengths are checked when the configuration is read: later it would be a tenant that cannot be started, for a reason
 * nobody looks for.
 */
import { join } from 'node:path'
import { MAX_SOCKET_PATH_BYTES } from '../limits.ts'
import { MAX_NAME_LENGTH } from './names.ts'

/** The front desk: any program connects, and the kernel says which tenant it is. */
export function frontDeskPath (runDir: string): string {
  return join(runDir, 'p2pd.sock')
}

export function adminSocketPath (runDir: string): string {
  return join(runDir, 'admin.sock')
}

export function tenantSocketPath (runDir: string, tenant: string): string {
  return join(runDir, tenant, 'p2pd.sock')
}

/** Where a tenant's app asks in the daemon's name, without having to say so; there while a blessing of the tenant stands. */
export function asDaemonSocketPath (runDir: string, tenant: string): string {
  return join(runDir, tenant, 'as-daemon.sock')
}

/** What a fault says of a socket's path that is too long; undefined when it fits. */
export function whyTooLong (path: string): string | undefined {
  const bytes = Buffer.byteLength(path)
  return bytes > MAX_SOCKET_PATH_BYTES ? `is too long: ${bytes} bytes, Linux takes ${MAX_SOCKET_PATH_BYTES}` : undefined
}

/**
 * Why this cannot be a run directory, or undefined when it can. It has to do for any tenant, not only for those there are:
 * the one that is added next may have the longest name.
 */
export function whyNoRunDir (runDir: string): string | undefined {
  const longest = asDaemonSocketPath(runDir, 'x'.repeat(MAX_NAME_LENGTH))
  if ([frontDeskPath(runDir), adminSocketPath(runDir), longest].every(path => whyTooLong(path) === undefined)) return undefined
  const bytes = Buffer.byteLength(runDir)
  const most = bytes + MAX_SOCKET_PATH_BYTES - Buffer.byteLength(longest)
  return `must be at most ${most} bytes, so that every socket in it has a path that Linux takes, found ${bytes}: ${runDir}`
}
