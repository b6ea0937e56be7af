/**
 * The closed catalogue of faults p2pd reports.
 *
 * A code is stable and for programs; a message is one sentence for a person and says what to do about it where that can be
 * known; the cause is for the log. Code that finds a fault throws one of these. It is caught only where something can be
 * decided: the session answers it, the supervisor restarts or parks, main picks the exit code.
 */
export type ErrorCode =
  /** A file, flag or manifest is wrong; see ConfigError for all the faults at once. */
  | 'ERR_CONFIG'
  /** A frame on a control connection is over the limit, or its length is no varint. */
  | 'ERR_FRAME'
  /** A frame's bytes are no message of the control protocol. */
  | 'ERR_MESSAGE'
  /** A request misses a field, or a field holds what it may not. */
  | 'ERR_REQUEST'
  /** The operation exists, but nothing on this daemon provides it. */
  | 'ERR_UNAVAILABLE'
  /** Policy or code forbids it. */
  | 'ERR_DENIED'
  /** A limit of the tenant is reached. */
  | 'ERR_LIMIT'
  /** The remote peer cannot be reached, or does not speak what was asked. */
  | 'ERR_PEER'
  /** What was asked did not finish in its time. */
  | 'ERR_TIMEOUT'
  /** A client's call was answered with an ERROR by the daemon. */
  | 'ERR_REMOTE'
  /** A connection ended where more was due. */
  | 'ERR_CLOSED'
  /** An identity is missing, corrupt, swapped or sealed with another key. */
  | 'ERR_KEYSTORE'
  /** Another daemon, or somebody else's file, is where ours should be. */
  | 'ERR_OCCUPIED'
  /** The operating system refused a call. */
  | 'ERR_SYSTEM'

export class P2pdError extends Error {
  readonly code: ErrorCode

  constructor (code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'P2pdError'
    this.code = code
  }
}

/** One thing wrong in the configuration: where it stands, what was found, what was wanted. */
export interface Fault {
  /** The file as the operator named it, or `argv` for a flag. */
  file: string
  /** Dotted path inside the file (`limits.streams`), or '' for the file as a whole. */
  path: string
  /** What is wrong and what would be right: `must be at least 1, found 0`. */
  what: string
}

/** Everything wrong with the configuration, all of it at once. */
export class ConfigError extends P2pdError {
  readonly faults: readonly Fault[]

  constructor (faults: readonly Fault[]) {
    super('ERR_CONFIG', faults.map(formatFault).join('\n'))
    this.name = 'ConfigError'
    this.faults = faults
  }
}

/** `tenants/bob.yaml: limits.streams: must be at least 1, found 0` */
export function formatFault ({ file, path, what }: Fault): string {
  return [file, path, what].filter(part => part !== '').join(': ')
}

/** The sentence of anything thrown, for an answer or a log line. */
export function messageOf (error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
