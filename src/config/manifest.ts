/**
 * The shape of a tenant's manifest, key by key: what an operator may write, what it means, what is there when it is left out.
 *
 * The one source for the checks, for tenants/schema.json (scripts/schema.mjs) and for what an editor shows beside a key.
 * Knows only the text of one file; what depends on the machine (users, paths, other manifests) is in tenant.ts and
 * loadTenants.ts. The daemon's own manifest, which has fewer keys, is daemonManifest.ts.
 */
import * as z from 'zod'
import { blessed } from './blessed.ts'
import { whyNoListenAddr } from './hostAddrs.ts'
import { TENANT_LIMITS, limitsShape } from './limitsShape.ts'
import { NAME_PATTERN, NAME_RULE, RESERVED_NAMES, RESERVED_RULE } from './names.ts'
import { duration } from './quantities.ts'

/** Listens on every IPv4 interface, on a port the system chooses. */
export const DEFAULT_LISTEN = ['/ip4/0.0.0.0/tcp/0']

/** Long enough not to stop a host between two messages of a person, short enough to free what is forgotten. */
export const DEFAULT_IDLE_STOP = '10m'

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

const IDLE_STOP = 'How long an on-demand host may be idle before it is stopped: 90s, 10m, 2h. 0: it is never stopped.'

const tenantsLocal = z.boolean().default(true)
  .describe('Whether tenants of this machine reach it without the network stack; false: over TCP like anybody.')

/** @param firstUse when a host that is on demand starts */
export function hostShape<Local extends z.ZodType<boolean, boolean | undefined>> (firstUse: string, local: Local) {
  return z
    .strictObject({
      listen: z.array(listenAddr).default(DEFAULT_LISTEN)
        .describe('Multiaddrs the host listens on for other peers: TCP, port 0 for any free one. []: none, the host only dials.'),
      local,
      start: z.enum(['on-demand', 'always']).default('on-demand')
        .describe(`on-demand: the host starts ${firstUse}, and other peers reach it from then on. always: it starts with p2pd and stays.`),
      // A host needs about 100 ms to start, and setTimeout() takes no more than 2^31-1 ms, a little over 24 days.
      // No default here: that it was left out is what `start: always` wants to know.
      idleStop: duration({ min: '100ms', max: '24d' }).optional().describe(IDLE_STOP)
    })
    .refine(({ start, idleStop = 0 }) => start === 'on-demand' || idleStop === 0, {
      error: 'has no meaning with `start: always`; leave one of them out',
      path: ['idleStop']
    })
}

export const groups = z.array(z.string().regex(NAME_PATTERN, { error: NAME_RULE })).default([])
  .describe('Groups the tenant is in. A policy can be about a group instead of one tenant.')

export const manifestShape = z.strictObject({
  name,
  app: app.optional(),
  host: hostShape('when its app first connects', tenantsLocal).prefault({}).describe('The libp2p host of this tenant: a process of its own with an identity of its own.'),
  groups,
  blessed,
  limits: limitsShape(TENANT_LIMITS).prefault({}).describe('What the tenant may use at most.')
}).meta({ title: 'A tenant of p2pd' })

/** A manifest as read from its file. */
export type Manifest = z.output<typeof manifestShape>

/** The shape as JSON Schema. */
export function manifestSchema (): z.core.JSONSchema.BaseSchema {
  return schemaOf(manifestShape)
}

/** Of what an operator writes rather than of what becomes of it. Draft 7 is what editors know. */
export function schemaOf (shape: z.ZodType): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(shape, {
    io: 'input',
    target: 'draft-7',
    override ({ jsonSchema }) {
      if (jsonSchema.description === IDLE_STOP) jsonSchema.default = DEFAULT_IDLE_STOP
    }
  })
}
