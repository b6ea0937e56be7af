/**
 * p2pd as it is in this checkout: one daemon with two tenants, so a supervisor and a host process for each tenant. Once with the
 * network between the two, as between two machines, and once as tenants of one machine meet.
 */
import { GROUP, realisticPolicies } from '../decision/policies.ts'
import { classicCommand, startServe, whyNotBuilt } from '../serve.ts'
import type { Contender, Daemons } from './contender.ts'

const TENANTS = ['a', 'b']

/**
 * 1,000 idle streams have to fit, and a stream opened by a classic client keeps its control connection. How many requests and
 * opens a second a tenant may have is not what is measured: nothing but the machine limits those here.
 */
const manifest = (name: string, isLocal: boolean): string => `name: ${name}
groups: [${GROUP}]
host:
  listen: [/ip4/127.0.0.1/tcp/0]
  local: ${isLocal}
limits: { streams: 4096, controlConnections: 4096, requestsPerSecond: 1000000, streamsPerSecond: 1000000, dialsPerSecond: 1000 }
`

const contender = (name: string, title: string, isLocal: boolean): Contender => ({
  name,
  title,
  over: isLocal ? 'unix' : '/tcp',
  onDemand: true,
  oneRequestPerConnection: false,
  prepare: whyNotBuilt,
  classic: classicCommand,

  async start (dir) {
    const tenants = new Map(TENANTS.map(tenant => [tenant, manifest(tenant, isLocal)]))
    // Measured as operators run it: with policies that are asked, and have conditions to work out.
    const { daemon, socket } = await startServe(dir, tenants, realisticPolicies(TENANTS.map(tenant => ({ name: tenant, family: '/bench/' }))))
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
})

export const ours = contender('ours', 'p2pd', false)
export const local = contender('local', 'p2pd, local', true)
