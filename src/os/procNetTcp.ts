/**
 * Who listens on a TCP port, from the kernel's table as text (proc_net_tcp(5)): for machines without sock_diag(7). It takes
 * milliseconds, because the kernel walks the table of all connections behind that of the listeners.
 */
import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { endianness } from 'node:os'
import { addressBytes } from './sockDiag.ts'

const CHUNK_BYTES = 64 * 1024
/** TCP_LISTEN of the kernel. */
const LISTEN = '0A'

/** Users of the sockets that would get a connection, several where a port is shared; empty when nobody listens there. */
export function listenersInTable (host: string, port: number): number[] {
  const v4 = listening('/proc/net/tcp', port)
  const v6 = existsSync('/proc/net/tcp6') ? listening('/proc/net/tcp6', port) : NONE // where IPv6 is turned off
  const at = (rows: ReadonlyMap<string, number[]>, ...address: Buffer[]): number[] => rows.get(hexOf(Buffer.concat(address))) ?? []
  const address = addressBytes(host)
  // In the order in which the kernel looks: the exact address before any address, IPv4 sockets before IPv6 ones.
  const groups = isIPv6(host)
    ? [at(v6, address), at(v6, Buffer.alloc(16))]
    : [at(v4, address), at(v6, MAPPED, address), at(v4, Buffer.alloc(4)), at(v6, Buffer.alloc(16))]
  return groups.find(group => group.length > 0) ?? []
}

const NONE: ReadonlyMap<string, number[]> = new Map()

/** ::ffff:0:0/96: an IPv6 socket that serves IPv4. */
const MAPPED = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff])

/** As the kernel prints it: words of four bytes, each in the order of this machine. */
function hexOf (address: Buffer): string {
  return (endianness() === 'LE' ? Buffer.from(address).swap32() : address).toString('hex').toUpperCase()
}

/** Local address -> users of the sockets that listen there on the port. */
function listening (file: string, port: number): Map<string, number[]> {
  const found = new Map<string, number[]>()
  for (const line of textOf(file).split('\n')) {
    const [, local = '', , state, , , , uid] = line.trim().split(/\s+/)
    const [address = '', hexPort = ''] = local.split(':')
    if (state === LISTEN && parseInt(hexPort, 16) === port) found.set(address, [...found.get(address) ?? [], Number(uid)])
  }
  return found
}

/** Not readFileSync(): it trusts the size of a file, and asks for little at a time where that is 0. */
function textOf (file: string): string {
  const fd = openSync(file, 'r')
  try {
    const chunks: Buffer[] = []
    for (;;) {
      const chunk = Buffer.alloc(CHUNK_BYTES)
      const bytes = readSync(fd, chunk)
      if (bytes === 0) return Buffer.concat(chunks).toString('latin1')
      chunks.push(chunk.subarray(0, bytes))
    }
  } finally {
    closeSync(fd)
  }
}
