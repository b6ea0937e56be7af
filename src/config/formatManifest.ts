/**
 * Text of a new manifest, with comments that teach whoever opens it next.
 *
 * Writes down what was chosen, and shows what was not as comments with its default: the file is its own manual.
 */
import { Scalar, stringify } from 'yaml'
import { DEFAULT_LIFETIME } from './blessed.ts'
import { DEFAULT_IDLE_STOP, DEFAULT_LISTEN } from './manifest.ts'

export interface NewManifest {
  name: string
  /** Who may connect; neither: the user that runs p2pd. */
  user?: string | undefined
  uid?: number | undefined
  listen?: readonly string[] | undefined
  start?: 'on-demand' | 'always' | undefined
  /** As in a manifest: `10m`, or `0` for never. */
  idleStop?: string | undefined
  groups?: readonly string[] | undefined
}

/** Does not judge what it is given: whoever writes the text to a file reads it back first. */
export function formatManifest ({ name, user, uid, listen, start, idleStop, groups }: NewManifest): string {
  const app = user !== undefined ? `{ user: ${value(user)} }` : uid !== undefined ? `{ uid: ${uid} }` : undefined
  return `# A tenant of p2pd. After a change: p2pctl reload
name: ${value(name)}

# Who may connect. Left out: the user that runs p2pd.
${app === undefined ? '# app: { user: alice }' : `app: ${app}`}

host:
  # Where other peers reach it. /ip4/127.0.0.1/tcp/0: only from this machine.
  listen: ${list(listen ?? DEFAULT_LISTEN)}
  # on-demand: with the app's first connection. always: with p2pd.
  start: ${start ?? 'on-demand'}
  # How long it may be idle before it is stopped (on-demand only). 0: never.
  ${idleStop === undefined ? `# idleStop: ${DEFAULT_IDLE_STOP}` : `idleStop: ${idleStop === '0' ? '0' : value(idleStop)}`}

# Policies can be about a group instead of one tenant.
${groups === undefined || groups.length === 0 ? '# groups: [messaging]' : `groups: ${list(groups)}`}

# What it may do in the daemon's name, and on what; see README.md. Left out: nothing.
# blessed: [{ actions: [provideService, openStream], resources: [/search/], lifetime: ${DEFAULT_LIFETIME} }]

# limits: { connections: 128, streams: 512, handlers: 64, controlConnections: 256, dialsPerSecond: 20, memory: 256MiB }
`
}

function list (items: readonly string[]): string {
  return `[${items.map(value).join(', ')}]`
}

/** Text as one YAML value inside a line, quoted only where it has to be. */
function value (text: string): string {
  const scalar = new Scalar(text)
  // Inside [] and {} a comma or a bracket would end it, which stringify() cannot see from here.
  if (/[,[\]{}\n]/.test(text)) scalar.type = 'QUOTE_DOUBLE'
  return stringify(scalar, { lineWidth: 0 }).trimEnd()
}
