/** What an operation of the control protocol is: what it asks of policy, then what it does. */
import type { Ask, Caller } from '../policy/ask.ts'
import type { Request, Response } from '../wire/codec.ts'
import type { Judge } from '../policy/judge.ts'
import type { Blessings } from './blessings.ts'
import type { DaemonHost } from './daemonHost.ts'
import type { Handlers } from './handlers.ts'
import type { Host, RemoteStream } from './host.ts'
import type { Waiters } from './waiters.ts'

/** What an operation works with. */
export interface OperationContext {
  readonly host: Host
  readonly handlers: Handlers
  readonly daemon: DaemonHost
  readonly blessings: Blessings
  readonly judge: Judge
  readonly caller: Caller
  /** Aborted when the client has gone or the host stops. */
  readonly signal: AbortSignal
}

export interface Outcome {
  readonly response: Response
  /** The connection becomes this stream's pipe once the response is written. */
  readonly stream?: RemoteStream
  /** Bytes of that stream that came along with the answer. */
  readonly early?: Uint8Array
  /** Messages that follow the response, each in a frame of its own; ended early when the client has gone. */
  readonly more?: AsyncIterable<Uint8Array>
  /** The connection waits in these for a stream once the response is written. */
  readonly queues?: readonly Waiters[]
}

export interface Operation {
  /**
   * Everything the request needs to be allowed; all of it must be. Throws ERR_REQUEST for a request that names nothing. What
   * is done to or on the daemon's own host is asked for as that.
   */
  ask (request: Request, daemon: Pick<DaemonHost, 'peerId' | 'isHere'>, caller: Caller): readonly Ask[]
  /** Runs only if all that was asked is allowed. What it rejects with becomes the ERROR answer. */
  run (context: OperationContext, request: Request): Promise<Outcome>
}
