/**
 * Daemons that are running: where they are controlled, which processes they are, and how they are stopped.
 *
 * Owns how each kind is started and when it is ready. The directory they live in is world.ts's.
 */
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { json } from 'node:stream/consumers'
import { once } from 'node:events'
import { join } from 'node:path'
import type { IncomingMessage } from 'node:http'
import { parseSocketAddress, type SocketAddress } from '../../src/wire/addresses.ts'
import { Child } from './child.ts'
import { within } from './deadlines.ts'
import { EVERYTHING_ALLOWED } from './policies.ts'

const ROOT = join(import.meta.dirname, '../..')

/** Our launcher, as operators and launching clients call it. */
export const P2PD = join(ROOT, 'bin/p2pd')

/** Names the binary of go-libp2p-daemon; tests that need one are there only when it is set. */
export const GO_DAEMON = process.env['P2PD_GO_DAEMON']

/** Where hosts listen for peers: nothing in the tests leaves this machine. */
export const LISTEN = '/ip4/127.0.0.1/tcp/0'

/** The patience of clients that launch a daemon themselves. */
const READY_DEADLINE_MS = 30_000

/** A daemon with go-libp2p-daemon's command line: ours, or that one itself. */
export interface ClassicDaemon {
  readonly child: Child
  readonly control: SocketAddress
  readonly peerId: string
  readonly addresses: readonly string[]
  /** The process that serves the control socket now. */
  readonly pid: () => number
}

export interface ClassicInit {
  readonly binary?: string
  /** A multiaddr, in any of its text forms. */
  readonly control: string
  readonly flags?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
}

const CLASSIC_LINES = /^Control socket: (\S+)\nPeer ID: (\S+)\nPeer Addrs:\n((?:\/\S+\n)+)/m

export async function startClassic ({ binary = P2PD, control, flags = [], env }: ClassicInit, keep: (child: Child) => void): Promise<ClassicDaemon> {
  const child = start(binary, ['-listen', control, '-hostAddrs', LISTEN, ...flags], env)
  keep(child)
  const [, socket = '', peerId = '', addresses = ''] = await child.printed(CLASSIC_LINES, 'the lines on stdout', READY_DEADLINE_MS)
  return {
    child,
    control: parseSocketAddress(socket),
    peerId,
    addresses: addresses.trimEnd().split('\n'),
    pid: () => binary === P2PD ? onlyChildOf(child.pid) : child.pid
  }
}

export interface TenantRow {
  readonly name: string
  readonly state: string
  readonly peerId?: string
  readonly pid?: number
  readonly crashes: number
  readonly figures?: { readonly streams: number, readonly connections: number, readonly handlers: number, readonly controlConnections: number, readonly memoryBytes: number }
}

/** `p2pd serve`, with a control socket for each tenant. */
export interface TenantsDaemon {
  readonly child: Child
  readonly runDirectory: string
  readonly frontDesk: SocketAddress
  readonly admin: SocketAddress
  control (tenant: string): SocketAddress
  /** As GET /v1/status has it. */
  status (tenant: string): Promise<TenantRow>
}

export interface TenantsInit {
  /** What a tenant's manifest has beside its name and a loopback address to listen on. */
  readonly tenants: Readonly<Record<string, object>>
  /** Made if need be. */
  readonly directory: string
  readonly env?: NodeJS.ProcessEnv
}

export async function startTenants ({ tenants, directory, env }: TenantsInit, keep: (child: Child) => void): Promise<TenantsDaemon> {
  const [manifests, state, run] = ['tenants', 'state', 'run'].map(name => join(directory, name)) as [string, string, string]
  await mkdir(manifests, { recursive: true })
  // JSON is YAML.
  await Promise.all(Object.entries(tenants).map(async ([name, manifest]) => {
    await writeFile(join(manifests, `${name}.yaml`), JSON.stringify({ name, host: { listen: [LISTEN] }, ...manifest }))
  }))
  const child = start(P2PD, ['serve', '--tenants', manifests, '--policy', EVERYTHING_ALLOWED, '--state', state, '--run', run], env)
  keep(child)
  const control = (name: string): { path: string } => ({ path: join(run, name, 'p2pd.sock') })
  const [frontDesk, admin] = [join(run, 'p2pd.sock'), join(run, 'admin.sock')]
  const sockets = [frontDesk, admin, ...Object.keys(tenants).map(name => control(name).path)]
  await child.until('the daemon\'s sockets', () => sockets.every(path => existsSync(path)), READY_DEADLINE_MS)
  return {
    child,
    runDirectory: run,
    frontDesk: { path: frontDesk },
    admin: { path: admin },
    control,
    status: async name => {
      const { tenants: rows } = await get(admin, '/v1/status') as { tenants: TenantRow[] }
      const row = rows.find(tenant => tenant.name === name)
      if (row === undefined) throw new Error(`no tenant ${name} in the status`)
      return row
    }
  }
}

function start (binary: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Child {
  if (!existsSync(binary)) throw new Error(`${binary} is not there: run \`npm run build\` first`)
  return new Child(binary, args, { ...process.env, ...env })
}

async function get (socketPath: string, path: string): Promise<unknown> {
  const asked = request({ socketPath, path }).end()
  const [response] = await within(`GET ${path}`, once(asked, 'response')) as [IncomingMessage]
  return await json(response)
}

/** A classic daemon of ours is a supervisor with one host; the launcher has become the supervisor by then. */
function onlyChildOf (pid: number): number {
  const [only, ...others] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number)
  if (only === undefined || others.length > 0) throw new Error(`process ${pid} was to have one child`)
  return only
}
