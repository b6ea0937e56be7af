/**
 * Sends cases to a control socket, many connections at a time, and holds the daemon to what each of them has to bring.
 *
 * Knows nothing of what else is to stay true meanwhile: the test looks at that.
 */
import { ResponseType, decodeResponse } from '../../src/wire/codec.ts'
import type { SocketAddress } from '../helpers/addresses.ts'
import { RawConnection } from '../helpers/rawConnection.ts'
import { makeCase, type Case } from './cases.ts'

const CONNECTIONS = 16

/** For all of a connection's answers: many, each after the one before it, on a machine that does other things too. */
const CASE_DEADLINE_MS = 30_000

export interface FuzzInit {
  readonly control: SocketAddress
  readonly seed: number
  /** So many, and those that the last connections bring along. */
  readonly frames: number
  /** The first case; with `frames` 1 the only one. */
  readonly first?: number
  /** Called after each case with all frames so far; what it throws ends everything. */
  readonly onProgress: (frames: number) => Promise<void>
}

export class CaseFailed extends Error {
  constructor (seed: number, number: number, { bytes, answers }: Case, cause: unknown) {
    super(`case ${number} of seed ${seed} (${bytes.length} bytes, ${answers} answers due): ${String(cause)}
repeat it alone with P2PD_FUZZ_SEED=${seed} P2PD_FUZZ_CASE=${number}
${bytes.subarray(0, 2_000).toString('hex')}${bytes.length > 2_000 ? '...' : ''}`, { cause })
  }
}

/** Resolves with how much was sent. Rejects at the first case that does not bring what it has to. */
export async function fuzz ({ control, seed, frames, first = 0, onProgress }: FuzzInit): Promise<{ cases: number, frames: number }> {
  let [next, sent] = [first, 0]
  const work = async (): Promise<void> => {
    while (sent < frames) {
      const number = next++
      const made = makeCase(seed, number)
      // Counted before it is done, so that others do not begin what is then too much.
      sent += made.frames
      try {
        await run(control, made)
      } catch (error) {
        sent = Infinity
        throw new CaseFailed(seed, number, made, error)
      }
      await onProgress(sent)
    }
  }
  const workers = await Promise.allSettled(Array.from({ length: frames === 1 ? 1 : CONNECTIONS }, work))
  const failures = workers.flatMap(worker => worker.status === 'rejected' ? [worker.reason as Error] : [])
  // One crash fails all that are in flight: the cause is among them.
  if (failures.length > 0) throw new AggregateError(failures, failures.map(({ message }) => message).join('\n\n'))
  return { cases: next - first, frames: sent }
}

async function run (control: SocketAddress, { bytes, ending, answers, isCutOff }: Case): Promise<void> {
  using connection = await RawConnection.to(control)
  connection.socket.write(bytes)
  if (ending === 'leaves') return
  connection.end()
  const received = await connection.readToEnd(CASE_DEADLINE_MS)
  check(received, answers, isCutOff)
}

function check (received: Buffer, answers: number, isCutOff: boolean): void {
  let [at, count, last] = [0, 0, -1]
  for (; at < received.length; count++) {
    const [length, size] = lengthAt(received, at)
    const { type, error } = decodeResponse(received.subarray(at + size, at + size + length))
    if (type !== ResponseType.OK && type !== ResponseType.ERROR) throw new Error(`answer ${count} is of type ${type}`)
    if ((type === ResponseType.ERROR) !== (error !== undefined && error.msg.length > 0)) throw new Error(`answer ${count} is an ERROR without words, or words without an ERROR`)
    at += size + length
    last = type
  }
  if (at !== received.length) throw new Error('the last answer is cut short')
  if (count !== answers) throw new Error(`${count} answers`)
  if (isCutOff && last !== ResponseType.ERROR) throw new Error('what cannot be read was answered OK')
}

function lengthAt (bytes: Buffer, at: number): [length: number, size: number] {
  let length = 0
  for (let size = 1; ; size++) {
    const byte = bytes.readUInt8(at + size - 1)
    length += (byte & 0x7f) * 2 ** (7 * (size - 1))
    if (byte < 0x80) return [length, size]
  }
}
