/**
 * Requests that the daemon's own host answers, passed on from a tenant's host.
 *
 * One stream between the two hosts a request. The daemon's host serves it as it serves a control connection of this caller,
 * whose tenant it knows by who is at the other end and not by what is said here. Owns what both sides say before that.
 */
import { P2pdError } from '../errors.ts'
import { AS_DAEMON_PROTOCOL } from '../wire/protocols.ts'
import type { Caller } from '../policy/ask.ts'
import { ResponseType, decodeResponse, encodeRequest, type Request, type Response } from '../wire/codec.ts'
import type { DaemonHost } from './daemonHost.ts'
import type { RemoteStream } from './host.ts'
import { StreamFrames } from './streamFrames.ts'

export interface Relayed {
  readonly response: Response
  readonly remote: RemoteStream
  /** For whatever follows the response; whoever has it detaches it. */
  readonly frames: StreamFrames
}

/**
 * Resolves with the first answer. Whoever called ends the stream. Rejects with ERR_UNAVAILABLE, ERR_PEER or ERR_LIMIT when the
 * daemon's host cannot be asked, with ERR_CLOSED, ERR_FRAME or ERR_MESSAGE when it answers nothing or nonsense, or with the
 * signal's reason.
 */
export async function relay (request: Request, { daemon, caller, signal }: { daemon: DaemonHost, caller: Caller, signal: AbortSignal }): Promise<Relayed> {
  const remote = await daemon.openStream(AS_DAEMON_PROTOCOL, { signal })
  const frames = new StreamFrames(remote.stream)
  try {
    frames.send(encodeCaller(caller))
    frames.send(encodeRequest(request))
    return { response: await answerFrom(frames, signal), remote, frames }
  } catch (error) {
    remote.stream.abort(error instanceof Error ? error : new Error(String(error)))
    if (!(error instanceof P2pdError && error.code === 'ERR_CLOSED')) throw error
    throw new P2pdError('ERR_CLOSED', 'the daemon\'s host did not take the request: it is ending, or a limit of it is reached, which `p2pctl status` counts: ask again', { cause: error })
  }
}

/** Asks and is done. */
export async function relayOnce (request: Request, options: Parameters<typeof relay>[1]): Promise<Response> {
  const { response, remote, frames } = await relay(request, options)
  frames.detach()
  endStream(remote)
  return response
}

/** ERR_CLOSED when the daemon's host ends it without one. */
export async function answerFrom (frames: StreamFrames, signal: AbortSignal): Promise<Response> {
  const frame = await frames.next(signal)
  if (frame === undefined) throw new P2pdError('ERR_CLOSED', 'the daemon\'s host ended before it answered: ask again')
  return decodeResponse(frame)
}

export function isOk ({ type }: Response): boolean {
  return type === ResponseType.OK
}

/** Nothing more is wanted of it. */
export function endStream ({ stream }: RemoteStream): void {
  stream.abort(new P2pdError('ERR_CLOSED', 'the request is over'))
}

/** Largest first message of a tenant's host: who calls. */
export const MAX_CALLER_BYTES = 256

/** The pid of a caller, as JSON. For the audit log only: nothing is allowed because of it. */
function encodeCaller ({ process }: Caller): Uint8Array {
  return Buffer.from(JSON.stringify({ pid: process?.pid }))
}

/** What the tenant's host says of its caller: a pid; undefined where a process is not named. Throws ERR_MESSAGE. */
export function decodeCaller (bytes: Uint8Array): number | undefined {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch (cause) {
    throw new P2pdError('ERR_MESSAGE', 'this is no caller', { cause })
  }
  const { pid } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
  if (pid === undefined) return undefined
  if (!Number.isSafeInteger(pid) || Number(pid) < 0 || Number(pid) >= 2 ** 32) throw new P2pdError('ERR_MESSAGE', 'this is no caller')
  return Number(pid)
}
