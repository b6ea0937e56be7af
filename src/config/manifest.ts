/**
 * The shape of a tenant's manifest, key by key: what an operator may write, what it means, what is there when it is left out.
 *
 * The one source for the checks, for tenants/schema.json (scripts/schema.mjs) and for what an editor shows beside a key.
 * Knows only the text of one file; what depends on the machine (users, paths, other manifests) is in tenant.ts and
 * loadTenants.ts.
 */
import * as z from 'zod'
import { whyNoListenAddr } from './hostAddrs.ts'
import { NAME_PATTERN, NAME_RULE, RESERVED_NAMES, RESERVED_RULE } from './names.ts'
import { duration, size } from './quantities.ts'

/** Listens on every IPv4 interface, on a port the system chooses. */
export const DEFAULT_LISTEN = ['/ip4/0.0.0.0/tcp/0']

/** Long enough not to stop a host between two messages of a person, short enough to free what is forgotten. */
export const DEFAULT_IDLE_STOP = '10m'

/** No limit can usefully be above this: Linux gives a process 1048576 descriptors at most (fs.nr_open). */
const MAX_COUNT = 1_000_000

const name = z
  .string()
  .regex(NAME_PATTERN, { error: NAME_RULE, abort: true })
  .refine(text => !RESERVED_NAMES.includes(text), { error: RESERVED_RULE })
  .meta({
    description: 'Name of the tenant; the same as the file is called, without .yaml.',
    not: { enum: RESERVED_NAMES }
  })

const app = z
  .strictObject({
    // No pattern for user names: what /etc/passwd has is a user, whatever the rules of useradd are on this machine.
    user: z.string().min(1).optional().describe('The user, by name, as in /etc/passwd.'),
    uid: z.int().min(0).max(2 ** 32 - 2).optional().describe('The user, by number.')
  })
  .refine(({ user, uid }) => (user === undefined) !== (uid === undefined), { error: 'must have exactly one of `user` and `uid`' })
  .meta({
    description: 'Who may connect to this tenant. Left out: the user that runs p2pd. Another user needs p2pd to run as root.',
    oneOf: [{ required: ['user'] }, { required: ['uid'] }]
  })

const listenAddr = z.string().superRefine((text, context) => {
  const why = whyNoListenAddr(text)
  if (why !== undefined) context.addIssue({ code: 'custom', message: why, input: text })
})

const host = z
  .strictObject({
    listen: z.array(listenAddr).default(DEFAULT_LISTEN)
      .describe('Multiaddrs the host listens on for other peers: TCP, port 0 for any free one. []: none, the host only dials.'),
    start: z.enum(['on-demand', 'always']).default('on-demand')
      .describe('on-demand: the host starts when its app first connects, and other peers reach it from then on. always: it starts with p2pd and stays.'),
    // A host needs about 100 ms to start, and setTimeout() takes no more than 2^31-1 ms, a little over 24 days.
    // No default here: that it was left out is what `start: always` wants to know.
    idleStop: duration({ min: '100ms', max: '24d' }).optional()
      .describe('How long an on-demand host may be idle before it is stopped: 90s, 10m, 2h. 0: it is never stopped.')
  })
  .refine(({ start, idleStop = 0 }) => start === 'on-demand' || idleStop === 0, {
    error: 'has no meaning with `start: always`; leave one of them out',
    path: ['idleStop']
  })

const groups = z.array(z.string().regex(NAME_PATTERN, { error: NAME_RULE })).default([])
  .describe('Groups the tenant is in. A policy can be about a group instead of one tenant.')

const count = z.int().min(1).max(MAX_COUNT)

const perSecond = z.int().min(1).max(MAX_COUNT)

const inbound = z.strictObject({
  streams: count.optional().describe('Streams at the same time that peers opened. Left out: three quarters of `streams`.'),
  streamsPerPeer: count.optional().describe('Streams at the same time that one peer opened. Left out: half of `streams`.'),
  connectionsPerPeer: count.default(8).describe('Connections that one peer made.'),
  connectionsPerSubnet: count.optional()
    .describe('Connections that peers of one network made: an IPv4 /24 or an IPv6 /56. Left out: half of `connections`.'),
  reserved: z.int().min(0).max(MAX_COUNT).optional()
    .describe('Connections that only peers can make which this tenant has dialled before. Left out: an eighth of `connections`.')
})

const limits = z.strictObject({
  connections: count.default(128).describe('Connections to other peers, in and out.'),
  streams: count.default(512).describe('Streams open at the same time, over all connections.'),
  handlers: count.default(64).describe('Protocols the app can have handlers for.'),
  controlConnections: count.default(256).describe('Connections of the app to its control socket.'),
  requestsPerSecond: perSecond.default(1000).describe('Requests of the app; for a moment twice as many.'),
  dialsPerSecond: perSecond.default(20).describe('Addresses of peers that are tried; for a moment twice as many.'),
  streamsPerSecond: perSecond.default(500).describe('Streams the app opens, and as many that peers open; for a moment twice as many.'),
  bytesPerSecond: size({ min: '1KiB', max: '1024GiB' }).optional()
    .describe('Bytes of all streams together, both ways: 10MiB. More is slowed down, not refused. Left out: as fast as it goes.'),
  buffered: size({ min: '1MiB', max: '1024GiB' }).prefault('32MiB')
    .describe('Bytes that may wait in streams because an end does not read: 32MiB. Over it new streams are refused, and the one that has been stuck for longest is reset.'),
  descriptors: z.int().min(256).max(MAX_COUNT).optional()
    .describe('Open files and sockets of the host. Left out: what the other limits need.'),
  // Below 64 MiB a host has no room for its own code and a handful of streams.
  memory: size({ min: '64MiB', max: '1024GiB' }).prefault('256MiB')
    .describe('Memory the host may use: 256MiB, 1GiB; at least 64MiB.'),
  inbound: inbound.prefault({}).describe('What other peers may take of it.')
})

export const manifestShape = z.strictObject({
  name,
  app: app.optional(),
  host: host.prefault({}).describe('The libp2p host of this tenant: a process of its own with an identity of its own.'),
  groups,
  limits: limits.prefault({}).describe('What the tenant may use at most.')
}).meta({ title: 'A tenant of p2pd' })

/** A manifest as read from its file. */
export type Manifest = z.output<typeof manifestShape>

/** The shape as JSON Schema, of what an operator writes rather than of what becomes of it. Draft 7 is what editors know. */
export function manifestSchema (): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(manifestShape, {
    io: 'input',
    target: 'draft-7',
    override ({ zodSchema, jsonSchema }) {
      if (zodSchema === host.shape.idleStop) jsonSchema.default = DEFAULT_IDLE_STOP
    }
  })
}
