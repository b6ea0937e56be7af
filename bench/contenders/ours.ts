/** p2pd as it is in this checkout: one daemon with two tenants, so a supervisor and a host process for each tenant. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Running } from '../processes.ts'
import { READY_MS, type Contender, type Daemons } from './contender.ts'

const program = fileURLToPath(new URL('../../bin/p2pd', import.meta.url))
const build = fileURLToPath(new URL('../../dist', import.meta.url))

/** 1,000 idle streams have to fit, and a stream opened by a classic client keeps its control connection. */
const manifest = (name: string): string => `name: ${name}
host:
  listen: [/ip4/127.0.0.1/tcp/0]
limits: { streams: 4096, controlConnections: 4096 }
`

export const ours: Contender = {
  name: 'ours',
  title: 'p2pd',
  onDemand: true,
  oneRequestPerConnection: false,
  prepare: () => existsSync(program) && existsSync(build) ? undefined : 'not built: npm run build',
  classic: path => [program, '-q', '-listen', `/unix${path}`, '-hostAddrs', '/ip4/127.0.0.1/tcp/0'],

  async start (dir) {
    const [tenants, state, run] = ['tenants', 'state', 'run'].map(name => join(dir, name)) as [string, string, string]
    mkdirSync(tenants)
    for (const name of ['a', 'b']) writeFileSync(join(tenants, `${name}.yaml`), manifest(name))
    const serve = Running.start([program, 'serve', '--tenants', tenants, '--state', state, '--run', run], join(dir, 'log'))
    const [a, b] = ['a', 'b'].map(name => join(run, name, 'p2pd.sock')) as [string, string]
    try {
      // Not by connecting: that would start the hosts. The socket is renamed into place once it listens.
      await serve.until(async () => existsSync(a) && existsSync(b), READY_MS)
    } catch (error) {
      await serve.stop()
      throw error
    }
    const before = new Set(serve.pids())
    const daemons: Daemons = {
      a,
      b,
      pids: () => serve.pids(),
      hosts: () => serve.pids().filter(pid => !before.has(pid)),
      stop: async () => serve.stop()
    }
    return daemons
  }
}
