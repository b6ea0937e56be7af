/** Pairs for the contract, each made of daemons as clients meet them. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { AdminClient } from '../../src/cli/adminClient.ts'
import { LISTEN, type ClassicDaemon, type TenantsDaemon } from '../helpers/daemons.ts'
import type { SocketAddress } from '../helpers/addresses.ts'
import { World } from '../helpers/world.ts'
import type { DaemonPair, Pair, Side } from './pair.ts'

/** The contract asks much of one tenant; what a tenant's limits are is tested elsewhere. */
const ROOMY = {
  limits: {
    handlers: 4_096, streams: 4_096, controlConnections: 4_096, connections: 1_024,
    requestsPerSecond: 100_000, dialsPerSecond: 100_000, streamsPerSecond: 100_000
  }
}

const APART = { ...ROOMY, host: { listen: [LISTEN], local: false } }

/** Two tenants of one daemon, each on its own socket, who meet over the network as those of two machines do. */
export async function tenants (): Promise<Pair> {
  return await pairIn(async world => {
    const daemon = await world.tenants({ a: APART, b: APART })
    return [sideOf(daemon, 'a', daemon.control('a')), sideOf(daemon, 'b', daemon.control('b'))]
  })
}

/** Two tenants of one daemon as they are unless a manifest says otherwise: the daemon connects their hosts. */
export async function neighbours (): Promise<Pair> {
  return await pairIn(async world => {
    const daemon = await world.tenants({ a: ROOMY, b: ROOMY })
    const side = (name: string): Side => ({ ...sideOf(daemon, name, daemon.control(name)), localAddress: `/unix/p2pd/${name}` })
    return [side('a'), side('b')]
  })
}

/** Two daemons, each with one tenant, at their front desks: the kernel's word for who calls says which tenant it is. */
export async function frontDesks (): Promise<Pair> {
  return await pairIn(async world => {
    const [one, other] = await Promise.all([world.tenants({ a: ROOMY }), world.tenants({ b: ROOMY })])
    return [sideOf(one, 'a', one.frontDesk), sideOf(other, 'b', other.frontDesk)]
  })
}

export async function classic (): Promise<Pair> {
  return await pairIn(async world => (await Promise.all([world.classic(), world.classic()])).map(classicSide))
}

export async function classicOverTcp (): Promise<Pair> {
  const control = '/ip4/127.0.0.1/tcp/0'
  return await pairIn(async world => (await Promise.all([world.classic({ control }), world.classic({ control })])).map(classicSide))
}

export async function go (): Promise<Pair> {
  return await pairIn(async world => (await Promise.all([world.go(), world.go()])).map(classicSide))
}

/** The daemon of two tenants who are no neighbours: both are connected to its own host all the same. */
export async function daemonOfTenants (): Promise<DaemonPair> {
  return await daemonPairIn({ a: APART, b: APART }, daemon => daemon.control('a'))
}

export async function daemonOfNeighbours (): Promise<DaemonPair> {
  return await daemonPairIn({ a: ROOMY, b: ROOMY }, daemon => daemon.control('a'))
}

/** A tenant that acts in the daemon's name from the front desk, and calls its own services from its own socket. */
export async function daemonAtFrontDesk (): Promise<DaemonPair> {
  return await daemonPairIn({ a: ROOMY }, daemon => daemon.frontDesk)
}

function sideOf (daemon: TenantsDaemon, name: string, control: SocketAddress): Side {
  const paths = [control, daemon.control(name), daemon.frontDesk, daemon.admin].flatMap(address => 'path' in address ? [address.path] : [])
  return {
    control,
    ownPaths: [...new Set(paths)],
    ownPorts: [],
    pid: async () => {
      const { pid } = await daemon.status(name)
      if (pid === undefined) throw new Error(`tenant ${name} has no host`)
      return pid
    }
  }
}

function classicSide ({ control, pid }: ClassicDaemon): Side {
  return {
    control,
    pid: async () => pid(),
    ownPaths: 'path' in control ? [control.path] : [],
    ownPorts: 'port' in control ? [control.port] : []
  }
}

async function daemonPairIn (manifests: Readonly<Record<string, object>>, controlOfA: (daemon: TenantsDaemon) => SocketAddress): Promise<DaemonPair> {
  return await madeIn(async world => {
    const daemon = await world.tenants({ daemon: ROOMY, ...manifests })
    const caller = 'b' in manifests ? 'b' : 'a'
    const [a, b] = [sideOf(daemon, 'a', controlOfA(daemon)), sideOf(daemon, caller, daemon.control(caller))]
    if (!('path' in daemon.admin)) throw new Error('the admin socket has no path')
    return { a, b, names: { a: 'a', b: caller }, asDaemon: { path: join(daemon.runDirectory, 'a', 'as-daemon.sock') }, operator: new AdminClient(daemon.admin.path) }
  })
}

async function pairIn (start: (world: World) => Promise<Side[]>): Promise<Pair> {
  return await madeIn(async world => {
    const [a, b] = await start(world)
    if (a === undefined || b === undefined) throw new Error('a pair has two sides')
    return { a, b }
  })
}

async function madeIn<T> (start: (world: World) => Promise<T>): Promise<T & Pick<Pair, 'directory'> & AsyncDisposable> {
  const world = await World.create()
  try {
    const made = await start(world)
    const directory = world.path('h')
    mkdirSync(directory)
    return { ...made, directory, [Symbol.asyncDispose]: async () => { await world[Symbol.asyncDispose]() } }
  } catch (error) {
    await world[Symbol.asyncDispose]()
    throw error
  }
}
