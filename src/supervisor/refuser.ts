/**
 * Answers the connects of a tenant that cannot be served, each with the reason: a client that waited for a host that will
 * not come would hang, for none has a timeout of its own.
 */
import { createServer } from 'node:net'
import { refuse } from '../control/refusal.ts'
import { duplicate } from '../os/listening.ts'

/** Accepts on the listening descriptor until disposed; the descriptor stays the caller's. */
export function refuseConnects (fd: number, reason: string): Disposable {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, socket => { void refuse(socket, reason) })
  server.on('error', () => { /* out of descriptors: the next connect tries again */ })
  server.listen({ fd: duplicate(fd) })
  return { [Symbol.dispose]: () => { server.close() } }
}
