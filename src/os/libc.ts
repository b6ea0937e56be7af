/**
 * The few system calls Node lacks, by name.
 *
 * Owns the binding (koffi) and turns a failing call into an ERR_SYSTEM that names it. Nothing else in the project loads
 * koffi; what a call is for stands in the files beside this one.
 */
import koffi from 'koffi'
import { P2pdError } from '../errors.ts'

const libc = koffi.load(null)

const bindings = {
  socket: libc.func('int socket(int domain, int type, int protocol)'),
  socketpair: libc.func('int socketpair(int domain, int type, int protocol, _Out_ int *fds)'),
  sendmsg: libc.func('long sendmsg(int fd, const uint8_t *message, int flags)'),
  recvmsg: libc.func('long recvmsg(int fd, uint8_t *message, int flags)'),
  connect: libc.func('int connect(int fd, const uint8_t *address, uint32_t length)'),
  bind: libc.func('int bind(int fd, const uint8_t *address, uint32_t length)'),
  listen: libc.func('int listen(int fd, int backlog)'),
  getsockopt: libc.func('int getsockopt(int fd, int level, int name, _Out_ uint8_t *value, _Inout_ uint32_t *length)'),
  setsockopt: libc.func('int setsockopt(int fd, int level, int name, const uint8_t *value, uint32_t length)'),
  getsockname: libc.func('int getsockname(int fd, _Out_ uint8_t *address, _Inout_ uint32_t *length)'),
  poll: libc.func('int poll(uint8_t *fds, ulong count, int timeoutMs)'),
  sendto: libc.func('long sendto(int fd, const uint8_t *bytes, size_t length, int flags, const uint8_t *address, uint32_t addressLength)'),
  recv: libc.func('long recv(int fd, _Out_ uint8_t *bytes, size_t length, int flags)'),
  shutdown: libc.func('int shutdown(int fd, int how)'),
  fcntl: libc.func('int fcntl(int fd, int command, long argument)'),
  inet_pton: libc.func('int inet_pton(int family, const char *text, _Out_ uint8_t *address)'),
  getxattr: libc.func('long getxattr(const char *path, const char *name, _Out_ uint8_t *value, size_t size)'),
  flock: libc.func('int flock(int fd, int operation)'),
  prctl: libc.func('int prctl(int option, ulong a, ulong b, ulong c, ulong d)'),
  prlimit: libc.func('int prlimit(int pid, int resource, const uint8_t *limit, _Out_ uint8_t *old)'),
  setfsuid: libc.func('int setfsuid(uint32_t uid)'),
  setfsgid: libc.func('int setfsgid(uint32_t gid)')
}

export type Call = keyof typeof bindings

/** Makes the call; a negative result is an ERR_SYSTEM whose message names the call, what it was for and errno. */
export function call (name: Call, purpose: string, ...args: unknown[]): number {
  const result: unknown = bindings[name](...args)
  if (typeof result !== 'number' || result < 0) throw systemError(name, purpose)
  return result
}

/** The same, for callers that expect a failure and read it from the result. */
export function tryCall (name: Call, ...args: unknown[]): number {
  return Number(bindings[name](...args))
}

/** Where the bytes are: for a structure that points to them. Valid for as long as the caller keeps the buffer. */
export function addressOf (bytes: Buffer): bigint {
  return koffi.address(bytes)
}

/** The symbolic errno of the last call on this thread: `EAGAIN`. */
export function lastError (): string {
  const errno = koffi.errno()
  return Object.entries(koffi.os.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`
}

/** Of the call that has just failed. */
export function systemError (name: Call, purpose: string): P2pdError {
  return new P2pdError('ERR_SYSTEM', `${name}() failed to ${purpose}: ${lastError()}`)
}
