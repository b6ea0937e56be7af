/** p2pd as it is in this checkout: one daemon with two tenants, so a supervisor and a host process for each tenant. */
import { realisticPolicies } from '../decision/policies.ts'
import { classicCommand, startServe, whyNotBuilt } from '../serve.ts'
import type { Contender, Daemons } from './contender.ts'

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
  prepare: whyNotBuilt,
  classic: classicCommand,

  async start (dir) {
    const tenants = ['a', 'b']
    const { daemon, socket } = await startServe(dir, new Map(tenants.map(name => [name, manifest(name)])), policies)
    const before = new Set(daemon.pids())
    const daemons: Daemons = {
      a: socket('a'),
      b: socket('b'),
      pids: () => daemon.pids(),
      hosts: () => daemon.pids().filter(pid => !before.has(pid)),
      stop: async () => daemon.stop()
    }
    return daemons
  }
}
