/**
 * Listening sockets as plain descriptors.
 *
 * Node can only listen and accept at once. A tenant's socket has to be listening while nobody accepts, so that connects
 * wait for a host that is not there yet, and has to be handed to that host as an inherited descriptor.
 */
import { once } from 'node:events'
import { chmodSync, chownSync, closeSync, lstatSync, mkdtempSync, renameSync, rmSync, unlinkSync } from 'node:fs'
import { Socket, connect, isIPv6 } from 'node:net'
import { dirname, join } from 'node:path'
import { P2pdError } from '../errors.ts'
import { MAX_SOCKET_PATH_BYTES } from '../limits.ts'
import { call, lastError, tryCall } from './libc.ts'

const AF_UNIX = 1
const AF_INET = 2
const AF_INET6 = 10
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000
const SOL_SOCKET = 1
const SO_REUSEADDR = 2
const F_DUPFD_CLOEXEC = 1030
/** Connects that may wait for a host. The kernel caps it at net.core.somaxconn (4096). */
export const BACKLOG = 4096


/**
 * A Unix socket at `path`, listening. It is made in a directory only we may enter, gets its mode and owner there, and is
 * renamed into place: nobody can reach it before it is right, and nothing planted at `path` is followed.
 */
export function listenUnix (path: string, { mode, uid }: { mode: number, uid?: number }): number {
  assertFits(path)
  const staging = mkdtempSync(`${dirname(path)}/.`) // not join(), for which `x/.` is `x`: then it would be beside the directory
  try {
    const staged = join(staging, 's')
    const fd = call('socket', 'make a Unix socket', AF_UNIX, SOCK_STREAM_CLOEXEC, 0)
    try {
      const address = unixAddress(staged)
      call('bind', `make ${path}`, fd, address, address.length)
      chmodSync(staged, mode)
      if (uid !== undefined) chownSync(staged, uid, -1)
      call('listen', `listen on ${path}`, fd, BACKLOG)
      renameSync(staged, path)
      return fd
    } catch (error) {
      closeSync(fd)
      throw error
    }
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
}

/**
 * Makes room for a socket at `path`: a socket nobody listens on is what a killed daemon left, and goes. Anything else is not
 * ours to remove: ERR_OCCUPIED.
 */
export async function clearStaleSocket (path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return
  if (!found.isSocket()) throw new P2pdError('ERR_OCCUPIED', `${path} exists and is no socket: remove it, or name another path`)
  const probe = connect(path)
  try {
    await once(probe, 'connect')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') return unlinkSync(path)
    throw new P2pdError('ERR_OCCUPIED', `${path} exists and cannot be looked at`, { cause: error })
  } finally {
    probe.destroy()
  }
  throw new P2pdError('ERR_OCCUPIED', `${path} is in use: another program listens on it`)
}

/** A TCP socket on `host`:`port`, listening; port 0 takes a free one, which the result names. */
export function listenTcp (host: string, port: number): { fd: number, port: number } {
  const fd = call('socket', 'make a TCP socket', isIPv6(host) ? AF_INET6 : AF_INET, SOCK_STREAM_CLOEXEC, 0)
  try {
    call('setsockopt', 'reuse the address', fd, SOL_SOCKET, SO_REUSEADDR, Buffer.from([1, 0, 0, 0]), 4)
    const address = internetAddress(host, port)
    if (tryCall('bind', fd, address, address.length) < 0) throw new P2pdError('ERR_OCCUPIED', `cannot listen on ${host}:${port}: ${lastError()}`)
    call('listen', `listen on ${host}:${port}`, fd, BACKLOG)
    const bound = Buffer.alloc(28)
    call('getsockname', 'read the port', fd, bound, [bound.length])
    return { fd, port: bound.readUInt16BE(2) }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

/** Another descriptor of the same socket, closed on its own. */
export function duplicate (fd: number): number {
  return call('fcntl', 'duplicate a descriptor', fd, F_DUPFD_CLOEXEC, 3)
}

/**
 * Calls back once, when a connect waits on the listening socket `fd` and nobody has accepted it.
 *
 * libuv can watch a descriptor only by reading from it. On a listening socket a read fails at once with EINVAL, and libuv
 * reads when the kernel says that there is something: a waiting connect. So the error is the event, and no connection is
 * touched. Costs no thread and no timer. Works on a duplicate; `fd` itself stays the caller's.
 */
export function onConnectWaiting (fd: number, callback: () => void): Disposable {
  const watcher = new Socket({ fd: duplicate(fd), readable: true, writable: false })
  let live = true
  watcher.once('error', () => {
    if (!live) return
    live = false
    callback()
  })
  watcher.resume()
  return { [Symbol.dispose]: () => { live = false; watcher.destroy() } }
}

/** struct sockaddr_un, unix(7). */
export function unixAddress (path: string): Buffer {
  assertFits(path)
  const bytes = Buffer.from(path)
  const address = Buffer.alloc(2 + bytes.length + 1)
  address.writeUInt16LE(AF_UNIX, 0)
  bytes.copy(address, 2)
  return address
}

/** The staging path is no longer than that of a socket called p2pd.sock, but both are cut off in silence when they do not fit. */
function assertFits (path: string): void {
  const bytes = Buffer.byteLength(path)
  if (bytes > MAX_SOCKET_PATH_BYTES) throw new P2pdError('ERR_CONFIG', `${path}: ${bytes} bytes; a socket's path may have ${MAX_SOCKET_PATH_BYTES}: choose a shorter one`)
}

/** struct sockaddr_in or sockaddr_in6, in(7). */
function internetAddress (host: string, port: number): Buffer {
  if (isIPv6(host)) {
    const address = Buffer.alloc(28)
    address.writeUInt16LE(AF_INET6, 0)
    address.writeUInt16BE(port, 2)
    if (host !== '::1' && host !== '::') throw new P2pdError('ERR_CONFIG', `${host}: only ::1 is supported for IPv6 control sockets`)
    address[23] = host === '::1' ? 1 : 0
    return address
  }
  const address = Buffer.alloc(16)
  address.writeUInt16LE(AF_INET, 0)
  address.writeUInt16BE(port, 2)
  host.split('.').forEach((octet, i) => { address[4 + i] = Number(octet) })
  return address
}
