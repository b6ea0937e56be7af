/**
 * Tries to get into other processes by ptrace(2) and pidfd_getfd(2), as a user: `trace.ts UID GID PID...` prints a JSON line
 * for each pid, with what each call came to: `ok`, or the name of its error. What it seized it lets go by ending.
 */
import koffi from 'koffi'
import { become } from './become.ts'

/** Of ptrace(2): attaches, and does not stop the process. */
const PTRACE_SEIZE = 0x4206
/** Of syscall(2), on every architecture since 2019 alike. */
const PIDFD_OPEN = 434
const PIDFD_GETFD = 438
/** The listening control socket, in a host. */
const SOME_FD = 4

const libc = koffi.load(null)
const ptrace = libc.func('long ptrace(long request, int pid, long address, long data)')
const syscall = libc.func('long syscall(long number, long a, long b, long c)')

const [uid = '', gid = '', ...pids] = process.argv.slice(2)
become(Number(uid), Number(gid))

for (const pid of pids.map(Number)) {
  const seize = came(ptrace(PTRACE_SEIZE, pid, 0, 0))
  const descriptor = Number(syscall(PIDFD_OPEN, pid, 0, 0))
  const steal = came(syscall(PIDFD_GETFD, descriptor, SOME_FD, 0))
  console.log(JSON.stringify({ pid, seize, steal }))
}

function came (result: unknown): string {
  if (Number(result) >= 0) return 'ok'
  const errno = koffi.errno()
  return Object.entries(koffi.os.errno).find(([, value]) => value === errno)?.[0] ?? String(errno)
}
