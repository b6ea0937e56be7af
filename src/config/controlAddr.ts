/**
 * The address of a control socket, `-listen`: what may be listened on, and how it is printed.
 *
 * Whoever reaches a TCP control socket controls the daemon, so it has to be a loopback address: every user of this machine
 * is bad enough. A Unix path is written in two ways, Go's `/unix/tmp/p2pd.sock` and JavaScript's `/unix/%2Ftmp%2Fp2pd.sock`;
 * both are taken, and Go's is what comes out.
 */
import { multiaddr } from '@multiformats/multiaddr'
import { messageOf } from '../errors.ts'
import { whyTooLong } from './runPaths.ts'

const UNIX = '/unix/'

/** The address in Go's form, or why it cannot be listened on. */
export function parseControlAddr (text: string): { addr: string } | { why: string } {
  return text.startsWith(UNIX) ? parseUnix(text.slice(UNIX.length)) : parseTcp(text)
}

function parseUnix (rest: string): { addr: string } | { why: string } {
  // With a slash in it, it is Go's form, and a percent sign is part of the name.
  const path = /^%2f/i.test(rest) && !rest.includes('/') ? decode(rest) : `/${rest}`
  if (path === undefined || path.includes('\0')) return { why: 'has a path that cannot be read' }
  if (path.endsWith('/')) return { why: 'must name a file, like /unix/tmp/p2pd.sock' }
  const why = whyTooLong(path)
  return why !== undefined ? { why: `the path ${why}` } : { addr: `/unix${path}` }
}

function parseTcp (text: string): { addr: string } | { why: string } {
  try {
    const addr = multiaddr(text)
    const [ip, tcp, ...more] = addr.getComponents()
    if (!ip?.name.startsWith('ip') || tcp?.name !== 'tcp' || more.length > 0) {
      return { why: 'must be /unix/PATH or /ip4/127.0.0.1/tcp/PORT' }
    }
    if (!isLoopback(ip.name, ip.value)) {
      return { why: 'would let the network control this daemon; use /ip4/127.0.0.1/tcp/PORT or /unix/PATH' }
    }
    return { addr: addr.toString() }
  } catch (error) {
    return { why: `is no multiaddr (${messageOf(error)})` }
  }
}

/** Only addresses as they are bound; a name such as localhost can be made to mean anything. */
function isLoopback (protocol: string, value: string | undefined): boolean {
  return protocol === 'ip4' ? value?.startsWith('127.') === true : protocol === 'ip6' && value === '::1'
}

function decode (text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
