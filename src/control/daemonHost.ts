/**
 * The daemon's host, as the control protocol of a tenant reaches it. Whoever has the tenant's host implements it
 * (host/daemonCalls.ts); on the daemon's own host it is here.
 */
import type { RemoteStream } from './host.ts'

/** What is said where there is none. */
export const NO_DAEMON = 'this daemon has no identity of its own: classic mode has none; otherwise `p2pctl status` says what is wrong with it'

export interface DaemonHost {
  /** Undefined where there is none: in classic mode, or while its identity is damaged. */
  readonly peerId: string | undefined
  /** Whether this very host is it. */
  readonly isHere: boolean
  /**
   * A stream to it on a protocol of p2pd's own. ERR_UNAVAILABLE where there is no such host, or nobody there speaks it; ERR_PEER
   * when it cannot be reached, ERR_LIMIT when the tenant has too many streams.
   */
  openStream (protocol: string, options: { signal: AbortSignal }): Promise<RemoteStream>
}
