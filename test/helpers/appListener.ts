/** A program's listening socket, as a handler of inbound streams has one: who connects is kept until it is asked for. */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { until } from './deadlines.ts'
import { RawConnection } from './rawConnection.ts'
import { socketBytes, type SocketAddress } from './addresses.ts'

export class AppListener implements AsyncDisposable {
  readonly address: SocketAddress
  /** Connections so far. */
  accepted = 0
  readonly #server: Server
  readonly #waiting: RawConnection[] = []
  readonly #all = new Set<RawConnection>()

  private constructor (server: Server, address: SocketAddress) {
    this.#server = server
    this.address = address
    server.on('connection', socket => {
      this.accepted++
      const connection = new RawConnection(socket)
      this.#waiting.push(connection)
      this.#all.add(connection)
    })
  }

  /** Port 0 takes a free one. */
  static async open (address: SocketAddress): Promise<AppListener> {
    const server = createServer({ allowHalfOpen: true, noDelay: true })
    await once(server.listen(address), 'listening')
    const bound = server.address()
    return new AppListener(server, typeof bound === 'string' || bound === null ? address : hostAndPort(bound))
  }

  /** Connections that next() would give. */
  get waiting (): number { return this.#waiting.length }

  /** Its multiaddr. */
  get bytes (): Buffer { return socketBytes(this.address) }

  /** The next connection that came, in their order. */
  async next (deadlineMs?: number): Promise<RawConnection> {
    return await until('a connection to the handler', () => this.#waiting.shift(), deadlineMs)
  }

  /** Listens no more; the socket's file is gone. What came goes on. */
  async stopListening (): Promise<void> {
    if (!this.#server.listening) return
    this.#server.close()
    await until('the end of listening', () => !this.#server.listening)
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    for (const connection of this.#all) connection.destroy()
    await this.stopListening()
  }
}

function hostAndPort ({ address, port }: AddressInfo): SocketAddress {
  return { host: address, port }
}
