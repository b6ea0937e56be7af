/** Whoever connects is counted, by the address they meant: in a network where every address is this machine's. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

export class Canary implements AsyncDisposable {
  /** Local addresses of the connections that came, IPv4 ones as such. */
  readonly reached: string[] = []
  readonly #server: Server

  private constructor (server: Server) {
    this.#server = server
    server.on('connection', socket => {
      this.reached.push((socket.localAddress ?? '').replace(/^::ffff:(?=\d+\.)/, ''))
      socket.on('error', () => {}).destroy()
    })
  }

  /** Listens on the port of every address there is. */
  static async open (port: number): Promise<Canary> {
    const server = createServer()
    await once(server.listen(port, '::'), 'listening')
    return new Canary(server)
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    await closed
  }
}
