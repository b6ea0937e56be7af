/**
 * Who would be reached by a connect to a TCP port of this machine: the kernel's own table of sockets (proc_net_tcp(5)), because
 * TCP has no credentials.
 *
 * Says what is so at this moment, and what the kernel would choose then. Where packets are sent elsewhere by the machine's
 * administrator (packet filters, programs in the kernel) it does not see that.
 */
import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { endianness } from 'node:os'

/** Listening sockets come first in the file. Reading on would make the kernel walk all the others: with a page at a time it does not. */
const PAGE_BYTES = 4096
/** TCP_LISTEN of the kernel. */
const LISTEN = '0A'

interface Row { readonly address: string, readonly port: number, readonly state: string, readonly uid: number }

/**
 * The users of the sockets that would get a connection to `host`:`port`, a literal address; several where a port is shared.
 * Empty when nobody listens there.
 */
export function listenersAt (host: string, port: number): number[] {
  const v4 = listening('/proc/net/tcp', port)
  const v6 = existsSync('/proc/net/tcp6') ? listening('/proc/net/tcp6', port) : [] // not where IPv6 is turned off
  const at = (rows: readonly Row[], address: string): number[] => rows.filter(row => row.address === address).map(({ uid }) => uid)
  // In the order in which the kernel looks: the exact address before any address, IPv4 sockets before IPv6 ones.
  const groups = isIPv6(host)
    ? [at(v6, hexOf(addressOf6(host))), at(v6, hexOf(ANY6))]
    : [at(v4, hexOf(addressOf4(host))), at(v6, hexOf([...MAPPED, ...addressOf4(host)])), at(v4, hexOf([0, 0, 0, 0])), at(v6, hexOf(ANY6))]
  return groups.find(group => group.length > 0) ?? []
}

const ANY6 = new Array<number>(16).fill(0)
/** ::ffff:0:0/96: an IPv6 socket that serves IPv4. */
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]

function addressOf4 (host: string): number[] {
  return host.split('.').map(Number)
}

/** Of IPv6 only ::1 can be a handler's. */
function addressOf6 (host: string): number[] {
  return host === '::1' ? [...ANY6.slice(1), 1] : ANY6
}

/** As the kernel prints it: words of four bytes, each in the order of this machine. */
function hexOf (bytes: readonly number[]): string {
  const words = Array.from({ length: bytes.length / 4 }, (_, i) => bytes.slice(4 * i, 4 * i + 4))
  return words.map(word => Buffer.from(endianness() === 'LE' ? word.toReversed() : word).toString('hex').toUpperCase()).join('')
}

function listening (file: string, port: number): Row[] {
  const found: Row[] = []
  for (const row of rowsOf(file)) {
    if (row.state !== LISTEN) break
    if (row.port === port) found.push(row)
  }
  return found
}

function * rowsOf (file: string): Generator<Row> {
  const fd = openSync(file, 'r')
  try {
    const page = Buffer.alloc(PAGE_BYTES)
    let rest = ''
    for (let bytes = readSync(fd, page); bytes > 0; bytes = readSync(fd, page)) {
      const lines = (rest + page.toString('latin1', 0, bytes)).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const [, local = '', , state = '', , , , uid = ''] = line.trim().split(/\s+/)
        const [address = '', port = ''] = local.split(':')
        if (state !== 'st') yield { address, port: parseInt(port, 16), state, uid: Number(uid) }
      }
    }
  } finally {
    closeSync(fd)
  }
}
