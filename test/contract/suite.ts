/** What the rules are written with: a test of the contract, and a test where daemons are known to differ. */
import type { ExecutionContext, TestFn } from 'ava'
import { ResponseType, type Response } from '../../src/wire/codec.ts'
import type { RawConnection } from '../helpers/rawConnection.ts'
import * as requests from '../helpers/requests.ts'
import type { Difference } from './differences.ts'
import type { Pair } from './pair.ts'
import { Scene } from './scene.ts'

export type Run = (t: ExecutionContext, scene: Scene) => Promise<void>
/** A title, which is a sentence, and what it says. */
export type Claim = readonly [title: string, run: Run]

/** What the contract says, and what is so where it is known not to be kept. */
export interface Claims {
  readonly ours: readonly Claim[]
  readonly theirs: readonly Claim[]
  readonly slow?: boolean
}

export interface Suite {
  readonly test: (...claim: Claim) => void
  /** For one that takes long because something has to be waited for: runs beside the other slow ones, after all the rest. */
  readonly slow: (...claim: Claim) => void
  readonly differs: (difference: Difference, claims: Claims) => void
}

export interface SuiteInit {
  readonly test: TestFn
  /** Comes before each title. */
  readonly name: string
  readonly pair: () => Pair
  readonly differences: ReadonlySet<Difference>
}

export function makeSuite ({ test, name, pair, differences }: SuiteInit): Suite {
  const titled = (title: string): string => `${name}: ${title}`
  const staged = (run: Run) => async (t: ExecutionContext): Promise<void> => {
    await using scene = new Scene(pair())
    await run(t, scene)
  }
  const suite: Suite = {
    // One after the other: connecting and disconnecting is seen by all.
    test: (title, run) => { test.serial(titled(title), staged(run)) },
    slow: (title, run) => { test(titled(title), staged(run)) },
    differs: (difference, { ours, theirs, slow = false }) => {
      for (const claim of differences.has(difference) ? theirs : ours) suite[slow ? 'slow' : 'test'](...claim)
    }
  }
  return suite
}

export function isOk (t: ExecutionContext, { type, error }: Response, what?: string): void {
  t.is(type, ResponseType.OK, [what, error?.msg].filter(part => part !== undefined).join(': '))
}

/** An answer a person can do something with. */
export function isError (t: ExecutionContext, { type, error }: Response, words: RegExp = /\w/, what?: string): void {
  t.is(type, ResponseType.ERROR, what)
  t.regex(error?.msg ?? '', words, what)
}

/** Whatever was answered, the connection goes on. */
export async function isUsable (t: ExecutionContext, connection: RawConnection, what?: string): Promise<void> {
  isOk(t, await connection.ask(requests.identify()), what ?? 'the connection after it')
}

/** The daemon's last word on this connection: an ERROR, and an orderly end. */
export async function endsWithError (t: ExecutionContext, connection: RawConnection, what?: string, deadlineMs?: number): Promise<void> {
  isError(t, await connection.response(deadlineMs), /\w/, what)
  await endsInSilence(t, connection, what)
}

export async function endsInSilence (t: ExecutionContext, connection: RawConnection, what?: string): Promise<void> {
  t.is((await connection.readToEnd()).toString('hex'), '', what)
}
