/**
 * The contract of a daemon that has tenants and an identity of its own: sections 13 to 17 of proto/PROTOCOL.md, as tests. And
 * of one that has not, and says so.
 *
 * The operator's part is done at the admin socket; everything else is bytes on control sockets.
 */
import type { ExecutionContext, TestFn } from 'ava'
import { DaemonScene } from './daemonScene.ts'
import type { DaemonPair, Pair } from './pair.ts'
import { blessings } from './rules/blessings.ts'
import { endOfABlessing } from './rules/endOfABlessing.ts'
import { inTheDaemonsName } from './rules/inTheDaemonsName.ts'
import { noDaemon } from './rules/noDaemon.ts'
import { pluginAnswers } from './rules/pluginAnswers.ts'
import { plugins } from './rules/plugins.ts'
import { serving } from './rules/serving.ts'
import { makeSuite } from './suite.ts'

export type DaemonRun = (t: ExecutionContext, scene: DaemonScene) => Promise<void>

export interface DaemonSuite {
  readonly test: (title: string, run: DaemonRun) => void
  /** For one that takes long because something has to be waited for: runs beside the other slow ones, after all the rest. */
  readonly slow: (title: string, run: DaemonRun) => void
}

const RULES = [inTheDaemonsName, endOfABlessing, serving, blessings, plugins, pluginAnswers]

/** Registers every test of it with ava, under this name. The pair is made once, before them. */
export function daemonContract (test: TestFn, name: string, makePair: () => Promise<DaemonPair>): void {
  const pair = madeOnce(test, name, makePair)
  const staged = (run: DaemonRun) => async (t: ExecutionContext): Promise<void> => {
    await using scene = new DaemonScene(pair())
    await run(t, scene)
  }
  const suite: DaemonSuite = {
    // One after the other: what is provided and who is blessed is seen by all.
    test: (title, run) => { test.serial(`${name}: ${title}`, staged(run)) },
    slow: (title, run) => { test(`${name}: ${title}`, staged(run)) }
  }
  for (const rule of RULES) rule(suite)
}

/** For a daemon without an identity of its own. */
export function noDaemonContract (test: TestFn, name: string, makePair: () => Promise<Pair>): void {
  noDaemon(makeSuite({ test, name, pair: madeOnce(test, name, makePair), differences: new Set() }))
}

function madeOnce<T extends AsyncDisposable> (test: TestFn, name: string, make: () => Promise<T>): () => T {
  let made: T | undefined
  test.before(`${name}: it is there`, async () => { made = await make() })
  test.after.always(`${name}: it is gone`, async () => { await made?.[Symbol.asyncDispose]() })
  return () => {
    if (made === undefined) throw new Error(`${name} was not made`)
    return made
  }
}
