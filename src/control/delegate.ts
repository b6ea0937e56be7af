/**
 * A request in the daemon's name, on a tenant's own connection: passed on to the daemon's host, and what comes of it back.
 *
 * Nothing is decided here. Owns that the connection then is what it would have been there: usable again after an answer,
 * the stream's after STREAM_OPEN, waiting after STREAM_ACCEPT; and that nothing is left of it when the program has gone.
 */
import type { Socket } from 'node:net'
import { HANGUP_CHECK_MS } from '../limits.ts'
import type { Caller } from '../policy/ask.ts'
import { RequestType, encodeResponse, type Request, type StreamInfo } from '../wire/codec.ts'
import { encodeFrame } from '../wire/frames.ts'
import type { DaemonHost } from './daemonHost.ts'
import { hasEnded } from './ended.ts'
import type { RemoteStream } from './host.ts'
import type { Outcome } from './operation.ts'
import { errorAnswer } from './operations/answers.ts'
import { answerFrom, endStream, isOk, relay, type Relayed } from './relay.ts'
import type { Wait } from './waiting.ts'

export async function delegate (request: Request, { daemon, caller, signal }: { daemon: DaemonHost, caller: Caller, signal: AbortSignal }): Promise<Outcome & { readonly wait?: Wait }> {
  const relayed = await relay(request, { daemon, caller, signal })
  const { response, remote, frames } = relayed
  if (isOk(response) && request.type === RequestType.STREAM_ACCEPT) return { response, wait: async socket => await waitForRelayed(socket, relayed) }
  const early = frames.detach()
  if (isOk(response) && response.streamInfo !== undefined) return { response, early, stream: named(remote, response.streamInfo) }
  endStream(remote)
  return { response }
}

/** As waitForStream() does for a queue of this host. */
async function waitForRelayed (socket: Socket, { remote, frames }: Relayed): Promise<RemoteStream | 'ended' | undefined> {
  const ended = new AbortController()
  const onEnd = (): void => { ended.abort() }
  const watch = setInterval(() => { if (hasEnded(socket)) onEnd() }, HANGUP_CHECK_MS)
  socket.on('end', onEnd).on('close', onEnd)
  if (hasEnded(socket)) onEnd()
  try {
    const response = await answerFrom(frames, ended.signal).catch((error: unknown) => {
      ended.signal.throwIfAborted()
      return errorAnswer(`waiting in the daemon's name is over, with its host or with the blessing: ask again (${error instanceof Error ? error.message : String(error)})`)
    })
    const early = frames.detach()
    socket.write(encodeFrame(encodeResponse(response)))
    if (!isOk(response) || response.streamInfo === undefined) {
      endStream(remote)
      return undefined
    }
    if (early.length > 0) socket.write(early)
    return named(remote, response.streamInfo)
  } catch {
    frames.detach()
    endStream(remote)
    return 'ended'
  } finally {
    clearInterval(watch)
    socket.off('end', onEnd).off('close', onEnd)
  }
}

/** The stream to the daemon's host carries the other one from now on. */
function named (remote: RemoteStream, { proto }: StreamInfo): RemoteStream {
  return { ...remote, protocol: proto }
}
