/**
 * Manifests made and removed by a program (p2pctl tenant add, remove).
 *
 * A manifest appears whole or not at all, and only if it would load: a reload at any moment finds nothing half-written.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError, messageOf } from '../errors.ts'
import { formatManifest } from './formatManifest.ts'
import type { NewManifest } from './formatManifest.ts'
import type { LoadOptions } from './loadTenants.ts'
import { checkTenant, machineOf } from './loadTenants.ts'
import { manifestFileName } from './manifestFile.ts'
import { whyNoTenantName } from './names.ts'
import { show } from './show.ts'

/** Writes a new manifest, and its directory if there is none. Returns the file. Throws a ConfigError rather than replace one. */
export function writeManifest (dir: string, manifest: NewManifest, options: LoadOptions): string {
  const file = manifestPath(dir, manifest.name)
  const text = formatManifest(manifest)
  const checked = checkTenant(text, file, manifest.name, options.runDir, machineOf(options))
  if ('faults' in checked) throw new ConfigError(checked.faults)
  // A dot file, so that a reload in between does not take it for a manifest.
  const draft = join(dir, `.${manifest.name}.${randomBytes(6).toString('hex')}`)
  try {
    mkdirSync(dir, { recursive: true, mode: 0o755 })
    writeFileSync(draft, text, { flag: 'wx', mode: 0o644, flush: true })
    // link() fails when the name is taken; rename() would replace what somebody wrote.
    linkSync(draft, file)
    syncDirectory(dir)
  } catch (error) {
    throw fault(file, codeOf(error) === 'EEXIST' ? 'is there already; edit it, or remove the tenant first' : `cannot be written (${messageOf(error)})`)
  } finally {
    rmSync(draft, { force: true })
  }
  return file
}

/** Removes a tenant's manifest; its identity in the keystore stays. Returns the file that was removed. */
export function removeManifest (dir: string, name: string): string {
  const file = manifestPath(dir, name)
  try {
    unlinkSync(file)
    syncDirectory(dir)
  } catch (error) {
    throw fault(file, codeOf(error) === 'ENOENT' ? 'there is no such tenant' : `cannot be removed (${messageOf(error)})`)
  }
  return file
}

/** The name is judged before it becomes part of a path: `../../x` is no tenant. */
function manifestPath (dir: string, name: string): string {
  const why = whyNoTenantName(name)
  if (why !== undefined) throw new ConfigError([{ file: 'argv', path: 'name', what: `${why}, found ${show(name)}` }])
  return join(dir, manifestFileName(name))
}

function syncDirectory (dir: string): void {
  const fd = openSync(dir, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

function codeOf (error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

function fault (file: string, what: string): ConfigError {
  return new ConfigError([{ file, path: '', what }])
}
