/** Fields of requests, read strictly: what is missing or malformed is an ERR_REQUEST that names it. */
import { P2pdError } from '../../errors.ts'
import { DEFAULT_REQUEST_TIMEOUT_MS, MAX_ADDRESSES, MAX_PROTOCOLS, MAX_PROTOCOL_BYTES, MAX_REQUEST_TIMEOUT_MS } from '../../limits.ts'
import { safeText } from '../../log.ts'
import { decodeMultiaddr, type Multiaddr } from '../../wire/addresses.ts'

/** The submessage, or ERR_REQUEST in the words that clients of go-libp2p-daemon know. */
export function required<T> (submessage: T | undefined, name: string): T {
  if (submessage === undefined) throw new P2pdError('ERR_REQUEST', `malformed request; missing parameters: ${name}`)
  return submessage
}

export function addressesFrom (list: readonly Uint8Array[]): Multiaddr[] {
  if (list.length > MAX_ADDRESSES) throw new P2pdError('ERR_REQUEST', `addrs: at most ${MAX_ADDRESSES} addresses, found ${list.length}`)
  return list.map(decodeMultiaddr)
}

/** One to 256 protocol ids, each 1 to 256 bytes of printable text; duplicates dropped. */
export function protocolsFrom (list: readonly string[]): string[] {
  if (list.length === 0) throw new P2pdError('ERR_REQUEST', 'proto: at least one protocol is wanted, found none')
  if (list.length > MAX_PROTOCOLS) throw new P2pdError('ERR_REQUEST', `proto: at most ${MAX_PROTOCOLS} protocols, found ${list.length}`)
  for (const protocol of list) {
    const bytes = Buffer.byteLength(protocol)
    if (bytes === 0 || bytes > MAX_PROTOCOL_BYTES) throw new P2pdError('ERR_REQUEST', `proto: a protocol id has 1 to ${MAX_PROTOCOL_BYTES} bytes, found ${bytes}`)
    if (/[\p{C}\p{Zl}\p{Zp}\uFFFD]/u.test(protocol)) throw new P2pdError('ERR_REQUEST', `proto: ${safeText(protocol)} holds characters that cannot be printed`)
  }
  return [...new Set(list)]
}

/** Seconds on the wire; absent, zero or negative means the default. */
export function timeoutMsFrom (seconds: number | undefined): number {
  if (seconds === undefined || seconds <= 0) return DEFAULT_REQUEST_TIMEOUT_MS
  return Math.min(seconds * 1000, MAX_REQUEST_TIMEOUT_MS)
}

/**
 * Runs the call with the request's timeout added to its signal; running out of it is an ERR_TIMEOUT that says what was
 * being done and for how long. Not AbortSignal.timeout(): that would keep a timer for each request long after its answer.
 */
export async function withTimeout<T> (timeoutMs: number, signal: AbortSignal, what: string, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const onAbort = (): void => { controller.abort(signal.reason) }
  let late = false
  const timer = setTimeout(() => { late = true; controller.abort() }, timeoutMs)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    signal.throwIfAborted()
    return await call(controller.signal)
  } catch (cause) {
    if (late) throw new P2pdError('ERR_TIMEOUT', `${what}: not done within ${timeoutMs / 1000} s`, { cause })
    throw cause
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}
