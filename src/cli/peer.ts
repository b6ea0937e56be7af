/** Who is meant by PEER on the command line: a peer ID, or another tenant of the same daemon by its name. */
import { P2pdClient } from '../client/index.ts'
import type { Peer } from '../client/index.ts'
import { NAME_PATTERN } from '../config/names.ts'
import { tenantSocketPath } from '../config/runPaths.ts'
import { P2pdError, messageOf } from '../errors.ts'
import { formatPeerId, parsePeerId } from '../wire/peers.ts'

/** A tenant's client, on its own control socket: whoever may use that needs no other right. */
export function clientOf (runDir: string, tenant: string): P2pdClient {
  return new P2pdClient({ path: tenantSocketPath(runDir, tenant) })
}

/**
 * No peer ID can be a tenant's name: base58 ones have capitals, and CIDs are longer. Asking a tenant starts its host, which
 * has to run to be reached. Throws ERR_REQUEST for what is neither.
 */
export async function peerNamed (text: string, runDir: string): Promise<Peer> {
  if (!NAME_PATTERN.test(text)) return { peerId: formatPeerId(parsePeerId(text)), addresses: [] }
  await using client = clientOf(runDir, text)
  try {
    return await client.identify()
  } catch (cause) {
    throw new P2pdError('ERR_PEER', `${text} is taken for a tenant, and it cannot be asked for its peer ID: ${messageOf(cause)}`, { cause })
  }
}
