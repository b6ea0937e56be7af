/**
 * Connections between the hosts of this machine, made by the supervisor: the switchboard of the local transport in p2pd.
 *
 * Who is at the other end is what the supervisor says, which started both processes and gave each its end of a pair of sockets
 * over a channel that is theirs alone. The kernel is asked whether it was the supervisor that made the pair.
 */
import type { Socket } from 'node:net'
import { peerIdFromString } from '@libp2p/peer-id'
import type { LocalEnd, Switchboard } from '../local/switchboard.ts'
import { P2pdError } from '../errors.ts'
import { peerCredentials } from '../os/credentials.ts'
import type { Multiaddr } from '../wire/addresses.ts'
import { peerOf } from './gate.ts'
import { localAddress } from './neighbours.ts'
import type { SupervisorLink } from './supervisorLink.ts'

type Visit = Parameters<SupervisorLink['visitor']>[0]

export class SupervisorSwitchboard implements Switchboard {
  readonly #link: SupervisorLink
  readonly #supervisorPid: number
  readonly #names: (peerId: string) => string | undefined
  #onConnection: ((end: LocalEnd) => void) | undefined

  /** @param names the tenant with this peer ID, for its address */
  constructor (link: SupervisorLink, supervisorPid: number, names: (peerId: string) => string | undefined) {
    this.#link = link
    this.#supervisorPid = supervisorPid
    this.#names = names
  }

  async dial (address: Multiaddr, { signal }: { signal: AbortSignal }): Promise<LocalEnd> {
    const remotePeer = peerOf(address)
    const peerId = remotePeer.toString()
    const socket = await this.#link.reach(peerId, signal)
    return { socket: this.#proven(socket), remotePeer, remoteAddr: localAddress(this.#names(peerId) ?? 'unknown') }
  }

  async listen (_: Multiaddr, onConnection: (end: LocalEnd) => void): Promise<AsyncDisposable> {
    this.#onConnection = onConnection
    return { [Symbol.asyncDispose]: async () => { this.#onConnection = undefined } }
  }

  /** A neighbour's host has been connected to this one. */
  visit (message: Visit): void {
    const socket = this.#link.visitor(message)
    if (socket === undefined) return // no descriptor was left: the other end finds an end of file
    if (this.#onConnection === undefined) {
      socket.destroy()
      return
    }
    try {
      this.#onConnection({ socket: this.#proven(socket), remotePeer: peerIdFromString(message.peerId), remoteAddr: localAddress(message.tenant) })
    } catch {
      socket.destroy()
    }
  }

  /** The kernel names whoever made the pair. */
  #proven (socket: Socket): Socket {
    const { pid } = peerCredentials(socket)
    if (pid === this.#supervisorPid) return socket
    socket.destroy()
    throw new P2pdError('ERR_DENIED', `a connection to a neighbour was made by process ${pid}, which is not the supervisor`)
  }
}
