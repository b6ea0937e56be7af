/** What a process asks of the kernel about itself. */
import { readdirSync } from 'node:fs'
import { call, tryCall } from './libc.ts'

const PR_SET_PDEATHSIG = 1
const PR_SET_DUMPABLE = 4
const PR_SET_NO_NEW_PRIVS = 38
const SIGKILL = 9

/**
 * The kernel kills this process when the one that started it dies, however it dies. A host that outlived its supervisor
 * would hold a tenant's identity and socket against the next one. Undone by a change of user.
 */
export function dieWithParent (): void {
  call('prctl', 'tie this process to its parent', PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
}

/**
 * No core is written, and no other process of the same user can trace this one or read its memory, environment or
 * descriptors; what is in /proc of it belongs to root. Undone by a change of user.
 */
export function forbidCoreAndTracing (): void {
  call('prctl', 'keep this process from being dumped', PR_SET_DUMPABLE, 0, 0, 0, 0)
}

/** Nothing this thread starts, nor the threads it makes, ever gets more rights than it has: set-uid programs have no effect. */
export function forbidNewPrivileges (): void {
  call('prctl', 'give up new privileges', PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
}

const F_SETFD = 2
const FD_CLOEXEC = 1

/** The descriptor is not handed on to programs this process starts. Libraries in C do not always ask for that. */
export function closeOnExec (fd: number): void {
  call('fcntl', 'keep a descriptor from children', fd, F_SETFD, FD_CLOEXEC)
}

/** Of every descriptor that whoever started this process left open, beside the first three. */
export function closeInheritedOnExec (): void {
  for (const fd of readdirSync('/proc/self/fd').map(Number)) {
    if (fd > 2) tryCall('fcntl', fd, F_SETFD, FD_CLOEXEC) // the directory's own has been closed
  }
}

/** By number, as every architecture Node runs on has them but MIPS and SPARC: getrlimit(2). */
const RESOURCES = { core: 4, processes: 6, descriptors: 7 } as const

/** How many files and sockets this process may have open at once. */
export function descriptorLimit (): number {
  const limit = Buffer.alloc(2 * 8)
  call('prlimit', 'read its limit of descriptors', 0, RESOURCES.descriptors, null, limit)
  return Number(limit.readBigUInt64LE(0))
}

/**
 * Both the soft and the hard limit, so that it cannot be raised again without root; less than `most` where this process may
 * have less already. Of processes and threads it counts all of the user's.
 */
export function limitResource (resource: keyof typeof RESOURCES, most: number): void {
  const limit = Buffer.alloc(2 * 8)
  call('prlimit', `read its limit of ${resource}`, 0, RESOURCES[resource], null, limit)
  const hard = limit.readBigUInt64LE(8)
  const next = hard < BigInt(most) ? hard : BigInt(most)
  limit.writeBigUInt64LE(next, 0)
  limit.writeBigUInt64LE(next, 8)
  call('prlimit', `limit its ${resource}`, 0, RESOURCES[resource], limit, null)
}
