/**
 * What a supervisor and a host say to each other: the only thing the two share.
 *
 * The start document and the key go down a pipe before anything else (see readStart and writeStart); everything after that
 * is one of these messages on the channel (linkChannel.ts). No message carries a tenant's bytes. Where one speaks of a
 * descriptor, that was sent before it, on a socket of its own (os/passing.ts).
 */
import { readSync } from 'node:fs'
import type { Writable } from 'node:stream'
import { isAuditEvent, isCount, type AuditEvent } from './audit.ts'
import type { Registration } from './control/handlers.ts'
import { P2pdError } from './errors.ts'
import { MAX_PROTOCOL_BYTES, MAX_SOCKET_PATH_BYTES } from './limits.ts'
import type { Caller } from './policy/ask.ts'
import type { PolicyDocument } from './policy/document.ts'
import type { TenantLimits } from './policy/ledger.ts'

export type { Registration }

/** Descriptors a host inherits beside 0, 1 and 2: the channel, the tenant's listening socket, and where descriptors come from. */
export const LINK_FD = 3
export const CONTROL_FD = 4
export const PASSING_FD = 5

/** All a host needs to know to begin; its private key follows it. */
export interface HostStart {
  readonly tenant: string
  /** The user to become, for good, before anything of the tenant's or the network's is read; absent without root. */
  readonly serviceUid?: number
  /** The uids that hosts of this daemon run under; absent where they all run as this one does. */
  readonly hostUids?: { readonly first: number, readonly last: number }
  /** The user whose programs may connect; absent on a TCP control socket, where the kernel names nobody. */
  readonly callerUid?: number
  readonly listen: readonly string[]
  readonly announce: readonly string[]
  /** How it reaches other hosts of this machine without the network stack: all that let it, or the daemon's alone; absent in classic mode. */
  readonly local?: 'neighbours' | 'daemon'
  /** Answers /echo/1.0.0. */
  readonly echo: boolean
  readonly limits: TenantLimits
  /** Absent in classic mode, where a tenant may do anything within its own host. */
  readonly policy?: PolicyDocument
  /** Whether what was allowed is to be recorded, too. */
  readonly auditAllowed: boolean
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
  /** How often each limit was met: `streams`, `inbound.reserved`. */
  readonly limitsReached: Readonly<Record<string, number>>
  /** Of the daemon's own host: what is served there, and by whom. */
  readonly services?: readonly ServiceFigures[]
}

export interface ServiceFigures {
  readonly name: string
  readonly proto: string
  readonly owner: string
  readonly callers: number
}

export type ToHost =
  /** Stop cleanly and exit 0. */
  | { readonly kind: 'stop' }
  | { readonly kind: 'report', readonly id: number }
  /** Decides from now on, also about what is open; answered with `epoch`. */
  | { readonly kind: 'policy', readonly document: PolicyDocument }
  /** To be answered with `alive`. */
  | { readonly kind: 'beat' }
  /** A connection that the front desk accepted is in the descriptor. */
  | { readonly kind: 'adopt', readonly id: number, readonly caller: Caller, readonly descriptor: number }
  /** What `dialHandler` asked for is in the descriptor. */
  | { readonly kind: 'dialled', readonly id: number, readonly descriptor: number }
  /** Why not: a symbolic errno, or ERR_DENIED and a sentence. */
  | { readonly kind: 'notDialled', readonly id: number, readonly code: string, readonly reason: string }
  /** What `reach` asked for is in the descriptor: the host of that peer is at its other end. */
  | { readonly kind: 'reached', readonly id: number, readonly descriptor: number, readonly tenant: string, readonly peerId: string }
  | { readonly kind: 'notReached', readonly id: number, readonly code: string, readonly reason: string }
  /** The host of this neighbour has asked for a connection, and is at the other end of the descriptor. */
  | { readonly kind: 'visited', readonly descriptor: number, readonly tenant: string, readonly peerId: string }

export type FromHost =
  | { readonly kind: 'ready', readonly peerId: string, readonly addresses: readonly string[] }
  /** It cannot run, and starting it again will not help. */
  | { readonly kind: 'unable', readonly reason: string }
  | { readonly kind: 'figures', readonly id: number, readonly figures: HostFigures }
  | { readonly kind: 'handlers', readonly registrations: readonly Registration[] }
  /** The connection is this host's now; until then the supervisor can still give it to another. */
  | { readonly kind: 'adopted', readonly id: number }
  /** The host has no descriptor left for it, so it has to be refused. */
  | { readonly kind: 'declined', readonly id: number }
  | { readonly kind: 'alive' }
  /** A handler's socket that only its own user can reach is to be connected, with the rights of the tenant's app. */
  | { readonly kind: 'dialHandler', readonly id: number, readonly path: string, readonly tenant: string }
  /** A connection to the host of a neighbour, or to the daemon's, is wanted. */
  | { readonly kind: 'reach', readonly id: number, readonly peerId: string }
  /** This epoch decides; what it denies of what was open has been closed. */
  | { readonly kind: 'epoch', readonly epoch: number, readonly revoked: number }
  | { readonly kind: 'audit', readonly event: AuditEvent }
  /** Nothing to do for idleStopMs: it has stopped accepting and exits. */
  | { readonly kind: 'idle' }

/** A protocol's targets beyond these are not known to the next host. */
export const MAX_TARGETS = 64
const MAX_ADDRESSES = 256
const MAX_ADDRESS_CHARACTERS = 1024
export const MAX_REASON_CHARACTERS = 4096
/** Registrations in one message; all of a tenant's together are bounded by its limit. */
const MAX_REGISTRATIONS = 4096
const MAX_COUNTERS = 64
const MAX_PEER_ID_CHARACTERS = 128
/** Of a tenant; its own rule is stricter (config/names.ts). */
const MAX_NAME_CHARACTERS = 32
/** Of them all; a message holds more, each with the longest names. */
export const MAX_SERVICES = 1000

/**
 * Whether it is one of these, with nothing in it that is longer or larger than it can be. A host parses bytes from the
 * network and may have been taken over, so what it says is looked at.
 */
export function isFromHost (message: unknown): message is FromHost {
  if (!isRecord(message)) return false
  switch (message['kind']) {
    case 'ready': return isText(message['peerId'], MAX_PEER_ID_CHARACTERS) && areAddresses(message['addresses'])
    case 'unable': return isText(message['reason'], MAX_REASON_CHARACTERS)
    case 'figures': return isCount(message['id']) && areFigures(message['figures'])
    case 'handlers': return isList(message['registrations'], MAX_REGISTRATIONS, isRegistration)
    case 'adopted':
    case 'declined': return isCount(message['id'])
    case 'dialHandler': return isCount(message['id']) && isText(message['path'], MAX_SOCKET_PATH_BYTES) && isText(message['tenant'], MAX_NAME_CHARACTERS)
    case 'reach': return isCount(message['id']) && isText(message['peerId'], MAX_PEER_ID_CHARACTERS)
    case 'epoch': return isCount(message['epoch']) && isCount(message['revoked'])
    case 'audit': return isAuditEvent(message['event'])
    case 'alive':
    case 'idle': return true
    default: return false
  }
}

function areFigures (value: unknown): boolean {
  if (!isRecord(value)) return false
  const { addresses, limitsReached, services = [], ...counts } = value
  return isList(services, MAX_SERVICES, isService) && areAddresses(addresses) && (limitsReached === undefined || areCounts(limitsReached)) && areCounts(counts)
}

function isService (value: unknown): boolean {
  return isRecord(value) && isText(value['name'], MAX_PROTOCOL_BYTES) && isText(value['proto'], MAX_PROTOCOL_BYTES) && isText(value['owner'], MAX_NAME_CHARACTERS) && isCount(value['callers'])
}

function areCounts (value: unknown): boolean {
  return isRecord(value) && Object.keys(value).length <= MAX_COUNTERS && Object.entries(value).every(([name, count]) => name.length <= 64 && isCount(count))
}

function isRegistration (value: unknown): value is Registration {
  return isRecord(value) && isText(value['protocol'], MAX_PROTOCOL_BYTES) && isList(value['targets'], MAX_TARGETS, isTarget)
}

function isTarget (value: unknown): boolean {
  return isRecord(value) && isText(value['address'], MAX_ADDRESS_CHARACTERS) && [value['uid'], value['gid']].every(id => id === undefined || isCount(id)) &&
    (value['tenant'] === undefined || isText(value['tenant'], MAX_NAME_CHARACTERS))
}

function areAddresses (value: unknown): boolean {
  return isList(value, MAX_ADDRESSES, address => isText(address, MAX_ADDRESS_CHARACTERS))
}

function isList (value: unknown, most: number, isItem: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.length <= most && value.every(isItem)
}

function isText (value: unknown, mostCharacters: number): boolean {
  return typeof value === 'string' && value.length <= mostCharacters
}

function isRecord (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Down the pipe: 4 bytes length, the document as JSON, then the key (libp2p PrivateKey protobuf) to the end. */
export function writeStart (pipe: Writable, start: HostStart, privateKey: Uint8Array): void {
  const document = Buffer.from(JSON.stringify(start))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(document.length)
  pipe.end(Buffer.concat([length, document, privateKey]))
}

/** Of a pipe that may be read faster than it is filled: readFileSync() gives up then. */
function readToEnd (fd: number): Buffer {
  const chunks: Buffer[] = []
  const nobody = new Int32Array(new SharedArrayBuffer(4))
  for (;;) {
    const chunk = Buffer.alloc(64 * 1024)
    try {
      const bytes = readSync(fd, chunk)
      if (bytes === 0) return Buffer.concat(chunks)
      chunks.push(chunk.subarray(0, bytes))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      Atomics.wait(nobody, 0, 0, 1) // a millisecond
    }
  }
}

/** Reads it from descriptor `fd`, waiting for its end: there is nothing else a host could do before. */
export function readStart (fd: number): { start: HostStart, privateKey: Uint8Array } {
  const bytes = readToEnd(fd)
  const end = bytes.length < 4 ? Infinity : 4 + bytes.readUInt32BE(0)
  if (end >= bytes.length) throw new P2pdError('ERR_CLOSED', 'the start document ended early: a host is started by p2pd, not by hand')
  return { start: JSON.parse(bytes.toString('utf8', 4, end)) as HostStart, privateKey: bytes.subarray(end) }
}
