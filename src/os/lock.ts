/**
 * A lock file: at most one process holds it, and the kernel lets go when that process ends, however it ends.
 *
 * The file stays; only the lock on it says anything. It holds the owner's pid, for people.
 */
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { P2pdError, messageOf } from '../errors.ts'
import { lastError, tryCall } from './libc.ts'

const LOCK_EX = 2
const LOCK_NB = 4

/** Takes the lock or throws ERR_OCCUPIED naming the holder. The descriptor is not inherited by children. */
export function takeLock (path: string, what: string): Disposable {
  const fd = openOwn(path)
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

/** What another user has put there, or what is no plain file, is refused and not touched: ERR_OCCUPIED. */
function openOwn (path: string): number {
  let fd: number | undefined
  try {
    fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600)
    const { uid } = fstatSync(fd)
    if (!fstatSync(fd).isFile()) throw new Error('it is no plain file')
    if (uid !== process.geteuid?.()) throw new Error(`it belongs to uid ${uid}`)
    return fd
  } catch (cause) {
    if (fd !== undefined) closeSync(fd)
    throw new P2pdError('ERR_OCCUPIED', `${path} cannot be locked (${messageOf(cause)}): remove it, or name another directory`, { cause })
  }
}
