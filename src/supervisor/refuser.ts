/**
 * Answers the connects of a tenant that cannot be served, each with the reason: a client that waited for a host that will
 * not come would hang, for none has a timeout of its own.
 */
import { createServer } from 'node:net'
import { refuse } from '../control/refusal.ts'
import { BACKLOG, duplicate } from '../os/listening.ts'
import { descriptorLimit } from '../os/process.ts'

/**
 * Connections that may be read their refusal at once; further ones are closed without. At most so many, and where there are few
 * descriptors a sixteenth of them.
 */
const MAX_REFUSED = 256
const SHARE_OF_DESCRIPTORS = 16

/** Accepts on the listening descriptor until disposed; the descriptor stays the caller's. */
export function refuseConnects (fd: number, reason: string): Disposable {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, socket => { void refuse(socket, reason) })
  server.maxConnections = Math.min(MAX_REFUSED, Math.ceil(descriptorLimit() / SHARE_OF_DESCRIPTORS))
  server.on('error', () => { /* out of descriptors: the next connect tries again */ })
  server.listen({ fd: duplicate(fd), backlog: BACKLOG })
  return { [Symbol.dispose]: () => { server.close() } }
}
