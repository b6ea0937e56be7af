/**
 * The shape of tenants/daemon.yaml: the daemon's own host. The keys are a tenant's without those that need an app.
 */
import * as z from 'zod'
import { limitsShape, type LimitDefaults } from './limitsShape.ts'
import { groups, hostShape, schemaOf } from './manifest.ts'
import { DAEMON_NAME } from './names.ts'

/** Whoever is blessed works on this one host, and every tenant may call its services: several tenants' worth of everything. */
const DAEMON_LIMITS: LimitDefaults = {
  // A hundred tenants of this machine have one each, and as much again as four tenants have to other peers.
  connections: 512,
  // What eight tenants may have open, each of them to its own limit.
  streams: 4096,
  // A blessed app has as many protocols as another; four of them have all they may.
  handlers: 256,
  // Blessed apps hold one for each stream, as on their own control sockets: four of those.
  controlConnections: 1024,
  // Four tenants' worth, as many as have room for their handlers. What one blessed app does is limited by its own host, too.
  requestsPerSecond: 4000,
  // An address that is tried is a packet into the network with the daemon's name on it: little more than two tenants' worth.
  dialsPerSecond: 50,
  streamsPerSecond: 2000,
  // Twice a tenant's: callers are many, and few of them do not read.
  buffered: '64MiB',
  // 4096 streams at a few tens of kilobytes each, and what is buffered. It is a bound, and nothing is set aside for it.
  memory: '512MiB',
  // To the daemon each tenant is a peer: one of them gets what its own limits have for it, and not half of everything.
  streamsPerPeer: 512
}

const local = z.literal(true).default(true)
  .describe('Always true: every tenant reaches the daemon without the network stack, whatever its own manifest says.')

export const daemonShape = z.strictObject({
  name: z.literal(DAEMON_NAME).describe('Always daemon: this file is about the daemon itself.'),
  host: hostShape('when something needs it', local).prefault({}).describe('The daemon\'s own libp2p host: a process of its own with the daemon\'s identity.'),
  groups: groups.describe('Groups the daemon is in. A policy can be about a group, or about Tenant::"daemon".'),
  limits: limitsShape(DAEMON_LIMITS).prefault({}).describe('What all may use of it together.')
}).meta({ title: 'The own host of p2pd' })

export type DaemonManifest = z.output<typeof daemonShape>

export function daemonSchema (): z.core.JSONSchema.BaseSchema {
  return schemaOf(daemonShape)
}

/** What the daemon cannot have, for whoever writes its manifest like a tenant's. */
export const NOT_THE_DAEMONS: Readonly<Record<string, string>> = {
  app: 'nobody can be the daemon\'s app; a program that is to act in its name is blessed, in its own tenant\'s manifest: blessed',
  blessed: 'the daemon needs no blessing to act in its own name; it belongs in the manifest of the tenant that is blessed'
}
