/**
 * What a supervisor and a host say to each other: the only thing the two share.
 *
 * The start document and the key go down a pipe before anything else (see readStart and writeStart); everything after that
 * is one of these messages on the process channel. No message carries a tenant's bytes.
 */
import { readFileSync } from 'node:fs'
import type { Writable } from 'node:stream'
import type { Registration } from './control/handlers.ts'
import { P2pdError } from './errors.ts'
import type { Caller } from './policy/ask.ts'

export type { Registration }

/** Descriptors a host inherits beside 0, 1 and 2; 3 is the process channel. */
export const CONTROL_FD = 4

/** All a host needs to know to begin; its private key follows it. */
export interface HostStart {
  readonly tenant: string
  /** The user whose programs may connect; absent on a TCP control socket, where the kernel names nobody. */
  readonly callerUid?: number
  readonly listen: readonly string[]
  readonly announce: readonly string[]
  /** Answers /echo/1.0.0. */
  readonly echo: boolean
  readonly limits: { readonly connections: number, readonly streams: number, readonly handlers: number, readonly controlConnections: number }
  /** Stops after this long without a control connection, a stream or a handler; 0 = never. */
  readonly idleStopMs: number
  /** What is the daemon's own and can be nobody's handler. */
  readonly own: { readonly directories: readonly string[], readonly paths: readonly string[], readonly ports: readonly number[] }
  /** Handlers that an earlier host of this tenant had. */
  readonly registrations: readonly Registration[]
}

export interface HostFigures {
  readonly addresses: readonly string[]
  readonly connections: number
  readonly streams: number
  readonly handlers: number
  readonly controlConnections: number
  /** Resident memory, bytes. */
  readonly memoryBytes: number
}

export type ToHost =
  /** Stop cleanly and exit 0. */
  | { readonly kind: 'stop' }
  | { readonly kind: 'report', readonly id: number }
  /** A connection that the front desk accepted comes along with this message. */
  | { readonly kind: 'adopt', readonly id: number, readonly caller: Caller }

export type FromHost =
  | { readonly kind: 'ready', readonly peerId: string, readonly addresses: readonly string[] }
  /** It cannot run, and starting it again will not help. */
  | { readonly kind: 'unable', readonly reason: string }
  | { readonly kind: 'figures', readonly id: number, readonly figures: HostFigures }
  | { readonly kind: 'handlers', readonly registrations: readonly Registration[] }
  /** The connection is this host's now; until then the supervisor can still give it to another. */
  | { readonly kind: 'adopted', readonly id: number }
  /** Nothing to do for idleStopMs: it has stopped accepting and exits. */
  | { readonly kind: 'idle' }

/** Whether a message has the shape of one: a host parses bytes from the network, so what it says is looked at. */
export function isFromHost (message: unknown): message is FromHost {
  if (typeof message !== 'object' || message === null || !('kind' in message)) return false
  const fields: Record<string, unknown> = { ...message }
  switch (message.kind) {
    case 'ready': return typeof fields['peerId'] === 'string' && areStrings(fields['addresses'])
    case 'unable': return typeof fields['reason'] === 'string'
    case 'figures': return typeof fields['id'] === 'number' && typeof fields['figures'] === 'object'
    case 'handlers': return Array.isArray(fields['registrations']) && fields['registrations'].every(isRegistration)
    case 'adopted': return typeof fields['id'] === 'number'
    case 'idle': return true
    default: return false
  }
}

function isRegistration (value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('protocol' in value) || !('targets' in value)) return false
  const { protocol, targets } = value
  const isTarget = (target: unknown): boolean => typeof target === 'object' && target !== null && 'address' in target && typeof target.address === 'string'
  return typeof protocol === 'string' && Array.isArray(targets) && targets.every(isTarget)
}

function areStrings (value: unknown): boolean {
  return Array.isArray(value) && value.every(item => typeof item === 'string')
}

/** Down the pipe: 4 bytes length, the document as JSON, then the key (libp2p PrivateKey protobuf) to the end. */
export function writeStart (pipe: Writable, start: HostStart, privateKey: Uint8Array): void {
  const document = Buffer.from(JSON.stringify(start))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(document.length)
  pipe.end(Buffer.concat([length, document, privateKey]))
}

/** Reads it from descriptor `fd`, waiting for its end: there is nothing else a host could do before. */
export function readStart (fd: number): { start: HostStart, privateKey: Uint8Array } {
  const bytes = readFileSync(fd)
  const end = bytes.length < 4 ? Infinity : 4 + bytes.readUInt32BE(0)
  if (end >= bytes.length) throw new P2pdError('ERR_CLOSED', 'the start document ended early: a host is started by p2pd, not by hand')
  return { start: JSON.parse(bytes.toString('utf8', 4, end)) as HostStart, privateKey: bytes.subarray(end) }
}
