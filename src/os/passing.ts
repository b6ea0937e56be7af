/**
 * Open descriptors on their way from one process to another (SCM_RIGHTS, unix(7)), over a socket pair of their own.
 *
 * One descriptor a message, with a number that says which it is; messages arrive whole and in order, and go one way only.
 * Neither call waits. A received descriptor is not inherited by programs its new owner starts.
 */
import { closeSync } from 'node:fs'
import { addressOf, call, lastError, systemError, tryCall } from './libc.ts'

const AF_UNIX = 1
const SOCK_SEQPACKET_CLOEXEC = 5 | 0o2000000
const SHUT_RD = 0
const SOL_SOCKET = 1
const SCM_RIGHTS = 1
const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000
const MSG_CMSG_CLOEXEC = 0x40000000

// struct msghdr, one struct iovec, one struct cmsghdr with one descriptor, and the number: as every 64-bit Linux lays them
// out. Reused: calls are synchronous and there is one thread.
const memory = Buffer.alloc(128)
const header = memory.subarray(0, 56)
const vector = memory.subarray(56, 72)
const control = memory.subarray(72, 96)
const payload = memory.subarray(96, 100)
/** CMSG_LEN(sizeof(int)): what is used of the space that CMSG_SPACE rounds up to 24. */
const CMSG_BYTES = 20

/** Two ends: what is sent on `ours` is received on `theirs`. Nothing can be sent the other way. The caller closes both. */
export function passingPair (): { ours: number, theirs: number } {
  const fds = [-1, -1]
  call('socketpair', 'make a pair of sockets', AF_UNIX, SOCK_SEQPACKET_CLOEXEC, 0, fds)
  const [ours = -1, theirs = -1] = fds
  try {
    call('shutdown', 'make a pair of sockets one-way', ours, SHUT_RD)
  } catch (error) {
    closeSync(ours)
    closeSync(theirs)
    throw error
  }
  return { ours, theirs }
}

/**
 * Sends another descriptor of what `fd` is open on, which stays open here. `full` when too many are on their way: to be
 * tried again once some were received. `gone` when nobody will receive it. ERR_SYSTEM for anything else.
 */
export function sendDescriptor (over: number, fd: number, number: number): 'sent' | 'full' | 'gone' {
  layOut()
  payload.writeUInt32LE(number)
  control.writeBigUInt64LE(BigInt(CMSG_BYTES), 0)
  control.writeInt32LE(SOL_SOCKET, 8)
  control.writeInt32LE(SCM_RIGHTS, 12)
  control.writeInt32LE(fd, 16)
  if (tryCall('sendmsg', over, header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return 'sent'
  const reason = lastError()
  if (['EAGAIN', 'EWOULDBLOCK', 'ETOOMANYREFS', 'ENOBUFS', 'ENOMEM'].includes(reason)) return 'full'
  if (['EPIPE', 'ECONNRESET', 'ENOTCONN'].includes(reason)) return 'gone'
  throw systemError('sendmsg', 'pass a descriptor on')
}

/**
 * The next descriptor, if one has been sent: the caller's to close. Its `fd` is undefined when this process had no room for
 * another; it is lost then, and the number says which.
 */
export function receiveDescriptor (over: number): { number: number, fd: number | undefined } | undefined {
  layOut()
  control.fill(0)
  if (tryCall('recvmsg', over, header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) !== payload.length) return undefined
  const holdsOne = header.readBigUInt64LE(40) >= BigInt(CMSG_BYTES) && control.readInt32LE(12) === SCM_RIGHTS
  return { number: payload.readUInt32LE(), fd: holdsOne ? control.readInt32LE(16) : undefined }
}

function layOut (): void {
  vector.writeBigUInt64LE(addressOf(payload), 0)
  vector.writeBigUInt64LE(BigInt(payload.length), 8)
  header.fill(0)
  header.writeBigUInt64LE(addressOf(vector), 16)
  header.writeBigUInt64LE(1n, 24)
  header.writeBigUInt64LE(addressOf(control), 32)
  header.writeBigUInt64LE(BigInt(control.length), 40)
}
