/** Whether a blessing still stands: the protocol of the daemon's host that any peer may ask, as far as policy lets it. */
import type { Stream } from '@libp2p/interface'
import { BLESSING_STATUS_PROTOCOL, MAX_STATUS_BYTES } from '../blessing/askStatus.ts'
import type { Grant } from '../blessing/grant.ts'
import { statusAnswer } from '../blessing/status.ts'
import type { Host, RemoteStream } from '../control/host.ts'
import { StreamFrames } from '../control/streamFrames.ts'
import { P2pdError } from '../errors.ts'
import { FRAME_DEADLINE_MS, LINGER_MS } from '../limits.ts'

/** One that asks nothing holds a stream: the question has 18 bytes, and comes at once. */
const QUESTION_MS = 2_000
const MAX_ASKED_AT_ONCE = 8

/** Those there are at this moment. */
interface Standing { readonly standing: readonly Grant[] }

/** One question a stream, and one answer. */
export async function answerBlessingStatus (host: Pick<Host, 'handle'>, blessings: Standing): Promise<void> {
  const asking = new Map<string, number>()
  const receive = async ({ stream, peer }: RemoteStream): Promise<void> => {
    const id = peer.toString()
    const others = asking.get(id) ?? 0
    if (others >= MAX_ASKED_AT_ONCE) return stream.abort(new P2pdError('ERR_LIMIT', `${MAX_ASKED_AT_ONCE} questions at once are a peer's most`))
    asking.set(id, others + 1)
    await answer(stream, blessings) // it never rejects
    const left = (asking.get(id) ?? 1) - 1
    if (left === 0) asking.delete(id)
    else asking.set(id, left)
  }
  await host.handle(BLESSING_STATUS_PROTOCOL, remote => { void receive(remote) })
}

async function answer (stream: Stream, blessings: Standing): Promise<void> {
  try {
    const frames = new StreamFrames(stream, MAX_STATUS_BYTES)
    const question = await frames.next(AbortSignal.timeout(QUESTION_MS))
    if (question !== undefined) frames.send(statusAnswer(question, blessings.standing, Date.now()))
    frames.detach()
    await stream.close({ signal: AbortSignal.timeout(FRAME_DEADLINE_MS) })
    // A Go peer throws unread bytes away on a reset, and one that never ends its own writing is not waited for.
    const { promise: over, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, LINGER_MS).unref()
    stream.addEventListener('close', () => { resolve() }, { once: true })
    if (stream.status !== 'open') resolve()
    await over
    clearTimeout(timer)
    stream.abort(new Error('answered'))
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error(String(error)))
  }
}
