/** `p2pd serve` of this checkout with tenants and policies made up for a benchmark, in a directory of its own. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { READY_MS } from './contenders/contender.ts'
import { Running } from './processes.ts'

const program = fileURLToPath(new URL('../bin/p2pd', import.meta.url))
const build = fileURLToPath(new URL('../dist', import.meta.url))

export interface Serving {
  readonly daemon: Running
  readonly runDir: string
  /** The control socket of this tenant. */
  readonly socket: (tenant: string) => string
}

/** Why it cannot run here, or undefined. */
export const whyNotBuilt = (): string | undefined => existsSync(program) && existsSync(build) ? undefined : 'not built: npm run build'

/** A daemon with go-libp2p-daemon's command line, which serves the control socket `path`. */
export const classicCommand = (path: string): string[] => [program, '-q', '-listen', `/unix${path}`, '-hostAddrs', '/ip4/127.0.0.1/tcp/0']

/**
 * Started, with every control socket there and no host running.
 *
 * @param tenants manifests by name
 * @param policies Cedar files by name
 */
export async function startServe (dir: string, tenants: ReadonlyMap<string, string>, policies: ReadonlyMap<string, string>): Promise<Serving> {
  const dirs = Object.fromEntries(['tenants', 'policy', 'state', 'run'].map(name => [name, join(dir, name)])) as Record<'tenants' | 'policy' | 'state' | 'run', string>
  mkdirSync(dirs.tenants)
  mkdirSync(dirs.policy)
  for (const [name, text] of tenants) writeFileSync(join(dirs.tenants, `${name}.yaml`), text)
  for (const [name, text] of policies) writeFileSync(join(dirs.policy, name), text)
  const daemon = Running.start([program, 'serve', ...Object.entries(dirs).flatMap(([name, path]) => [`--${name}`, path])], join(dir, 'log'))
  const socket = (tenant: string): string => join(dirs.run, tenant, 'p2pd.sock')
  try {
    // Not by connecting: that would start the hosts. The socket is renamed into place once it listens.
    await daemon.until(async () => [...tenants.keys()].every(name => existsSync(socket(name))), READY_MS)
  } catch (error) {
    await daemon.stop()
    throw error
  }
  return { daemon, runDir: dirs.run, socket }
}
