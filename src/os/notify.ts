/**
 * What a service says to the service manager that started it: sd_notify(3), without libsystemd.
 *
 * Where none asked for it (no NOTIFY_SOCKET) nothing is said. A manager that cannot be reached is no reason to stop: the
 * answer says whether it was told.
 */
import { closeSync } from 'node:fs'
import { MAX_SOCKET_PATH_BYTES } from '../limits.ts'
import { tryCall } from './libc.ts'

const AF_UNIX = 1
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000
const SOL_SOCKET = 1
const SO_SNDTIMEO = 21
const MSG_NOSIGNAL = 0x4000
/** A manager that reads nothing may hold a service up for so long and no longer. */
const SEND_TIMEOUT_S = 1n
/** More than one line of `systemctl status` shows. */
const MAX_STATUS_CHARACTERS = 256

/** Every socket accepts connects; also after a reload, whatever came of it. */
export function notifyReady (status?: string): boolean {
  return notify('READY=1', ...statusLine(status))
}

/** Until the next notifyReady(). The time is the manager's to tell an old message from a new one. */
export function notifyReloading (status?: string): boolean {
  return notify('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`, ...statusLine(status))
}

export function notifyStopping (status?: string): boolean {
  return notify('STOPPING=1', ...statusLine(status))
}

/** One line for `systemctl status`. */
export function notifyStatus (status: string): boolean {
  return notify(...statusLine(status))
}

function notify (...assignments: string[]): boolean {
  const address = managerAddress(process.env['NOTIFY_SOCKET'] ?? '')
  if (address === undefined) return false
  const fd = tryCall('socket', AF_UNIX, SOCK_DGRAM_CLOEXEC, 0)
  if (fd < 0) return false
  try {
    const timeout = Buffer.alloc(16)
    timeout.writeBigInt64LE(SEND_TIMEOUT_S, 0)
    tryCall('setsockopt', fd, SOL_SOCKET, SO_SNDTIMEO, timeout, timeout.length)
    const message = Buffer.from(assignments.join('\n'))
    return tryCall('sendto', fd, message, message.length, MSG_NOSIGNAL, address, address.length) === message.length
  } finally {
    closeSync(fd)
  }
}

/** struct sockaddr_un of a path, or with `@` for its first character of an abstract name; undefined for what is neither. */
function managerAddress (name: string): Buffer | undefined {
  const bytes = Buffer.from(name)
  if (!/^[/@]./.test(name) || bytes.length > MAX_SOCKET_PATH_BYTES) return undefined
  // The length of an abstract name is part of it, so it gets no final NUL; that of a path ends with one or with the address.
  if (name.startsWith('@')) bytes[0] = 0
  const family = Buffer.alloc(2)
  family.writeUInt16LE(AF_UNIX)
  return Buffer.concat([family, bytes])
}

/** A line break would begin another assignment. */
function statusLine (status: string | undefined): string[] {
  return status === undefined ? [] : [`STATUS=${status.replace(/\p{Cc}+/gu, ' ').slice(0, MAX_STATUS_CHARACTERS)}`]
}
