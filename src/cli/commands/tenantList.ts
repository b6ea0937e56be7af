/** `p2pctl tenant list`: who is declared, who is served, and under which identity. */
import type { Command } from 'commander'
import { tenantSocketPath } from '../../config/runPaths.ts'
import { P2pdError } from '../../errors.ts'
import type { IdentityInfo } from '../../keystore/keystore.ts'
import { contextOf, type Context } from '../context.ts'
import { declaredTenants, type Declared } from '../declared.ts'
import { examples } from '../help.ts'
import { withIdentities, type Access } from '../identities.ts'
import { sentence, table } from '../output.ts'

interface Line {
  name: string
  /** Absent where it has none yet, or none that can be told. */
  peerId?: string
  /** As the daemon has it; `declared` where none serves it. */
  state: string
  socket: string
  /** Why it is so, or what is to be done about it. */
  note?: string
}

export function tenantList (parent: Command): void {
  parent.command('list')
    .summary('who is declared, who is served, under which peer ID')
    .description('Lists the tenants with their peer IDs and control sockets. Without a daemon: those that are declared.')
    .addHelpText('after', examples({
      'p2pctl tenant list': 'a table',
      "p2pctl tenant list --json | jq -r '.[] | select(.name == \"chat\").peerId'": ''
    }))
    .action(async (_, command: Command) => {
      const context = contextOf(command)
      const lines = await withIdentities(context, async access => await linesOf(context, access))
      context.answer(lines, text(lines, context))
    })
}

async function linesOf (context: Context, access: Access): Promise<Line[]> {
  const { daemon } = access
  const declared = declaredTenants(context, daemon)
  if (daemon === undefined) return await declaredLines(declared, await known(context, access))
  const { tenants } = await daemon.admin.status()
  const served = tenants.map(({ name, peerId, state, socket, reason }): Line => {
    const note = reason ?? (declared.names().includes(name) ? undefined : `${name} is declared no longer, and served until \`p2pctl reload\``)
    return { name, ...peerId !== undefined && { peerId }, state, socket, ...note !== undefined && { note } }
  })
  const waiting = declared.names().filter(name => served.every(line => line.name !== name)).map((name): Line =>
    ({ name, state: 'declared', socket: tenantSocketPath(declared.options.runDir, name), note: `${name} is served after \`p2pctl reload\`` }))
  return [...served, ...waiting].sort((a, b) => a.name < b.name ? -1 : 1)
}

async function declaredLines ({ dir, options, names }: Declared, identities: IdentityInfo[]): Promise<Line[]> {
  if (names().length === 0) return []
  const { loadTenants } = await import('../../config/loadTenants.ts')
  return loadTenants(dir, options).map(({ name }) => {
    const { peerId, fault } = identities.find(identity => identity.name === name) ?? {}
    return { name, ...peerId !== undefined && { peerId }, state: 'declared', socket: tenantSocketPath(options.runDir, name), ...fault !== undefined && { note: fault } }
  })
}

/** A keystore that cannot be opened, for want of its passphrase perhaps, hides peer IDs and no tenants. */
async function known (context: Context, { identities }: Access): Promise<IdentityInfo[]> {
  try {
    return await identities.list()
  } catch (error) {
    if (!(error instanceof P2pdError)) throw error
    context.note({ event: 'peerIdsUnknown', reason: error.message }, `peer IDs are not shown: ${error.message}`)
    return []
  }
}

function text (lines: readonly Line[], { settings: { tenantsDir } }: Context): string {
  if (lines.length === 0) return `no tenants are declared in ${sentence(tenantsDir)}: \`p2pctl tenant add NAME\` adds one\n`
  const notes = lines.flatMap(({ note }) => note === undefined ? [] : [`${sentence(note)}\n`])
  const rows = lines.map(({ name, peerId, state, socket }) => [name, peerId ?? '', state, socket])
  return `${table(['TENANT', 'PEER ID', 'STATE', 'SOCKET'], rows)}${notes.length === 0 ? '' : `\n${notes.join('')}`}`
}
