/**
 * One control connection, from the accepted socket to its end.
 *
 * Owns the path of a request: frame -> request -> operation -> ask -> decide -> run -> answer, one at a time and in order,
 * and the turn from requests to a pipe. What a request needs is asked of policy here and nowhere else; a request in the daemon's name is not judged
 * here but on the daemon's host, and only passed on (delegate.ts). An ERROR answer leaves the connection usable; only what
 * cannot be parsed ends it.
 */
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { P2pdError, messageOf } from '../errors.ts'
import { HANGUP_CHECK_MS, LAST_ANSWERS_MS, REFUSAL_PAUSE_MS } from '../limits.ts'
import type { Logger } from '../log.ts'
import { hasHungUp } from '../os/hangup.ts'
import type { Ask, Caller } from '../policy/ask.ts'
import type { Judge } from '../policy/judge.ts'
import type { Ledger } from '../policy/ledger.ts'
import { decodeRequest, encodeResponse, type Request } from '../wire/codec.ts'
import { encodeFrame } from '../wire/frames.ts'
import { decodePeerId } from '../wire/peers.ts'
import type { Blessings } from './blessings.ts'
import { NO_DAEMON, type DaemonHost } from './daemonHost.ts'
import { delegate } from './delegate.ts'
import { FrameSource } from './frameSource.ts'
import type { Handlers } from './handlers.ts'
import type { Host, RemoteStream } from './host.ts'
import type { Outcome } from './operation.ts'
import { errorAnswer } from './operations/answers.ts'
import { operationFor } from './operations/table.ts'
import type { Pipes } from './pipes.ts'
import { refuse } from './refusal.ts'
import { waitForStream, type Wait } from './waiting.ts'

export interface SessionInit {
  readonly host: Host
  readonly handlers: Handlers
  readonly daemon: DaemonHost
  readonly blessings: Blessings
  readonly judge: Judge
  readonly ledger: Ledger
  readonly pipes: Pipes
  /** A longer request is none of theirs who ask here. */
  readonly maxFrameBytes: number
  readonly caller: Caller
  readonly log: Logger
  /** Called when the connection stops being a control connection and becomes this stream. */
  readonly onPipe: (stream: RemoteStream) => void
  /** Ends the session, its running request and its pipe. */
  readonly signal: AbortSignal
}

/** One for all: every connection ends with it, and a new one each time would gather a stack each time. */
const GONE = new P2pdError('ERR_CLOSED', 'the client has gone')

/** Serves the connection until it is closed; never rejects. Takes the socket over and closes it. */
export async function serveSession (socket: Socket, init: SessionInit): Promise<void> {
  const gone = new AbortController()
  const end = (): void => { gone.abort(GONE); socket.destroy() }
  socket.on('error', () => {}).once('close', () => { gone.abort(GONE) })
  init.signal.addEventListener('abort', end, { once: true })
  const frames = new FrameSource(socket, init.maxFrameBytes)
  let watch: NodeJS.Timeout | undefined
  try {
    for (let frame = await frames.next(); frame !== undefined; frame = await frames.next()) {
      const request = decodeRequest(frame)
      watch = setInterval(() => { if (hasHungUp(socket)) end() }, HANGUP_CHECK_MS)
      const { response, stream: opened, early, more, wait } = await answer(request, init, gone.signal) // it never rejects
      await write(socket, encodeFrame(encodeResponse(response)))
      if (early !== undefined && early.length > 0) await write(socket, early)
      if (more !== undefined) for await (const message of more) await write(socket, encodeFrame(message))
      clearInterval(watch)
      const stream = wait === undefined ? opened : await wait(socket)
      if (stream === 'ended') {
        // What it has sent ahead was meant for a stream: without one it is no request.
        frames.detach()
        socket.resume()
        break
      }
      if (stream === undefined) continue
      init.onPipe(stream)
      return await init.pipes.join(socket, stream.stream, { head: frames.detach(), whose: () => stream.whose })
    }
    socket.end()
    await closed(socket)
  } catch (error) {
    init.log.info({ caller: init.caller, reason: messageOf(error) }, 'control connection ended')
    frames.detach()
    await refuse(socket, messageOf(error))
  } finally {
    clearInterval(watch)
    init.signal.removeEventListener('abort', end)
  }
}

/** Resolves when the socket has closed: a client that has half-closed has its last answers to read, but not for ever. */
async function closed (socket: Socket): Promise<void> {
  if (socket.destroyed) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const deadline = setTimeout(() => { socket.destroy() }, LAST_ANSWERS_MS)
  socket.once('close', resolve)
  await promise
  clearTimeout(deadline)
}

async function answer (request: Request, init: SessionInit, signal: AbortSignal): Promise<Outcome & { readonly wait?: Wait }> {
  const { host, handlers, daemon, blessings, judge, ledger, caller, log } = init
  try {
    await spendRequest(ledger)
    const operation = operationFor(request.type)
    if (operation === undefined) throw new P2pdError('ERR_REQUEST', `unknown request type ${request.type}`)
    if (request.onBehalfOf !== undefined && !isOwn(request.onBehalfOf, daemon)) return await delegate(request, { daemon, caller, signal })
    const require = judge.inForce()
    const asks = operation.ask(request, daemon, caller)
    for (const ask of asks) require(caller, ask)
    const outcome = await operation.run({ host, handlers, daemon, blessings, judge, caller, signal }, request)
    if (outcome.stream !== undefined) holdStream(outcome.stream, asks, caller, judge)
    const { queues } = outcome
    if (queues === undefined) return outcome
    const wait: Wait = async socket => {
      const stream = await waitForStream(socket, { queues, hold: dismiss => holdAll(asks, caller, judge, dismiss) })
      if (stream !== 'ended' && stream !== undefined) holdStream(stream, asks, caller, judge)
      return stream
    }
    return { ...outcome, wait }
  } catch (error) {
    log.debug({ caller, type: request.type, err: error }, 'request failed')
    return { response: errorAnswer(messageOf(error)) }
  }
}

/** Whether it is the daemon's name and this its own host; ERR_REQUEST where it is nobody's who is served here. */
function isOwn (onBehalfOf: Uint8Array, { peerId, isHere }: DaemonHost): boolean {
  const named = decodePeerId(onBehalfOf).toString()
  if (peerId === undefined) throw new P2pdError('ERR_UNAVAILABLE', `onBehalfOf: ${NO_DAEMON}`)
  if (named !== peerId) throw new P2pdError('ERR_REQUEST', `onBehalfOf: ${named} is not this daemon, whose peer ID is ${peerId}`)
  return isHere
}

/** A client that is over its rate is told so, and not at the rate at which it can ask: refusing that fast would be work, too. */
async function spendRequest (ledger: Ledger): Promise<void> {
  try {
    ledger.requests.spend()
  } catch (error) {
    await delay(REFUSAL_PAUSE_MS)
    throw error
  }
}

/** The stream is there by what was asked of its protocol: it ends when that is no longer allowed. */
function holdStream ({ stream, protocol }: RemoteStream, asks: readonly Ask[], caller: Caller, judge: Judge): void {
  const ask = asks.find(({ resource }) => resource.id === protocol)
  if (ask === undefined || stream.status !== 'open') return
  stream.addEventListener('close', judge.hold(caller, ask, reason => { stream.abort(reason) }), { once: true })
}

/** All of it has to be allowed, as long as it lasts. */
function holdAll (asks: readonly Ask[], caller: Caller, judge: Judge, close: (id: string, reason: P2pdError) => void): () => void {
  const releases = asks.map(ask => judge.hold(caller, ask, reason => { close(ask.resource.id, reason) }))
  return () => { for (const release of releases) release() }
}

/** Resolves when the socket can take more, or is gone: a client that does not read its answers gets no further ones. */
async function write (socket: Socket, bytes: Uint8Array): Promise<void> {
  if (socket.destroyed || socket.write(bytes)) return
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.once('drain', resolve).once('close', resolve)
  await promise
  socket.off('drain', resolve).off('close', resolve)
}
