/**
 * Who is at the other end of a Unix socket, by the kernel's word (SO_PEERCRED, unix(7)).
 *
 * On an accepted socket it names the process that connected; on a connected one, the process that called listen(). The
 * kernel noted both when the connection was made, so nothing the other end does later changes them.
 */
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { P2pdError } from '../errors.ts'
import { call } from './libc.ts'

export interface Credentials {
  readonly pid: number
  readonly uid: number
  readonly gid: number
}

/** The kernel shows ids that this user namespace does not map as this one: it names nobody, so it is never let in. */
export const UNMAPPED_ID = 65534

const SOL_SOCKET = 1
const SO_PEERCRED = 17
/** struct ucred: pid_t, uid_t, gid_t. */
const UCRED_BYTES = 12

/** The other end's credentials. Costs one system call, 2 to 3 microseconds. */
export function peerCredentials (socket: Socket): Credentials {
  return credentialsOf(fileDescriptor(socket))
}

export function credentialsOf (fd: number): Credentials {
  const ucred = Buffer.alloc(UCRED_BYTES)
  const length = [UCRED_BYTES]
  call('getsockopt', 'read the credentials of a socket\'s other end', fd, SOL_SOCKET, SO_PEERCRED, ucred, length)
  if (length[0] !== UCRED_BYTES) throw new P2pdError('ERR_SYSTEM', 'getsockopt(SO_PEERCRED) returned no credentials: not a connected Unix socket')
  return { pid: ucred.readInt32LE(0), uid: ucred.readUInt32LE(4), gid: ucred.readUInt32LE(8) }
}

/** The process that started this one, by /proc; undefined when it has gone. */
export function parentOf (pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name in parentheses may hold anything, a parenthesis too: what follows the last one is state and parent, proc(5).
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return undefined
  }
}

/** The descriptor under a Node socket; Node keeps it in an internal field, which the self-test at start relies on. */
export function fileDescriptor (socket: Socket): number {
  const { _handle: handle } = socket as Socket & { _handle?: { fd?: number } | null }
  const fd = handle?.fd
  if (fd === undefined || fd < 0) throw new P2pdError('ERR_CLOSED', 'the connection ended before it could be looked at')
  return fd
}
