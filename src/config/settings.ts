/**
 * Where p2pd finds and puts things: the flags of `p2pd serve` and p2pctl, the environment, and defaults per user.
 *
 * Pure but for looking whether there is a checkout: makes nothing. Whoever makes a directory has to look whose it is:
 * /tmp/p2pd-UID, the last resort of a user without a runtime directory, could have been made by somebody else.
 */
import { isAbsolute, join, resolve } from 'node:path'
import { ConfigError } from '../errors.ts'
import type { Fault } from '../errors.ts'
import { checkoutDirs } from './checkout.ts'
import { whyNoRunDir } from './runPaths.ts'
import { show } from './show.ts'
import { parseUidRange, type UidRange } from './uidRange.ts'

/** As given on the command line; relative to the working directory. */
export interface SettingsFlags {
  tenants?: string | undefined
  policy?: string | undefined
  state?: string | undefined
  run?: string | undefined
  passphraseFile?: string | undefined
  audit?: string | undefined
  serviceUids?: string | undefined
}

export interface SettingsSource {
  flags: SettingsFlags
  env: Readonly<Record<string, string | undefined>>
  uid: number
  cwd: string
  /** Where the running p2pd itself is: the directory of its package.json. */
  packageRoot: string
}

/** Absolute paths, all of them. */
export interface Settings {
  tenantsDir: string
  policyDir: string
  stateDir: string
  runDir: string
  /** What the keystore is sealed under, instead of a key file in the state directory. */
  passphraseFile?: string
  /** Whether the audit log holds what was allowed, too. */
  auditLevel: AuditLevel
  /** Uids for hosts, where the operator names them; only with root. */
  serviceUids?: UidRange
}

export type AuditLevel = 'denials' | 'all'

export function resolveSettings ({ flags, env, uid, cwd, packageRoot }: SettingsSource): Settings {
  const faults: Fault[] = []
  const fault = (path: string, what: string): void => { faults.push({ file: 'argv', path, what }) }
  const given = (flag: string, value: string | undefined): string | undefined => {
    if (value === '') fault(flag, 'must not be empty')
    return value === undefined ? undefined : resolve(cwd, value)
  }
  const home = (flag: string, variable: string, inHome: string): string => {
    const base = absolute(env[variable]) ?? (absolute(env.HOME) === undefined ? undefined : join(env.HOME ?? '', inHome))
    if (base === undefined) fault(flag, `needs a directory: neither ${variable} nor HOME is set`)
    return join(base ?? '', 'p2pd')
  }
  const root = uid === 0
  const checkout = checkoutDirs({ cwd, packageRoot, uid })
  const declared = (name: 'tenants' | 'policy'): string => given(`--${name}`, flags[name])
    ?? checkout?.[name]
    ?? (root ? `/etc/p2pd/${name}` : join(home(`--${name}`, 'XDG_CONFIG_HOME', '.config'), name))
  const tenantsDir = declared('tenants')
  const policyDir = declared('policy')
  const stateDir = given('--state', flags.state) ?? (root ? '/var/lib/p2pd' : home('--state', 'XDG_STATE_HOME', '.local/state'))
  const runDir = given('--run', flags.run) ?? (root ? '/run/p2pd' : userRunDir(env, uid))
  const passphraseFile = given('--passphrase-file', flags.passphraseFile)
  const { audit = 'denials' } = flags
  if (audit !== 'denials' && audit !== 'all') fault('--audit', `must be denials or all, found ${show(audit)}`)
  const serviceUids = flags.serviceUids === undefined ? undefined : parseUidRange(flags.serviceUids)
  if (typeof serviceUids === 'string') fault('--service-uids', serviceUids)
  if (serviceUids !== undefined && !root) fault('--service-uids', 'needs p2pd to run as root: without root every host runs under its own user\'s uid')
  const why = whyNoRunDir(runDir)
  if (why !== undefined) fault('--run', why)
  if (faults.length > 0) throw new ConfigError(faults)
  return {
    tenantsDir,
    policyDir,
    stateDir,
    runDir,
    auditLevel: audit === 'all' ? 'all' : 'denials',
    ...passphraseFile !== undefined && { passphraseFile },
    ...typeof serviceUids === 'object' && { serviceUids }
  }
}

function userRunDir (env: SettingsSource['env'], uid: number): string {
  const runtime = absolute(env.XDG_RUNTIME_DIR)
  return runtime === undefined ? `/tmp/p2pd-${uid}` : join(runtime, 'p2pd')
}

/** The basedir specification wants relative paths ignored. */
function absolute (path: string | undefined): string | undefined {
  return path !== undefined && isAbsolute(path) ? path : undefined
}
