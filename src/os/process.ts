/** What a process asks of the kernel about itself. */
import { call } from './libc.ts'

const PR_SET_PDEATHSIG = 1
const SIGKILL = 9

/**
 * The kernel kills this process when the one that started it dies, however it dies. A host that outlived its supervisor
 * would hold a tenant's identity and socket against the next one.
 */
export function dieWithParent (): void {
  call('prctl', 'tie this process to its parent', PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
}

const F_SETFD = 2
const FD_CLOEXEC = 1

/** The descriptor is not handed on to programs this process starts. Libraries in C do not always ask for that. */
export function closeOnExec (fd: number): void {
  call('fcntl', 'keep a descriptor from children', fd, F_SETFD, FD_CLOEXEC)
}
