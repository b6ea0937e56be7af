/**
 * Answers the connects of a tenant that cannot be served, each with the reason: a client that waited for a host that will
 * not come would hang, for none has a timeout of its own.
 */
import { createServer } from 'node:net'
import { refuse } from '../control/refusal.ts'
import { BACKLOG, duplicate } from '../os/listening.ts'

/** Connections that may be read their refusal at once; further ones are closed without. */
const MAX_REFUSED = 64

/** Accepts on the listening descriptor until disposed; the descriptor stays the caller's. */
export function refuseConnects (fd: number, reason: string): Disposable {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, socket => { void refuse(socket, reason) })
  server.maxConnections = MAX_REFUSED
  server.on('error', () => { /* out of descriptors: the next connect tries again */ })
  server.listen({ fd: duplicate(fd), backlog: BACKLOG })
  return { [Symbol.dispose]: () => { server.close() } }
}
