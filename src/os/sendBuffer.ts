/** The kernel's buffer of a Unix socket, setsockopt(2). */
import type { Socket } from 'node:net'
import { fileDescriptor } from './credentials.ts'
import { call } from './libc.ts'

const SOL_SOCKET = 1
const SO_SNDBUF = 7

/**
 * What the kernel is asked to hold for a reader that is not reading, bytes. It gives what net.core.wmem_max allows and doubles
 * it, so twice its default of 208 KiB at least. With that a writer fills it while the reader empties it, where with less they
 * take turns: a tenth less CPU and a tenth more bytes a second.
 */
const SEND_BUFFER_BYTES = 512 * 1024

/** Throws ERR_CLOSED when the socket has closed. */
export function widenSendBuffer (socket: Socket): void {
  const wanted = Buffer.alloc(4)
  wanted.writeInt32LE(SEND_BUFFER_BYTES)
  call('setsockopt', 'widen the buffer of a local connection', fileDescriptor(socket), SOL_SOCKET, SO_SNDBUF, wanted, wanted.length)
}
