/** The daemon's own host, as this tenant's host reaches it: over the connection that the supervisor makes between the two. */
import { NO_DAEMON, type DaemonHost } from '../control/daemonHost.ts'
import type { RemoteStream } from '../control/host.ts'
import { P2pdError } from '../errors.ts'
import { parsePeerId } from '../wire/peers.ts'
import type { HostCalls } from './calls.ts'
import type { Neighbours } from './neighbours.ts'

export class DaemonCalls implements DaemonHost {
  readonly #neighbours: Neighbours
  readonly #host: () => Pick<HostCalls, 'openToDaemon'>

  /** @param host asked for late: the two know each other */
  constructor (neighbours: Neighbours, host: () => Pick<HostCalls, 'openToDaemon'>) {
    this.#neighbours = neighbours
    this.#host = host
  }

  get peerId (): string | undefined { return this.#neighbours.daemon }
  get isHere (): boolean { return this.#neighbours.isDaemonHere }

  async openStream (protocol: string, { signal }: { signal: AbortSignal }): Promise<RemoteStream> {
    if (this.peerId === undefined) throw new P2pdError('ERR_UNAVAILABLE', NO_DAEMON)
    return await this.#host().openToDaemon(parsePeerId(this.peerId), protocol, { signal })
  }
}
