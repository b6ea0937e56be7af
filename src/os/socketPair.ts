/** Two connected stream sockets (socketpair(2)): what is written to one is read from the other. Nobody else can reach either. */
import { closeSync } from 'node:fs'
import { Socket } from 'node:net'
import { call } from './libc.ts'

const AF_UNIX = 1
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000

/** As descriptors, the caller's to close. */
export function socketPairFds (): [one: number, other: number] {
  const fds = [-1, -1]
  call('socketpair', 'connect two sockets', AF_UNIX, SOCK_STREAM_CLOEXEC, 0, fds)
  const [one = -1, other = -1] = fds
  return [one, other]
}

/** Half-open capable and not read from yet; errors show as `close`. */
export function socketPair (): [one: Socket, other: Socket] {
  const fds = socketPairFds()
  const sockets: Socket[] = []
  try {
    for (const fd of fds) sockets.push(new Socket({ fd, allowHalfOpen: true }).on('error', () => { /* `close` follows */ }))
    const [one, other] = sockets as [Socket, Socket]
    return [one, other]
  } catch (error) {
    for (const socket of sockets) socket.destroy()
    for (const fd of fds.slice(sockets.length)) closeSync(fd)
    throw error
  }
}
