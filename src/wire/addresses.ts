/**
 * Multiaddrs: text, bytes, and the few that name a socket on this machine.
 *
 * Owns the two text forms of a Unix address. Go writes the path as it is and it runs to the end, `/unix/tmp/p2pd.sock`;
 * @multiformats/multiaddr wants it percent-encoded, `/unix/%2Ftmp%2Fp2pd.sock`. Both are read, Go's is printed, and the bytes
 * are the same. Who may listen where is policy's question.
 */
import { CODE_IP4, CODE_IP6, CODE_P2P, CODE_TCP, CODE_UNIX, multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { P2pdError, messageOf } from '../errors.ts'
import { MAX_ADDRESS_BYTES, MAX_SOCKET_PATH_BYTES } from '../limits.ts'

export type { Multiaddr }

/** Where a control socket or a handler listens. */
export type SocketAddress = { path: string } | { host: string, port: number }

const SOCKET_RULE = 'a socket address is /unix/PATH, /ip4/ADDRESS/tcp/PORT or /ip6/ADDRESS/tcp/PORT'

/** Throws ERR_REQUEST. */
export function parseMultiaddr (text: string): Multiaddr {
  const path = /^\/unix(\/.*)$/s.exec(text)?.[1]
  try {
    if (path === undefined) return multiaddr(text)
    return multiaddr([{ code: CODE_UNIX, name: 'unix', value: /^\/%2f[^/]*$/i.test(path) ? decodeURIComponent(path.slice(1)) : path }])
  } catch (error) {
    throw new P2pdError('ERR_REQUEST', `${JSON.stringify(text.slice(0, 256))} is no multiaddr: ${messageOf(error)}`, { cause: error })
  }
}

/**
 * Throws ERR_REQUEST, also for bytes that end early, which the library takes for shorter values: what we read is what we
 * would write.
 */
export function decodeMultiaddr (bytes: Uint8Array): Multiaddr {
  if (bytes.length > MAX_ADDRESS_BYTES) throw new P2pdError('ERR_REQUEST', `${bytes.length} bytes are no multiaddr: one has at most ${MAX_ADDRESS_BYTES}`)
  try {
    const address = multiaddr(bytes)
    const values = address.getComponents().map(({ code, name, value }) => value === undefined ? { code, name } : { code, name, value })
    const written = multiaddr(values).bytes
    if (Buffer.compare(written, bytes) !== 0) throw new P2pdError('ERR_REQUEST', 'a value ends early or is not in its shortest form')
    return address
  } catch (error) {
    throw new P2pdError('ERR_REQUEST', `0x${Buffer.from(bytes.subarray(0, 64)).toString('hex')} is no multiaddr: ${messageOf(error)}`, { cause: error })
  }
}

/** As Go prints it. Throws ERR_REQUEST when given bytes that are no multiaddr. */
export function formatMultiaddr (address: Multiaddr | Uint8Array): string {
  const components = (address instanceof Uint8Array ? decodeMultiaddr(address) : address).getComponents()
  const text = components.map(component => {
    if (component.code === CODE_UNIX) return `/unix${component.value?.startsWith('/') === true ? '' : '/'}${component.value ?? ''}`
    return multiaddr([component]).toString()
  })
  return text.join('') || '/'
}

/** Without the /p2p/<id> at its end. One in the middle is a relay's and stays. */
export function withoutPeerId (address: Multiaddr): Multiaddr {
  const components = address.getComponents()
  return components.at(-1)?.code === CODE_P2P ? multiaddr(components.slice(0, -1)) : address
}

/** Throws ERR_REQUEST for anything that does not name one socket by itself: a name to look up, a peer, another transport. */
export function parseSocketAddress (address: string | Uint8Array): SocketAddress {
  const parsed = typeof address === 'string' ? parseMultiaddr(address) : decodeMultiaddr(address)
  const [network, transport, ...more] = parsed.getComponents()
  if (network?.code === CODE_UNIX && transport === undefined) return { path: socketPath(rooted(network.value ?? '')) }
  const isIp = network?.code === CODE_IP4 || network?.code === CODE_IP6
  if (isIp && transport?.code === CODE_TCP && more.length === 0) return { host: network.value ?? '', port: Number(transport.value) }
  throw new P2pdError('ERR_REQUEST', `${formatMultiaddr(parsed)} is no socket address: ${SOCKET_RULE}`)
}

/** Throws ERR_REQUEST for a path or host that no socket can have. */
export function socketMultiaddr (address: SocketAddress): Multiaddr {
  if ('path' in address) return multiaddr([{ code: CODE_UNIX, name: 'unix', value: socketPath(address.path) }])
  return parseMultiaddr(`/${address.host.includes(':') ? 'ip6' : 'ip4'}/${address.host}/tcp/${address.port}`)
}

/** `/unix/run/p2pd.sock`, `/ip4/127.0.0.1/tcp/4001` */
export function formatSocketAddress (address: SocketAddress): string {
  return formatMultiaddr(socketMultiaddr(address))
}

/** Python's multiaddr leaves the first slash of a path out of the bytes. Abstract names and paths that are meant relative stay. */
function rooted (path: string): string {
  return path === '' || /^[/@\0.]/.test(path) ? path : `/${path}`
}

function socketPath (path: string): string {
  const fault = !path.startsWith('/') ? 'is not absolute'
    : path.includes('\0') ? 'holds a NUL'
      : Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES ? `is over the ${MAX_SOCKET_PATH_BYTES} bytes a socket's path may have`
        : undefined
  if (fault === undefined) return path
  throw new P2pdError('ERR_REQUEST', `the socket path ${JSON.stringify(path.slice(0, 256))} ${fault}`)
}
