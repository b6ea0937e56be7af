/**
 * Whether the other end of a Unix socket has gone altogether, or has only shut down its writing.
 *
 * Both look the same to Node (`end`). poll(2) tells them apart: POLLHUP is set once both directions are shut, which on a
 * Unix socket means that the other end was closed. A TCP socket never says so; there the answer is always false.
 */
import type { Socket } from 'node:net'
import { tryCall } from './libc.ts'

const POLLHUP = 0x10
/** struct pollfd: int fd, short events, short revents. Reused: calls are synchronous and there is one thread. */
const pollfd = Buffer.alloc(8)

/** One system call, about a microsecond. False for a socket already closed here, whose descriptor may be another's by now. */
export function hasHungUp (socket: Socket): boolean {
  const { _handle: handle } = socket as Socket & { _handle?: { fd?: number } | null }
  pollfd.writeInt32LE(handle?.fd ?? -1, 0)
  pollfd.writeInt32LE(0, 4)
  return tryCall('poll', pollfd, 1, 0) > 0 && (pollfd.readInt16LE(6) & POLLHUP) !== 0
}
