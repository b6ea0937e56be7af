/**
 * Where the sockets are inside a run directory, and whether their paths fit.
 *
 * Lengths are checked when the configuration is read: later it would be a tenant that cannot be started, for a reason
 * nobody looks for.
 */
import { join } from 'node:path'
import { MAX_SOCKET_PATH_BYTES } from '../limits.ts'

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

/** By how many bytes a socket's path is too long; 0 when it fits. */
export function bytesTooLong (path: string): number {
  return Math.max(0, Buffer.byteLength(path) - MAX_SOCKET_PATH_BYTES)
}
