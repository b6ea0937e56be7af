/**
 * The ends of a Unix socket, as Node does not show them: the other end has gone, and has not only shut down its writing; and
 * an end of both directions that leaves what is unread to be read.
 *
 * Going and half-closing look the same to Node (`end`). poll(2) tells them apart: POLLHUP is set once both directions are
 * shut, which on a Unix socket means that the other end was closed. TCP has neither; there the answers are false.
 */
import type { Socket } from 'node:net'
import { tryCall } from './libc.ts'

const POLLHUP = 0x10
const SHUT_RDWR = 2
/** struct pollfd: int fd, short events, short revents. Reused: calls are synchronous and there is one thread. */
const pollfd = Buffer.alloc(8)

/** One system call, about a microsecond. False for a socket already closed here, whose descriptor may be another's by now. */
export function hasHungUp (socket: Socket): boolean {
  pollfd.writeInt32LE(openDescriptor(socket), 0)
  pollfd.writeInt32LE(0, 4)
  return tryCall('poll', pollfd, 1, 0) > 0 && (pollfd.readInt16LE(6) & POLLHUP) !== 0
}

/**
 * Ends both directions of a Unix socket without closing it: the other end reads what was sent and then the end of file, its
 * writes fail at once, and what it has written already can still be read here until its end. False, and nothing done, for
 * TCP: there, input that is not read turns into a reset.
 */
export function shutDown (socket: Socket): boolean {
  return socket.remoteAddress === undefined && tryCall('shutdown', openDescriptor(socket), SHUT_RDWR) === 0
}

/** -1, which the kernel takes for no descriptor, when the socket is closed here. */
function openDescriptor (socket: Socket): number {
  const { _handle: handle } = socket as Socket & { _handle?: { fd?: number } | null }
  return handle?.fd ?? -1
}
