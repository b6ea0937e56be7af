/**
 * The policy directory that a command is about, and the tenants it is for, the daemon among them.
 *
 * A daemon's own directories count where one runs: it is the one who reads them. Without one, peer IDs come from the keystore,
 * and where that cannot be opened tenants go by their names.
 */
import { defaultDaemon } from '../config/daemon.ts'
import { loadDeclarations, machineOf, type LoadOptions } from '../config/loadTenants.ts'
import type { TenantSpec } from '../config/tenant.ts'
import { ConfigError, P2pdError } from '../errors.ts'
import type { KnownTenant } from '../policy/question.ts'
import type { Context } from './context.ts'
import { findDaemon } from './daemon.ts'
import { declaredTenants } from './declared.ts'
import { withIdentities } from './identities.ts'

export interface PolicyScene {
  readonly policyDir: string
  readonly tenants: readonly KnownTenant[]
}

/** Throws a ConfigError with every fault in the manifests; that there is no directory of them is none. */
export async function tenantsForPolicy (context: Context, { peerIds = false }: { peerIds?: boolean } = {}): Promise<PolicyScene> {
  const daemon = await findDaemon(context).catch(ignoreDenied)
  const { dir, options } = declaredTenants(context, daemon)
  const known = peerIds ? await peerIdsOf(context) : new Map<string, string>()
  const tenants = declared(dir, options).map(({ name, groups, app: { uid } }) => {
    const peerId = known.get(name)
    return { name, groups, uid, ...peerId !== undefined && { peerId } }
  })
  return { policyDir: daemon?.status.policy.directory ?? context.settings.policyDir, tenants }
}

function declared (dir: string, options: LoadOptions): TenantSpec[] {
  try {
    const { tenants, daemon } = loadDeclarations(dir, options)
    return [...tenants, daemon]
  } catch (error) {
    const isAbsent = error instanceof ConfigError && error.faults.every(({ file, what }) => file === dir && what.startsWith('no such directory'))
    if (isAbsent) return [defaultDaemon(machineOf(options))]
    throw error
  }
}

async function peerIdsOf (context: Context): Promise<Map<string, string>> {
  try {
    const identities = await withIdentities(context, async access => await access.identities.list())
    return new Map(identities.flatMap(({ name, peerId }) => peerId === undefined ? [] : [[name, peerId] as const]))
  } catch (error) {
    if (!(error instanceof P2pdError)) throw error
    return new Map()
  }
}

/** Whoever may not ask the daemon can read policies all the same, if the files let them. */
function ignoreDenied (error: unknown): undefined {
  if (error instanceof P2pdError && error.code === 'ERR_DENIED') return undefined
  throw error
}
