/**
 * A lock file: at most one process holds it, and the kernel lets go when that process ends, however it ends.
 *
 * The file stays; only the lock on it says anything. It holds the owner's pid, for people.
 */
import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { P2pdError } from '../errors.ts'
import { lastError, tryCall } from './libc.ts'

const LOCK_EX = 2
const LOCK_NB = 4

/** Takes the lock or throws ERR_OCCUPIED naming the holder. The descriptor is not inherited by children. */
export function takeLock (path: string, what: string): Disposable {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW, 0o600)
  if (tryCall('flock', fd, LOCK_EX | LOCK_NB) < 0) {
    const reason = lastError()
    const holder = readFileSync(path, 'utf8').trim()
    closeSync(fd)
    throw reason === 'EAGAIN' || reason === 'EWOULDBLOCK'
      ? new P2pdError('ERR_OCCUPIED', `${what} is in use by another p2pd${holder === '' ? '' : ` (pid ${holder})`}: stop it, or name another directory`)
      : new P2pdError('ERR_SYSTEM', `${path}: cannot be locked: ${reason}`)
  }
  ftruncateSync(fd, 0)
  writeSync(fd, `${process.pid}\n`)
  return { [Symbol.dispose]: () => { closeSync(fd) } }
}
