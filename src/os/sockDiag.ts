/**
 * One question to the kernel about its TCP sockets, over netlink (sock_diag(7)): which socket is it that a packet with these
 * addresses is for, and whose?
 *
 * It is the kernel's own lookup, so it knows of wildcards, of IPv6 sockets that serve IPv4, and of ports that are shared. It
 * takes some microseconds, however many sockets there are, and no privilege.
 */
import { closeSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { P2pdError } from '../errors.ts'
import { call, tryCall } from './libc.ts'

export interface Endpoint { readonly host: string, readonly port: number }

export interface Found {
  readonly uid: number
  /** A program holds it: of a connection, that it was accepted. */
  readonly isHeld: boolean
}

const AF_INET = 2
const AF_INET6 = 10
const AF_NETLINK = 16
const NETLINK_SOCK_DIAG = 4
const SOCK_RAW_CLOEXEC = 3 | 0o2000000
const MSG_DONTWAIT = 0x40
const SOCK_DIAG_BY_FAMILY = 20
const NLM_F_REQUEST = 1
const IPPROTO_TCP = 6
/** Always the first interface of a network namespace. */
const LOOPBACK_INTERFACE = 1
const NO_COOKIE = 0xffffffff

const HEADER_BYTES = 16
/** struct nlmsghdr and struct inet_diag_req_v2. */
const REQUEST_BYTES = HEADER_BYTES + 56
/** struct nlmsghdr and struct inet_diag_msg, of which the last words are user and inode. */
const ANSWER_BYTES = HEADER_BYTES + 72

/** The socket at `local` that a packet from `remote` on this machine is for: a connection if there is one, or else a listener. */
export function findTcpSocket (local: Endpoint, remote: Endpoint): Found | undefined {
  const request = requestFor(local, remote)
  const answer = Buffer.alloc(1024)
  const fd = call('socket', 'ask about sockets', AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_SOCK_DIAG)
  try {
    call('sendto', 'ask about sockets', fd, request, request.length, 0, null, 0)
    // The kernel has answered by now.
    const bytes = tryCall('recv', fd, answer, answer.length, MSG_DONTWAIT)
    if (bytes < ANSWER_BYTES || answer.readUInt16LE(4) !== SOCK_DIAG_BY_FAMILY) return undefined
    return { uid: answer.readUInt32LE(ANSWER_BYTES - 8), isHeld: answer.readUInt32LE(ANSWER_BYTES - 4) !== 0 }
  } finally {
    closeSync(fd)
  }
}

function requestFor (local: Endpoint, remote: Endpoint): Buffer {
  const request = Buffer.alloc(REQUEST_BYTES)
  request.writeUInt32LE(request.length, 0)
  request.writeUInt16LE(SOCK_DIAG_BY_FAMILY, 4)
  request.writeUInt16LE(NLM_F_REQUEST, 6)
  request.writeUInt8(isIPv6(local.host) ? AF_INET6 : AF_INET, 16)
  request.writeUInt8(IPPROTO_TCP, 17)
  request.writeUInt16BE(local.port, 24)
  request.writeUInt16BE(remote.port, 26)
  addressBytes(local.host).copy(request, 28)
  addressBytes(remote.host).copy(request, 44)
  request.writeUInt32LE(LOOPBACK_INTERFACE, 60)
  request.writeUInt32LE(NO_COOKIE, 64)
  request.writeUInt32LE(NO_COOKIE, 68)
  return request
}

/** Of a literal address, without a zone; throws ERR_SYSTEM for anything else. */
export function addressBytes (host: string): Buffer {
  const [family, length] = isIPv6(host) ? [AF_INET6, 16] as const : [AF_INET, 4] as const
  const bytes = Buffer.alloc(length)
  if (tryCall('inet_pton', family, host, bytes) !== 1) throw new P2pdError('ERR_SYSTEM', `${host} is no literal IP address`)
  return bytes
}
