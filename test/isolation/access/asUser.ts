/**
 * Connections and listening sockets of other users, made by this process, which is root.
 *
 * The kernel notes who calls connect(2) and listen(2). Node makes both calls before it returns to its caller, so that nothing
 * else of this process is that user. What users may do with files holds for them as ever.
 */
import { once } from 'node:events'
import { createServer, connect, type Server, type Socket } from 'node:net'
import { within } from '../../helpers/deadlines.ts'
import { RawConnection } from '../../helpers/rawConnection.ts'

/** Rejects with what the system says, `connect EACCES ...` say. */
export async function connectionOf (uid: number, path: string): Promise<RawConnection> {
  const socket = asUser(uid, () => connect({ path, allowHalfOpen: true }))
  await within(`a connection of uid ${uid} to ${path}`, once(socket, 'connect'))
  return new RawConnection(socket)
}

/** A listening socket of that user's; each connection is given to `take`. */
export async function listenerOf (uid: number, path: string, take: (socket: Socket) => void): Promise<Server & AsyncDisposable> {
  const server = createServer({ allowHalfOpen: true }, socket => { take(socket.on('error', () => {})) })
  const listening = once(server, 'listening')
  asUser(uid, () => { server.listen({ path }) })
  await listening
  return server
}

function asUser<T> (uid: number, act: () => T): T {
  process.setegid?.(uid)
  process.seteuid?.(uid)
  try {
    return act()
  } finally {
    process.seteuid?.(0)
    process.setegid?.(0)
  }
}
