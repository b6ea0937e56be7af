/**
 * A directory of manifests -> all tenants and the daemon's own host, or every fault in every file.
 *
 * A whole or nothing: a reload that finds one wrong manifest changes no tenant. Owns what concerns more than one manifest
 * or the directory itself; one manifest is tenant.ts.
 */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError, messageOf } from '../errors.ts'
import type { Fault } from '../errors.ts'
import { defaultDaemon, parseDaemon } from './daemon.ts'
import { classify, readManifestText, whyOpenToAll } from './manifestFile.ts'
import { DAEMON_NAME } from './names.ts'
import { asDaemonSocketPath, whyTooLong } from './runPaths.ts'
import type { Machine, TenantOrFaults, TenantSpec } from './tenant.ts'
import { parseTenant } from './tenant.ts'
import { readUsers } from './users.ts'

export interface LoadOptions {
  /** Where the tenants' sockets will be: their paths have to fit. */
  runDir: string
  /** The uid p2pd runs as. */
  uid: number
  /** Another file than /etc/passwd. */
  passwdFile?: string
}

export interface Declarations {
  /** Sorted by name; none is no fault. The daemon is not among them. */
  tenants: TenantSpec[]
  /** The daemon's own host: as its manifest says, or as it is without one. */
  daemon: TenantSpec
}

/** All tenants declared in a directory, sorted by name. Throws a ConfigError with everything that is wrong in it. */
export function loadTenants (dir: string, options: LoadOptions): TenantSpec[] {
  return loadDeclarations(dir, options).tenants
}

/** Everything declared in a directory. Throws a ConfigError with everything that is wrong. */
export function loadDeclarations (dir: string, options: LoadOptions): Declarations {
  const entries = readDirectory(dir, options.uid)
  const machine = machineOf(options)
  const faults: Fault[] = []
  const tenants: TenantSpec[] = []
  let daemon = defaultDaemon(machine)
  for (const entry of entries) {
    const file = join(dir, entry)
    const kind = classify(entry)
    if (kind.kind === 'misnamed') faults.push({ file, path: '', what: `is not read; rename it to ${kind.rename}` })
    if (kind.kind !== 'manifest') continue
    const result = loadTenant(file, kind.base, options.runDir, machine)
    if ('faults' in result) faults.push(...result.faults)
    else if (kind.base === DAEMON_NAME) daemon = result.spec
    else tenants.push(result.spec)
  }
  if (faults.length > 0) throw new ConfigError(faults)
  // Not the order of the files: `.yaml` sorts after the `-` of `chat-2.yaml`.
  tenants.sort((a, b) => a.name < b.name ? -1 : 1)
  return { tenants, daemon }
}

/** The machine these options describe; /etc/passwd is read when the first manifest names a user, and once. */
export function machineOf ({ uid, passwdFile }: LoadOptions): Machine {
  let users: ReadonlyMap<string, number> | undefined
  return { uid, users: () => (users ??= readUsers(passwdFile)) }
}

/** The tenant a file declares, the daemon too, and that its sockets' paths fit. */
export function checkTenant (text: string, file: string, base: string, runDir: string, machine: Machine): TenantOrFaults {
  const result = base === DAEMON_NAME ? parseDaemon(text, file, machine) : parseTenant(text, file, base, machine)
  // The longest that any tenant has: an operator may bless each of them at any time.
  const path = asDaemonSocketPath(runDir, base)
  const why = whyTooLong(path)
  if (why === undefined) return result
  const fault = { file, path: 'name', what: `the path of its socket ${why}; choose a shorter name or --run directory, found ${path}` }
  return { faults: 'faults' in result ? [...result.faults, fault] : [fault] }
}

function loadTenant (file: string, base: string, runDir: string, machine: Machine): TenantOrFaults {
  const read = readManifestText(file, machine.uid)
  return 'fault' in read ? { faults: [read.fault] } : checkTenant(read.text, file, base, runDir, machine)
}

function readDirectory (dir: string, uid: number): string[] {
  const fault = (what: string): ConfigError => new ConfigError([{ file: dir, path: '', what }])
  let entries: string[]
  let mode: number
  try {
    entries = readdirSync(dir)
    mode = statSync(dir).mode
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT') throw fault('no such directory; make it with a first tenant: p2pctl tenant add chat')
    if (code === 'ENOTDIR') throw fault('is no directory')
    throw fault(`cannot be read (${messageOf(error)})`)
  }
  const open = whyOpenToAll(mode, uid)
  if (open !== undefined) throw fault(open)
  // By code unit, not by locale: the same order on every machine.
  return entries.sort()
}
