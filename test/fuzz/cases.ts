/**
 * One case: what one connection sends, how it ends, and how many answers that has to bring.
 *
 * Owns the rule that nothing of it makes the daemon reach beyond this machine, by reading the bytes as the daemon will and
 * making them anew where it could.
 */
import { decodeRequest, type Request } from '../../src/wire/codec.ts'
import { FrameReader } from '../../src/wire/frames.ts'
import { RequestType } from '../../src/wire/messages.ts'
import { anyFrame } from './frames.ts'
import { isHarmless } from './harmless.ts'
import { Random } from './random.ts'

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
    const bytes = Buffer.concat(Array.from({ length: 1 + random.below(MOST_FRAMES) }, () => anyFrame(random)))
    const found = read(bytes)
    if (found !== undefined) return { bytes, ending: random.chance(0.9) ? 'waits' : 'leaves', ...found }
  }
}

/** As the daemon reads it; undefined when it would then dial what it should not. */
function read (bytes: Uint8Array): Omit<Case, 'bytes' | 'ending'> | undefined {
  const reader = new FrameReader()
  reader.push(bytes)
  let answers = 0
  try {
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
      const request = decodeRequest(frame)
      answers++
      if (!mayBeSent(request)) return undefined
    }
    const isCutOff = reader.midFrame
    answers += Number(isCutOff)
    return { answers, isCutOff, frames: answers }
  } catch {
    return { answers: answers + 1, isCutOff: true, frames: answers + 1 }
  }
}

function mayBeSent ({ type, connect }: Request): boolean {
  return type !== RequestType.CONNECT || connect === undefined || connect.addrs.every(isHarmless)
}
