/**
 * Whether a client has ended its writing, or gone, by the kernel's word of this moment: Node tells it (`end`) only when it
 * comes to read, and in between it may come to much else.
 */
import type { Socket } from 'node:net'
import { fileDescriptor } from '../os/credentials.ts'
import { tryCall } from '../os/libc.ts'

const POLLHUP = 0x10
const POLLRDHUP = 0x2000
/** struct pollfd: int fd, short events, short revents. Reused: calls are synchronous and there is one thread. */
const pollfd = Buffer.alloc(8)

/** One system call, about a microsecond. Over TCP, too. True for a socket that is closed here. */
export function hasEnded (socket: Socket): boolean {
  if (socket.destroyed || socket.readableEnded) return true
  pollfd.writeInt32LE(fileDescriptor(socket), 0)
  pollfd.writeInt32LE(POLLRDHUP, 4)
  return tryCall('poll', pollfd, 1, 0) > 0 && (pollfd.readInt16LE(6) & (POLLHUP | POLLRDHUP)) !== 0
}
