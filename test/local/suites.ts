/**
 * Suites written for mocha, run by ava: every `it` is a test of its own, under its own name, and can fail.
 *
 * A suite defines its tests through mocha's globals when it is called. Those are there for that long only; what they were told is
 * kept and registered. Of mocha's language only what the compliance tests of libp2p speak.
 */
import type { ExecutionContext, TestFn } from 'ava'

type Body = (this: MochaContext) => unknown
interface MochaContext { timeout (ms: number): void, skip (): never }
interface Group { readonly title: string, readonly before: Body[], readonly after: Body[] }
interface Case { readonly title: string, readonly groups: readonly Group[], readonly body: Body, readonly timeoutMs: number | undefined }

/** What a compliance test may take that says nothing of its own: mocha has 2 s, on a machine with nothing else to do. */
const TIMEOUT_MS = 60_000

/** Registers what `define` defines, one after the other: a suite keeps what its tests work on in variables of its own. */
export function register (test: TestFn, name: string, define: () => void): void {
  for (const { title, groups, body, timeoutMs } of collect(define)) {
    test.serial(`${name}: ${title}`, async t => {
      const context = contextOf(t, timeoutMs)
      try {
        for (const before of groups.flatMap(group => group.before)) await before.call(context)
        await body.call(context)
      } finally {
        for (const after of groups.toReversed().flatMap(group => group.after)) await after.call(context)
      }
      t.pass()
    })
  }
}

function collect (define: () => void): Case[] {
  const cases: Case[] = []
  const open: Group[] = []
  let timeoutMs: number | undefined
  const globals = {
    describe: (title: string, body: Body) => {
      open.push({ title, before: [], after: [] })
      const outer = timeoutMs
      body.call({ timeout: ms => { timeoutMs = ms }, skip: () => { throw new Error(`${title} is skipped`) } })
      timeoutMs = outer
      open.pop()
    },
    it: (title: string, body: Body) => {
      cases.push({ title: [...open.map(group => group.title), title].join(' › '), groups: [...open], body, timeoutMs })
    },
    beforeEach: (body: Body) => { open.at(-1)?.before.push(body) },
    afterEach: (body: Body) => { open.at(-1)?.after.push(body) }
  }
  const before = Object.fromEntries(Object.keys(globals).map(name => [name, Reflect.get(globalThis, name)]))
  Object.assign(globalThis, globals)
  try {
    define()
  } finally {
    Object.assign(globalThis, before)
  }
  return cases
}

function contextOf (t: ExecutionContext, timeoutMs: number = TIMEOUT_MS): MochaContext {
  t.timeout(timeoutMs)
  return {
    timeout: ms => { t.timeout(ms) },
    // A test that leaves itself out has tested nothing: what is to be left out is said by name, where the suite is registered.
    skip: () => { throw new Error('it left itself out') }
  }
}
