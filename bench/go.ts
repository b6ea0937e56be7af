/** Building Go programs into bench/.cache. Go's own cache makes a second build quick, so there is no check of ours. */
import { spawnSync } from 'node:child_process'

/** A first build fetches modules and compiles them. */
const BUILD_MS = 300_000

/** `go1.26.8`, or undefined where there is no Go. */
export function goVersion (): string | undefined {
  const { stdout, status } = spawnSync('go', ['env', 'GOVERSION'], { encoding: 'utf8', timeout: 10_000 })
  return status === 0 ? stdout.trim() : undefined
}

/** Builds a package of the module in `dir` into `output`; answers what went wrong, or undefined. */
export function goBuild (dir: string, output: string, what = '.'): string | undefined {
  const { stderr, status, error } = spawnSync('go', ['build', '-o', output, what], { cwd: dir, encoding: 'utf8', timeout: BUILD_MS })
  if (error !== undefined) return `Go: ${error.message}`
  return status === 0 ? undefined : `Go cannot build it: ${stderr.trim().split('\n').at(-1) ?? ''}`
}
