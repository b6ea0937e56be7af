/** Pairs for the contract, each made of daemons as clients meet them. */
import { mkdirSync } from 'node:fs'
import { LISTEN, type ClassicDaemon, type TenantsDaemon } from '../helpers/daemons.ts'
import type { SocketAddress } from '../helpers/addresses.ts'
import { World } from '../helpers/world.ts'
import type { Pair, Side } from './pair.ts'

/** The contract asks much of one tenant; what a tenant's limits are is tested elsewhere. */
const ROOMY = {
  limits: {
    handlers: 4_096, streams: 4_096, controlConnections: 4_096, connections: 1_024,
    requestsPerSecond: 100_000, dialsPerSecond: 100_000, streamsPerSecond: 100_000
  }
}

/** Two tenants of one daemon, each on its own socket, who meet over the network as those of two machines do. */
export async function tenants (): Promise<Pair> {
  const apart = { ...ROOMY, host: { listen: [LISTEN], local: false } }
  return await pairIn(async world => {
    const daemon = await world.tenants({ a: apart, b: apart })
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

async function pairIn (start: (world: World) => Promise<Side[]>): Promise<Pair> {
  const world = await World.create()
  try {
    const [a, b] = await start(world)
    if (a === undefined || b === undefined) throw new Error('a pair has two sides')
    const directory = world.path('h')
    mkdirSync(directory)
    return { a, b, directory, [Symbol.asyncDispose]: async () => { await world[Symbol.asyncDispose]() } }
  } catch (error) {
    await world[Symbol.asyncDispose]()
    throw error
  }
}
