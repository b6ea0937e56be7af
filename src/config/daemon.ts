/**
 * tenants/daemon.yaml -> the daemon's own host, on this machine; and what it is without that file.
 *
 * To the supervisor it is a tenant like the others, but for its app: that is p2pd itself, so nobody else can connect.
 */
import { NOT_THE_DAEMONS, daemonShape, type DaemonManifest } from './daemonManifest.ts'
import { DAEMON_NAME } from './names.ts'
import { shapeFaults } from './shapeFaults.ts'
import { hostOf, limitsOf, type Machine, type TenantOrFaults, type TenantSpec } from './tenant.ts'
import { parseYaml } from './yaml.ts'

export function defaultDaemon (machine: Machine): TenantSpec {
  return specOf(daemonShape.parse({ name: DAEMON_NAME }), machine)
}

export function parseDaemon (text: string, file: string, machine: Machine): TenantOrFaults {
  const { value, faults } = parseYaml(text, file)
  if (faults.length > 0) return { faults }
  if (value === null) return { faults: [{ file, path: '', what: `is empty; it begins with \`name: ${DAEMON_NAME}\`` }] }
  const parsed = daemonShape.safeParse(value, { reportInput: true })
  return parsed.success
    ? { spec: specOf(parsed.data, machine) }
    : { faults: shapeFaults(file, parsed.error.issues, { shape: daemonShape, refused: NOT_THE_DAEMONS }) }
}

function specOf ({ name, host, groups, limits }: DaemonManifest, { uid }: Machine): TenantSpec {
  return { name, app: { uid }, host: hostOf(host), groups, blessed: [], limits: limitsOf(limits) }
}
