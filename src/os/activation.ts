/**
 * Listening sockets that the service manager made and handed over: sd_listen_fds(3), without libsystemd.
 *
 * Owns that only what was meant for this process is taken, that it is what it should be, and that no child of this process
 * gets it by accident or takes it for its own.
 */
import { P2pdError } from '../errors.ts'
import { tryCall } from './libc.ts'
import { closeOnExec } from './process.ts'

/** Handed-over descriptors begin here: SD_LISTEN_FDS_START. */
const FIRST_FD = 3
/** More than any unit of ours has; a number beyond it is a mistake. */
const MAX_LISTENERS = 64

const F_GETFD = 1
const SOL_SOCKET = 1
const SO_TYPE = 3
const SO_ACCEPTCONN = 30
const SO_DOMAIN = 39
const SOCK_STREAM = 1
const AF_UNIX = 1

const VARIABLES = ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES'] as const

/**
 * The descriptors by their names (FileDescriptorName= in the unit), which the caller owns from here on. Empty where none were
 * handed to this process. Removes the variables from `env`. ERR_CONFIG names what is no listening Unix stream socket.
 */
export function inheritedListeners (env: NodeJS.ProcessEnv, pid: number): Map<string, number> {
  const [forPid, count = '', names] = VARIABLES.map(name => env[name])
  for (const name of VARIABLES) delete env[name]
  const listeners = new Map<string, number>()
  // Left over from a parent they were meant for.
  if (forPid !== String(pid)) return listeners
  if (!/^\d{1,4}$/.test(count) || Number(count) > MAX_LISTENERS) throw new P2pdError('ERR_CONFIG', `LISTEN_FDS is ${JSON.stringify(count)}: must be a number up to ${MAX_LISTENERS}`)
  const given = names === undefined ? [] : names.split(':')
  for (let i = 0; i < Number(count); i++) {
    const fd = FIRST_FD + i
    // What sd_listen_fds_with_names() calls those that have no name.
    const name = given[i] ?? 'unknown'
    assertListens(fd, name)
    closeOnExec(fd)
    if (listeners.has(name)) throw new P2pdError('ERR_CONFIG', `two sockets were handed over as ${JSON.stringify(name)}: name them apart with FileDescriptorName= in their units`)
    listeners.set(name, fd)
  }
  return listeners
}

function assertListens (fd: number, name: string): void {
  const what = `the socket ${JSON.stringify(name)} that was handed over as descriptor ${fd}`
  const wrong = (fault: string): P2pdError => new P2pdError('ERR_CONFIG', `${what} ${fault}: wanted a Unix socket, ListenStream=/path with Accept=no in its unit`)
  if (tryCall('fcntl', fd, F_GETFD, 0) < 0) throw wrong('is not open')
  if (option(fd, SO_DOMAIN) !== AF_UNIX) throw wrong('is no Unix socket')
  if (option(fd, SO_TYPE) !== SOCK_STREAM) throw wrong('is no stream socket')
  if (option(fd, SO_ACCEPTCONN) !== 1) throw wrong('does not listen')
}

/** Of a socket; undefined for what is none. */
function option (fd: number, name: number): number | undefined {
  const value = Buffer.alloc(4)
  return tryCall('getsockopt', fd, SOL_SOCKET, name, value, [value.length]) < 0 ? undefined : value.readInt32LE(0)
}
