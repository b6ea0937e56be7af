/**
 * Connecting to a Unix socket with the rights of another user: what that user could not reach is not reached, and what only
 * that user can reach is.
 *
 * Linux checks the path by a uid that each thread has for file systems alone (setfsuid(2)): it is the other user's for one
 * call that does not wait, and root's again before anything else runs. The listener sees root at the other end.
 */
import { closeSync } from 'node:fs'
import { P2pdError } from '../errors.ts'
import { call, lastError, tryCall } from './libc.ts'
import { unixAddress } from './listening.ts'
import { forbidCoreAndTracing } from './process.ts'

export interface Rights { readonly uid: number, readonly gid: number }

const AF_UNIX = 1
const SOCK_STREAM_CLOEXEC_NONBLOCK = 1 | 0o2000000 | 0o4000
/** No such user: asking for it changes nothing, and says who it is now. */
const NOBODY_ASKED = 0xffffffff

/**
 * A connected descriptor, the caller's to close; or the symbolic errno: `EAGAIN` when too many wait there already. Takes no
 * longer than looking the path up does. Only for root.
 */
export function connectAs ({ uid, gid }: Rights, path: string): { fd: number } | { code: string } {
  const address = unixAddress(path)
  const fd = call('socket', 'make a Unix socket', AF_UNIX, SOCK_STREAM_CLOEXEC_NONBLOCK, 0)
  const own = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
  let code: string | undefined
  try {
    become({ uid, gid })
    if (tryCall('connect', fd, address, address.length) < 0) code = lastError()
  } catch (error) {
    closeSync(fd)
    throw error
  } finally {
    comeBack(own)
  }
  if (code === undefined) return { fd }
  closeSync(fd)
  return { code }
}

function become ({ uid, gid }: Rights): void {
  tryCall('setfsgid', gid)
  tryCall('setfsuid', uid)
  const now = currentRights()
  if (now.uid !== uid || now.gid !== gid) throw new P2pdError('ERR_SYSTEM', `the kernel did not give this process the rights of uid ${uid}: it needs CAP_SETUID and CAP_SETGID`)
}

/** Never fails for root; with another's rights nothing may go on. */
function comeBack (own: Rights): void {
  tryCall('setfsuid', own.uid)
  tryCall('setfsgid', own.gid)
  const now = currentRights()
  if (now.uid !== own.uid || now.gid !== own.gid) process.abort()
  forbidCoreAndTracing() // the kernel takes that back with every change of rights
}

function currentRights (): Rights {
  return { uid: tryCall('setfsuid', NOBODY_ASKED), gid: tryCall('setfsgid', NOBODY_ASKED) }
}
