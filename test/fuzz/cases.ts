/**
 * One case: what one connection sends, how it ends, and how many answers that has to bring.
 *
 * Owns the rule that nothing of it makes the daemon reach beyond this machine, by reading the bytes as the daemon will and
 * making them anew where it could.
 */
import { decodeRequest, type Request } from '../../src/wire/codec.ts'
import { FrameReader } from '../../src/wire/frames.ts'
import { RequestType } from '../../src/wire/messages.ts'
import { frame } from '../helpers/protobuf.ts'
import { anyFrame } from './frames.ts'
import { isHarmless } from './harmless.ts'
import { Random } from './random.ts'
import { waitingRequest } from './requests.ts'

/** What a client does when all is written: waits for every answer, or goes at once. */
export type Ending = 'waits' | 'leaves'

export interface Case {
  readonly bytes: Buffer
  readonly ending: Ending
  /** Answers that are due, the last one an ERROR when `isCutOff`. */
  readonly answers: number
  /** Something in it cannot be read, which is the end of the connection. */
  readonly isCutOff: boolean
  /** Frames that the daemon has to look at: those behind one that cannot be read are not. */
  readonly frames: number
}

const MOST_FRAMES = 120

export function makeCase (seed: number, number: number): Case {
  const random = new Random(seed, number)
  for (;;) {
    const made = tryCase(random)
    if (made !== undefined) return made
  }
}

/** Frames up to the first that cannot be read, and a few more to be thrown away. Undefined when it would dial what it should not. */
function tryCase (random: Random): Case | undefined {
  const reader = new FrameReader()
  const pieces: Buffer[] = []
  const most = 1 + random.below(MOST_FRAMES)
  let [answers, isCutOff] = [0, false]
  while (pieces.length < most && !isCutOff) {
    const piece = anyFrame(random)
    pieces.push(piece)
    reader.push(piece)
    try {
      for (let body = reader.next(); body !== undefined; body = reader.next()) {
        const request = decodeRequest(body)
        if (!mayBeSent(request)) return undefined
        answers++
      }
    } catch {
      isCutOff = true
    }
  }
  if (!isCutOff && !reader.midFrame && random.chance(0.3)) {
    pieces.push(frame(waitingRequest(random)))
    answers++
  }
  if (isCutOff) pieces.push(...random.several(3, () => anyFrame(random)))
  // What was begun is cut off by the end of the connection.
  else isCutOff = reader.midFrame
  answers += Number(isCutOff)
  return { bytes: Buffer.concat(pieces), ending: random.chance(0.9) ? 'waits' : 'leaves', answers, isCutOff, frames: answers }
}

/** Nor may a connection wait for a stream, unless nothing follows: that would be no requests any more. */
function mayBeSent ({ type, connect }: Request): boolean {
  if (type === RequestType.STREAM_ACCEPT) return false
  return type !== RequestType.CONNECT || connect === undefined || connect.addrs.every(isHarmless)
}
