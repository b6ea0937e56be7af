/** Who is meant on the command line: TENANT, by its control socket, and PEER, by its ID or as another tenant by its name. */
import { P2pdClient } from '../client/index.ts'
import type { Peer } from '../client/index.ts'
import { DAEMON_NAME, NAME_PATTERN } from '../config/names.ts'
import { tenantSocketPath } from '../config/runPaths.ts'
import { P2pdError } from '../errors.ts'
import { formatPeerId, parsePeerId } from '../wire/peers.ts'

export interface TenantClient extends AsyncDisposable {
  readonly client: P2pdClient
  readonly peer: Peer
}

/**
 * A tenant on its own control socket: whoever may use that needs no other right. Its host runs when this returns. Throws
 * ERR_UNAVAILABLE where nobody listens there, ERR_DENIED where the caller may not connect.
 */
export async function openTenant (runDir: string, tenant: string): Promise<TenantClient> {
  const path = tenantSocketPath(runDir, tenant)
  const client = new P2pdClient({ path })
  try {
    const peer = await client.identify()
    return { client, peer, [Symbol.asyncDispose]: async () => { await client.close() } }
  } catch (error) {
    await client.close()
    throw explained(error, tenant, path)
  }
}

/**
 * No peer ID can be a tenant's name: base58 ones have capitals, and CIDs are longer. A tenant that is named is started, since
 * it has to run to be reached; who the daemon is, `client` says. Throws ERR_REQUEST for what is neither.
 */
export async function peerNamed (text: string, runDir: string, client: P2pdClient): Promise<Peer> {
  if (!NAME_PATTERN.test(text)) return { peerId: formatPeerId(parsePeerId(text)), addresses: [] }
  if (text === DAEMON_NAME) return { peerId: (await client.services()).daemon, addresses: [] }
  await using tenant = await openTenant(runDir, text)
  return tenant.peer
}

function explained (error: unknown, tenant: string, path: string): unknown {
  const cause = error instanceof P2pdError ? error.cause : undefined
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'EACCES') {
    return new P2pdError('ERR_DENIED', `${path}: permission denied: only root and the user that is the app of ${tenant} may use it`, { cause })
  }
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return new P2pdError('ERR_UNAVAILABLE', `no tenant ${tenant} is served at ${path}: \`p2pctl tenant list\` shows who is, \`p2pd serve\` starts the daemon, ` +
      '--run names the directory of another', { cause })
  }
  return error
}
