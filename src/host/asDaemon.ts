/**
 * Requests in the daemon's name, from the hosts of the tenants that make them (control/relay.ts), served on the daemon's host
 * as if each had a control connection of its own.
 *
 * Who asks is by whose host is at the other end of the connection, which the supervisor made; that a tenant's host says whose
 * process it was is taken for the audit log, its user from the tenant's manifest. What it may do is asked at each request.
 */
import type { Libp2p, PeerId, Stream } from '@libp2p/interface'
import type { Pipes } from '../control/pipes.ts'
import { withTimeout } from '../control/operations/fields.ts'
import { MAX_CALLER_BYTES, decodeCaller } from '../control/relay.ts'
import type { ControlServer } from '../control/server.ts'
import { StreamFrames } from '../control/streamFrames.ts'
import { P2pdError, messageOf } from '../errors.ts'
import { FRAME_DEADLINE_MS } from '../limits.ts'
import { socketPair } from '../os/socketPair.ts'
import type { Ledger } from '../policy/ledger.ts'
import { AS_DAEMON_PROTOCOL } from '../wire/protocols.ts'
import { isLocalAddress, type Neighbours } from './neighbours.ts'

export interface AsDaemonInit {
  readonly node: Libp2p
  readonly server: ControlServer
  readonly pipes: Pipes
  readonly ledger: Ledger
  readonly neighbours: Neighbours
  /** The user of a blessed tenant's programs; undefined for one that is not blessed. */
  readonly userOf: (tenant: string) => { uid: number, gid: number } | undefined
  /** Ends what has not yet said who calls. */
  readonly signal: AbortSignal
  /** Called when one has ended. */
  readonly onQuiet: () => void
}

const UNLIMITED = { maxInboundStreams: Number.MAX_SAFE_INTEGER, maxOutboundStreams: Number.MAX_SAFE_INTEGER }

export async function serveAsDaemon (init: AsDaemonInit): Promise<void> {
  await init.node.handle(AS_DAEMON_PROTOCOL, async (stream, { remotePeer, remoteAddr }) => {
    try {
      if (!isLocalAddress(remoteAddr)) throw new P2pdError('ERR_DENIED', 'only hosts of this machine may ask in the daemon\'s name')
      await serve(stream, remotePeer, init)
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error(messageOf(error)))
    }
  }, UNLIMITED)
}

async function serve (stream: Stream, peer: PeerId, { server, pipes, ledger, neighbours, userOf, signal, onQuiet }: AsDaemonInit): Promise<void> {
  const tenant = neighbours.tenantOf(peer.toString())
  if (tenant === undefined) throw new P2pdError('ERR_DENIED', `${peer.toString()} is no tenant of this machine`)
  using held = new DisposableStack()
  held.defer(onQuiet)
  held.defer(ledger.acceptStream(peer.toString(), { isOurs: true, whose: tenant }))
  const frames = new StreamFrames(stream, MAX_CALLER_BYTES)
  const first = await withTimeout(FRAME_DEADLINE_MS, signal, 'saying who calls', async limited => await frames.next(limited))
  if (first === undefined) throw new P2pdError('ERR_CLOSED', 'nothing was asked')
  const pid = decodeCaller(first)
  const user = userOf(tenant)
  const early = frames.detach()
  ledger.descriptors.take() // of a pair; the other one the server counts
  held.defer(() => { ledger.descriptors.release() })
  const [ours, theirs] = socketPair()
  if (early.length > 0) ours.write(early)
  let whose = tenant
  server.adopt(theirs, { tenant, isRelayed: true, ...pid !== undefined && user !== undefined && { process: { ...user, pid } } }, opened => { whose = opened.whose })
  await pipes.join(ours, stream, { whose: () => whose, isMetered: false })
}
