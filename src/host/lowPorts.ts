/** Ports that only root can listen on, told before libp2p fails on them with less to say. */
import { readFileSync } from 'node:fs'
import { P2pdError } from '../errors.ts'

/** Where the kernel has no other number: ip(7), ip_unprivileged_port_start. */
const FIRST_UNPRIVILEGED_PORT = 1024

/** Throws ERR_CONFIG with the mend. Port 0 is any free one. */
export function assertNoLowPorts (listen: readonly string[], uid = process.geteuid?.()): void {
  const first = firstUnprivilegedPort()
  for (const address of listen) {
    const port = Number(/\/tcp\/(\d+)/.exec(address)?.[1] ?? 0)
    if (uid !== 0 && port > 0 && port < first) {
      throw new P2pdError('ERR_CONFIG', `host.listen: ${address}: hosts do not run as root and cannot listen below port ${first}: name a higher one, or \`sysctl net.ipv4.ip_unprivileged_port_start=${port}\``)
    }
  }
}

function firstUnprivilegedPort (): number {
  try {
    return Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'))
  } catch {
    return FIRST_UNPRIVILEGED_PORT
  }
}
