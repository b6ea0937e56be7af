/**
 * The daemon that runs, if one does, and that it is the one the command line means.
 *
 * A daemon knows its own directories, so those are used. Whoever names others on the command line means another daemon, and
 * is told so: what they change there would not be what runs here.
 */
import { realpathSync } from 'node:fs'
import { adminSocketPath } from '../config/runPaths.ts'
import { ConfigError, P2pdError } from '../errors.ts'
import type { Fault } from '../errors.ts'
import type { DaemonStatus } from '../supervisor/admin.ts'
import { AdminClient } from './adminClient.ts'
import type { Context } from './context.ts'

export interface Daemon {
  readonly admin: AdminClient
  readonly status: DaemonStatus
}

/** ERR_UNAVAILABLE where none runs, ERR_DENIED where the caller may not ask, a ConfigError where it is another than meant. */
export async function askDaemon (context: Context): Promise<Daemon> {
  const admin = new AdminClient(adminSocketPath(context.settings.runDir))
  const status = await admin.daemon()
  assertMeant(context, status)
  return { admin, status }
}

/** The same, but undefined where none runs. */
export async function findDaemon (context: Context): Promise<Daemon | undefined> {
  try {
    return await askDaemon(context)
  } catch (error) {
    if (error instanceof P2pdError && error.code === 'ERR_UNAVAILABLE') return undefined
    throw error
  }
}

function assertMeant ({ named, settings: { runDir } }: Context, status: DaemonStatus): void {
  const faults: Fault[] = []
  const compare = (path: string, mine: string | undefined, its: string): void => {
    if (mine === undefined || real(mine) === real(its)) return
    faults.push({ file: 'argv', path, what: `p2pd runs in ${runDir} with ${its}; leave the option out, or name the --run directory of the one you mean, found ${mine}` })
  }
  compare('--tenants', named.tenantsDir, status.tenantsDir)
  compare('--policy', named.policyDir, status.policy.directory)
  compare('--state', named.stateDir, status.stateDir)
  if (faults.length > 0) throw new ConfigError(faults)
}

function real (path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
