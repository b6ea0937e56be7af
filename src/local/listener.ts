/**
 * Listens at one address of the local transport.
 *
 * Owns the connections that come in there, from the moment they are handed over: closing it ends every one of them, upgraded or
 * not.
 */
import { once, setMaxListeners } from 'node:events'
import type { Socket } from 'node:net'
import { AlreadyStartedError, TypedEventEmitter, type Listener, type ListenerEvents } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { withoutPeerId } from '../wire/addresses.ts'
import type { LocalConnection } from './connection.ts'
import type { LocalEnd, Switchboard } from './switchboard.ts'

export interface LocalListenerInit {
  readonly switchboard: Switchboard
  readonly connect: (end: LocalEnd) => LocalConnection
  readonly upgrade: (connection: LocalConnection, end: LocalEnd, signal: AbortSignal) => Promise<void>
}

export class LocalListener extends TypedEventEmitter<ListenerEvents> implements Listener {
  readonly #init: LocalListenerInit
  readonly #sockets = new Set<Socket>()
  readonly #closing = new AbortController()
  #address: Multiaddr | undefined
  #listening: AsyncDisposable | undefined

  constructor (init: LocalListenerInit) {
    super()
    this.#init = init
    setMaxListeners(Infinity, this.#closing.signal) // one for each upgrade under way
  }

  /** Rejects with what the switchboard rejects with. */
  async listen (address: Multiaddr): Promise<void> {
    if (this.#address !== undefined) throw new AlreadyStartedError('it listens already')
    this.#address = withoutPeerId(address)
    try {
      this.#listening = await this.#init.switchboard.listen(this.#address, this.#accept)
    } catch (error) {
      this.#address = undefined
      throw error
    }
    this.safeDispatchEvent('listening')
  }

  getAddrs (): Multiaddr[] {
    return this.#listening === undefined || this.#address === undefined ? [] : [this.#address]
  }

  /** Nothing of these addresses is only known while it runs. */
  updateAnnounceAddrs (): void {}

  /** Resolves when all its connections have closed. */
  async close (): Promise<void> {
    const listening = this.#listening
    this.#listening = undefined
    this.#closing.abort()
    await listening?.[Symbol.asyncDispose]()
    await Promise.all([...this.#sockets].map(async socket => {
      const closed = once(socket, 'close')
      socket.destroy()
      await closed
    }))
    if (listening !== undefined) this.safeDispatchEvent('close')
  }

  readonly #accept = (end: LocalEnd): void => {
    const { socket } = end
    if (this.#closing.signal.aborted) {
      socket.destroy()
      return
    }
    let connection: LocalConnection
    try {
      connection = this.#init.connect(end)
    } catch {
      return // it went before it was looked at
    }
    this.#sockets.add(socket)
    socket.once('close', () => { this.#sockets.delete(socket) })
    this.#init.upgrade(connection, end, this.#closing.signal).catch((error: unknown) => {
      connection.abort(error instanceof Error ? error : new Error(String(error)))
    })
  }
}
