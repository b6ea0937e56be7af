/** What the contract is run against: two daemons, or two tenants, that can reach each other. */
import type { AdminClient } from '../../src/cli/adminClient.ts'
import type { SocketAddress } from '../helpers/addresses.ts'

export interface Side {
  /** Its control socket. */
  readonly control: SocketAddress
  /** The process that serves it. */
  readonly pid: () => Promise<number>
  /** Unix sockets of the daemon's own, its control socket among them: nobody's handler. */
  readonly ownPaths: readonly string[]
  /** What it is called where the daemon connects the two; otherwise they meet at one of its TCP addresses. */
  readonly localAddress?: string
  /** TCP ports of the daemon's own beside those it says it is reached at. */
  readonly ownPorts: readonly number[]
}

/** Most is asked of `a`, which dials `b`. */
export interface Pair extends AsyncDisposable {
  readonly a: Side
  readonly b: Side
  /** Where tests may make their handlers' sockets; nobody else uses it. */
  readonly directory: string
}

/** Tenants of one daemon, of which `a` may be blessed. `b` calls what `a` provides; it can be `a` itself. */
export interface DaemonPair extends Pair {
  readonly names: { readonly a: string, readonly b: string }
  /** Where `a` acts in the daemon's name without saying so, while it is blessed. */
  readonly asDaemon: SocketAddress
  readonly operator: AdminClient
}
