/**
 * The manifests that a command is about: where they are, which there are, and that a change would load.
 *
 * A daemon's own directory and uid count where one runs: it is the one who reads them.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { LoadOptions } from '../config/loadTenants.ts'
import { classify, manifestFileName } from '../config/manifestFile.ts'
import { DAEMON_NAME } from '../config/names.ts'
import { ConfigError } from '../errors.ts'
import type { Context } from './context.ts'
import type { Daemon } from './daemon.ts'

export interface Declared {
  readonly dir: string
  readonly options: LoadOptions
  /** By the names of the files, sorted; nothing is read. The daemon is not among them. */
  readonly names: () => string[]
  /** Throws a ConfigError with what is wrong in the directory beside this tenant: a reload would not apply any change then. */
  readonly assertRestLoads: (name: string) => Promise<void>
}

export function declaredTenants ({ settings }: Context, daemon: Daemon | undefined): Declared {
  const dir = daemon?.status.tenantsDir ?? settings.tenantsDir
  const options = { runDir: daemon?.status.runDir ?? settings.runDir, uid: daemon?.status.uid ?? process.geteuid?.() ?? 0 }
  const names = (): string[] => manifestNames(dir)
  return {
    dir,
    options,
    names,
    async assertRestLoads (name) {
      const { loadTenants } = await import('../config/loadTenants.ts')
      const file = join(dir, manifestFileName(name))
      try {
        loadTenants(dir, options)
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error
        // A directory without tenants is no fault here: it is about to have one, or was about to have none.
        const rest = error.faults.filter(fault => fault.file !== file && (fault.file !== dir || names().length > 0))
        if (rest.length > 0) throw new ConfigError(rest)
      }
    }
  }
}

function manifestNames (dir: string): string[] {
  try {
    return readdirSync(dir).map(classify).flatMap(entry => entry.kind === 'manifest' && entry.base !== DAEMON_NAME ? [entry.base] : []).sort()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}
