/**
 * Where a handler may live: the addresses that no policy can grant are refused here, before and on the dial.
 *
 * The daemon dials what a client names, with the daemon's rights. So it must never be talked into reaching its own sockets,
 * sockets without an owner, other users' programs or other machines, on a client's behalf. Of a Unix socket the kernel says
 * who listens, on the connected descriptor. Of a TCP port it says who listens at a moment: it is asked before the connect, so
 * that another's program hears nothing of it, and again after it, before the first byte, then also for who has accepted. The
 * honest limit: what an administrator's packet filter sends elsewhere is not seen, and where the kernel has no sock_diag(7) a
 * port that changes hands twice between the two looks is not, either.
 */
import { realpathSync } from 'node:fs'
import { connect, isIPv6, type Socket } from 'node:net'
import { isAbsolute, sep } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { P2pdError, messageOf } from '../errors.ts'
import { HANDLER_DIAL_TIMEOUT_MS, MAX_SOCKET_PATH_BYTES } from '../limits.ts'
import { safeText } from '../log.ts'
import { parentOf, peerCredentials, type Credentials } from '../os/credentials.ts'
import { acceptorOf, listenersAt } from '../os/tcpOwners.ts'
import type { SocketAddress } from '../wire/addresses.ts'
import type { Turns } from './turns.ts'

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
  /**
   * Connects with the rights of the tenant's app, where the host has others: a handler's socket is its user's alone as a rule.
   * Rejects with a `code` of EAGAIN when it is to be tried again.
   */
  readonly dialAsApp?: (path: string, tenant: string, signal: AbortSignal) => Promise<Socket>
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
  /** Whose handler it is. */
  readonly tenant: string
  /** The user who registered the handler; undefined where nobody can say (TCP control). */
  readonly uid: number | undefined
  /** At handlers that have too many connects waiting; one for all dials of a host. */
  readonly turns: Turns
  readonly signal: AbortSignal
}

/** How soon a handler that has too many connects waiting is tried again, and how late at most where it goes on having them. */
const BUSY_RETRY_MS = 25
const MAX_BUSY_RETRY_MS = 1_000

/**
 * Connects to a handler that was checked when it was registered; the socket is half-open capable and nobody has read from it.
 * Rejects with ERR_DENIED if what answered is the daemon itself or another user's program (whatever links led there),
 * ERR_TIMEOUT after 10 s, ERR_PEER if nobody listens. No byte is sent here.
 */
export async function dialTarget (target: SocketAddress, { own, tenant, uid, turns, signal }: DialInit): Promise<Socket> {
  const ended = new AbortController()
  const deadline = setTimeout(() => { ended.abort(new P2pdError('ERR_TIMEOUT', `the handler at ${describe(target)} did not accept within ${HANDLER_DIAL_TIMEOUT_MS / 1000} s`)) }, HANDLER_DIAL_TIMEOUT_MS)
  const onAbort = (): void => { ended.abort(new P2pdError('ERR_CLOSED', 'the stream has gone, or the host is stopping')) }
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  let socket: Socket | undefined
  try {
    if ('port' in target) checkPortFor(target.host, target.port, own, uid)
    socket = 'port' in target ? await connected(target, ended.signal) : await reach(target.path, tenant, { own, turns, signal: ended.signal })
    if ('port' in target) checkAcceptor(socket, target.host, target.port, own, uid)
    else checkListener(peerCredentials(socket), target.path, { ...own, registrant: uid })
    return socket
  } catch (cause) {
    socket?.destroy()
    if (ended.signal.aborted) throw ended.signal.reason
    if (cause instanceof P2pdError) throw cause
    throw new P2pdError('ERR_PEER', `the handler at ${describe(target)} cannot be reached: ${safeText(messageOf(cause))}`, { cause })
  } finally {
    clearTimeout(deadline)
    signal.removeEventListener('abort', onAbort)
  }
}

/**
 * By itself if it may, otherwise by the supervisor. Where too many wait there already one dial at a time asks again and again:
 * a handler that hangs costs no more for all who want it than for one.
 */
async function reach (path: string, tenant: string, { own, turns, signal }: Pick<DialInit, 'own' | 'turns' | 'signal'>): Promise<Socket> {
  const dial = async (): Promise<Socket> => await connected({ path }, signal).catch(async (error: unknown) => {
    if (own.dialAsApp === undefined || !hasCode(error, 'EACCES', 'EPERM')) throw error
    return await own.dialAsApp(path, tenant, signal)
  })
  const busy = JSON.stringify([tenant, path])
  if (!turns.has(busy)) {
    try {
      return await dial()
    } catch (error) {
      if (!hasCode(error, 'EAGAIN')) throw error
    }
  }
  return await turns.take(busy, signal, async () => {
    for (let waitMs = BUSY_RETRY_MS; ; waitMs = Math.min(2 * waitMs, MAX_BUSY_RETRY_MS)) {
      try {
        return await dial()
      } catch (error) {
        if (!hasCode(error, 'EAGAIN')) throw error
        await delay(waitMs, undefined, { signal })
      }
    }
  })
}

/** Rejects with what the system said, or when the signal says so. */
async function connected (target: { path: string } | { host: string, port: number }, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const socket = connect({ ...target, allowHalfOpen: true, noDelay: true })
  const onAbort = (): void => { reject(signal.reason) }
  signal.addEventListener('abort', onAbort, { once: true })
  socket.once('connect', () => { resolve(socket) }).once('error', reject)
  try {
    return await promise
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
    socket.off('error', reject).on('error', () => {}) // whoever has it now listens to `close`
  }
}

/** The port may be dialled, and the user who registered it listens there. */
function checkPortFor (host: string, port: number, own: OwnSockets, registrant: number | undefined): void {
  checkPort(host, port, own)
  if (registrant === undefined) return
  const uids = listenersAt(host, port)
  if (uids.length === 0) throw new P2pdError('ERR_PEER', `the handler at ${host}:${port} cannot be reached: nobody listens there`)
  const other = uids.find(uid => uid !== registrant)
  if (other !== undefined) throw denied(`${host}:${port}`, `uid ${other} listens there, and uid ${registrant} registered it`)
}

/** Who has accepted it is a program of the registrant's, which may listen no more; before that, who listens there is. */
function checkAcceptor (socket: Socket, host: string, port: number, own: OwnSockets, registrant: number | undefined): void {
  const uid = registrant === undefined ? undefined : acceptorOf(socket)
  if (uid === undefined) return checkPortFor(host, port, own, registrant)
  if (uid !== registrant) throw denied(`${host}:${port}`, `uid ${uid} answered there, and uid ${registrant} registered it`)
}

/** Whatever links led there: throws ERR_DENIED where what answered is the daemon, or not a program of the registrant's. */
export function checkListener ({ pid, uid }: Credentials, path: string, { supervisorPid, registrant }: { supervisorPid: number, registrant: number | undefined }): void {
  const shown = safeText(path)
  if (pid === supervisorPid || parentOf(pid) === supervisorPid) throw denied(shown, 'it is one of the daemon\'s own sockets')
  if (registrant !== undefined && uid !== registrant) throw denied(shown, `uid ${uid} listens there, and uid ${registrant} registered it`)
}

function hasCode (error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}

/** Whether it says that nobody who may be there is: this process's own want, of descriptors say, says nothing of a handler. */
export function isAbsent (error: unknown): boolean {
  if (!(error instanceof P2pdError)) return false
  if (error.code === 'ERR_DENIED' || error.code === 'ERR_TIMEOUT') return true // the latter: one that does not accept
  return error.code === 'ERR_PEER' && !hasCode(error.cause, 'EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EAGAIN')
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
  return new P2pdError('ERR_DENIED', `${target} cannot be a handler: ${rule}`)
}
