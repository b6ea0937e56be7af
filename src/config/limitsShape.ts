/**
 * The shape of `limits` in a manifest, with the defaults of whom it is about.
 *
 * A tenant's are for one program. The daemon's own host works for all of them at once, so its are higher: see
 * daemonManifest.ts for each.
 */
import * as z from 'zod'
import { size } from './quantities.ts'

/** No limit can usefully be above this: Linux gives a process 1048576 descriptors at most (fs.nr_open). */
const MAX_COUNT = 1_000_000

export interface LimitDefaults {
  readonly connections: number
  readonly streams: number
  readonly handlers: number
  readonly controlConnections: number
  readonly requestsPerSecond: number
  readonly dialsPerSecond: number
  readonly streamsPerSecond: number
  readonly buffered: string
  readonly memory: string
  /** Left out: half of what `streams` is. */
  readonly streamsPerPeer?: number
}

/** Enough for a program that talks to a hundred peers, little enough for twenty such tenants on a small machine. */
export const TENANT_LIMITS: LimitDefaults = {
  connections: 128,
  streams: 512,
  handlers: 64,
  controlConnections: 256,
  requestsPerSecond: 1000,
  dialsPerSecond: 20,
  streamsPerSecond: 500,
  buffered: '32MiB',
  memory: '256MiB'
}

const count = z.int().min(1).max(MAX_COUNT)

export function limitsShape (defaults: LimitDefaults) {
  const streamsPerPeer = 'Streams at the same time that one peer opened.'
  const inbound = z.strictObject({
    streams: count.optional().describe('Streams at the same time that peers opened. Left out: three quarters of `streams`.'),
    streamsPerPeer: defaults.streamsPerPeer === undefined
      ? count.optional().describe(`${streamsPerPeer} Left out: half of \`streams\`.`)
      : count.default(defaults.streamsPerPeer).describe(streamsPerPeer),
    connectionsPerPeer: count.default(8).describe('Connections that one peer made.'),
    connectionsPerSubnet: count.optional()
      .describe('Connections that peers of one network made: an IPv4 /24 or an IPv6 /56. Left out: half of `connections`.'),
    reserved: z.int().min(0).max(MAX_COUNT).optional()
      .describe('Connections that only peers can make which this tenant has dialled before. Left out: an eighth of `connections`.')
  })
  return z.strictObject({
    connections: count.default(defaults.connections).describe('Connections to other peers, in and out.'),
    streams: count.default(defaults.streams).describe('Streams open at the same time, over all connections.'),
    handlers: count.default(defaults.handlers).describe('Protocols the app can have handlers for.'),
    controlConnections: count.default(defaults.controlConnections).describe('Connections of the app to its control socket.'),
    requestsPerSecond: count.default(defaults.requestsPerSecond).describe('Requests of the app; for a moment twice as many.'),
    dialsPerSecond: count.default(defaults.dialsPerSecond).describe('Addresses of peers that are tried; for a moment twice as many.'),
    streamsPerSecond: count.default(defaults.streamsPerSecond).describe('Streams the app opens, and as many that peers open; for a moment twice as many.'),
    bytesPerSecond: size({ min: '1KiB', max: '1024GiB' }).optional()
      .describe('Bytes of all streams together, both ways: 10MiB. More is slowed down, not refused. Left out: as fast as it goes.'),
    buffered: size({ min: '1MiB', max: '1024GiB' }).prefault(defaults.buffered)
      .describe('Bytes that may wait in streams because an end does not read: 32MiB. Over it new streams are refused, and the one that has been stuck for longest is reset.'),
    descriptors: z.int().min(256).max(MAX_COUNT).optional()
      .describe('Open files and sockets of the host. Left out: what the other limits need.'),
    // Below 64 MiB a host has no room for its own code and a handful of streams.
    memory: size({ min: '64MiB', max: '1024GiB' }).prefault(defaults.memory)
      .describe('Memory the host may use: 256MiB, 1GiB; at least 64MiB.'),
    inbound: inbound.prefault({}).describe('What other peers may take of it.')
  })
}
