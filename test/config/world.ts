/**
 * A directory of manifests for one test, and what a fault says as the lines an operator reads.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { ConfigError } from '../../src/errors.ts'

/** A directory of the test's own with these files in it, gone after the test. */
export function makeDir (t: ExecutionContext, files: Readonly<Record<string, string | Uint8Array>> = {}): string {
  const dir = mkdtempSync(join(tmpdir(), 'p2pd-config-'))
  t.teardown(() => { rmSync(dir, { recursive: true, force: true }) })
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true })
    writeFileSync(join(dir, name), content)
  }
  return dir
}

/** The lines of the ConfigError that `run` throws, with the directory left out. */
export function faultsOf (run: () => unknown, dir = ''): string[] {
  try {
    run()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.message.split('\n').map(line => dir === '' ? line : line.replaceAll(`${dir}/`, '').replaceAll(dir, 'DIR'))
  }
  return []
}
