/**
 * Where a handler may live: the addresses that no policy can grant are refused here, before and on the dial.
 *
 * The daemon dials what a client names, with the daemon's rights. So it must never be talked into reaching its own sockets,
 * sockets without an owner, or other machines, on a client's behalf.
 */
import { realpathSync } from 'node:fs'
import { connect, isIPv6, type Socket } from 'node:net'
import { isAbsolute, sep } from 'node:path'
import { P2pdError } from '../errors.ts'
import { HANDLER_DIAL_TIMEOUT_MS, MAX_SOCKET_PATH_BYTES } from '../limits.ts'
import { safeText } from '../log.ts'
import { parentOf, peerCredentials, type Credentials } from '../os/credentials.ts'
import type { SocketAddress } from '../wire/addresses.ts'

/** What belongs to the daemon and is therefore nobody's handler. */
export interface OwnSockets {
  /** Directories that hold only the daemon's sockets. */
  readonly directories: readonly string[]
  /** Sockets of the daemon that stand elsewhere. */
  readonly paths: readonly string[]
  /** The supervisor. It and its hosts listen on all of the daemon's Unix sockets, and the kernel names the listener. */
  readonly supervisorPid: number
  /** TCP ports the daemon listens on. */
  ports (): readonly number[]
}

/** Ports below need a privilege to listen on: what is there is the machine's, not a program's handler. */
const FIRST_UNPRIVILEGED_PORT = 1024

/** Throws ERR_DENIED when nothing may ever be dialled there. A first word only: the dial looks at what really answered. */
export function checkTarget (target: SocketAddress, own: OwnSockets): void {
  if ('path' in target) checkPath(target.path, own)
  else checkPort(target.host, target.port, own)
}

function checkPath (path: string, own: OwnSockets): void {
  const shown = safeText(path)
  if (path.startsWith('\0') || path.startsWith('@')) throw denied(shown, 'abstract sockets have no owner and no permissions: listen on a path')
  if (!isAbsolute(path)) throw denied(shown, 'the path is not absolute')
  if (path.includes('\0')) throw denied(shown, 'the path holds a NUL byte')
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) throw denied(shown, `the path is longer than the ${MAX_SOCKET_PATH_BYTES} bytes a socket's may have`)
  const real = resolved(path)
  const isOwn = own.directories.some(directory => real.startsWith(resolved(directory) + sep)) || own.paths.some(other => real === resolved(other))
  if (isOwn) throw denied(shown, 'it is one of the daemon\'s own sockets')
}

function checkPort (host: string, port: number, own: OwnSockets): void {
  const shown = isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
  if (!isLoopback(host)) throw denied(shown, 'only loopback TCP addresses can be handlers (127.0.0.0/8, ::1)')
  if (port < FIRST_UNPRIVILEGED_PORT) throw denied(shown, `ports below ${FIRST_UNPRIVILEGED_PORT} are the system's`)
  if (own.ports().includes(port)) throw denied(shown, 'it is one of the daemon\'s own ports')
}

export interface DialInit {
  readonly own: OwnSockets
  /** The user who registered the handler; undefined where nobody can say (TCP control). */
  readonly uid: number | undefined
  readonly signal: AbortSignal
}

/**
 * Connects to a handler that was checked when it was registered; the socket is half-open capable and paused. Rejects with ERR_DENIED if what answered is the
 * daemon itself (whatever links led there), ERR_TIMEOUT after 10 s, ERR_PEER if nobody listens. No byte is sent here.
 */
export async function dialTarget (target: SocketAddress, { own, uid, signal }: DialInit): Promise<Socket> {
  if ('port' in target) checkPort(target.host, target.port, own)
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const socket = connect({ ...target, allowHalfOpen: true, noDelay: true })
  const fail = (error: P2pdError): void => { socket.destroy(); reject(error) }
  const deadline = setTimeout(() => { fail(new P2pdError('ERR_TIMEOUT', `the handler at ${describe(target)} did not accept within ${HANDLER_DIAL_TIMEOUT_MS / 1000} s`)) }, HANDLER_DIAL_TIMEOUT_MS)
  const onAbort = (): void => { fail(new P2pdError('ERR_CLOSED', 'the host is stopping')) }
  const onError = (cause: Error): void => { fail(new P2pdError('ERR_PEER', `the handler at ${describe(target)} cannot be reached: ${cause.message}`, { cause })) }
  signal.addEventListener('abort', onAbort, { once: true })
  socket.once('error', onError)
  socket.once('connect', () => {
    try {
      if ('path' in target) checkListener(peerCredentials(socket), describe(target), own, uid)
      resolve(socket)
    } catch (error) {
      fail(error as P2pdError)
    }
  })
  try {
    return await promise
  } finally {
    clearTimeout(deadline)
    signal.removeEventListener('abort', onAbort)
    socket.off('error', onError)
    socket.on('error', () => {}) // whoever has it now listens to `close`
  }
}

/** Whatever links led there: what answered is neither the daemon nor another user's program. */
function checkListener ({ pid, uid }: Credentials, shown: string, own: OwnSockets, registrant: number | undefined): void {
  if (pid === own.supervisorPid || parentOf(pid) === own.supervisorPid) throw denied(shown, 'it is one of the daemon\'s own sockets')
  if (registrant !== undefined && uid !== registrant) throw denied(shown, `uid ${uid} listens there, and uid ${registrant} registered it`)
}

export function describe (target: SocketAddress): string {
  return 'path' in target ? safeText(target.path) : `${target.host}:${target.port}`
}

function isLoopback (host: string): boolean {
  return host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

/** Through every link, as far as the path exists; a handler's socket may be made after it was registered. */
function resolved (path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

function denied (target: string, rule: string): P2pdError {
  return new P2pdError('ERR_DENIED', `handleStream denied: ${target} cannot be a handler: ${rule}`)
}
