/**
 * What every client has to be able to do with every daemon, and where go-libp2p-daemon itself cannot.
 *
 * The list stands here and the drivers, in Go and in Python, are held to it: a check a driver leaves out has failed.
 */
import type { ExecutionContext } from 'ava'
import type { Endpoint, World } from './daemons.ts'
import { run } from './processes.ts'
import type { GoPrograms, Python } from './toolchain.ts'

export const CHECKS = [
  'identify',
  'list-peers-starts-empty',
  'connect-without-address-is-an-error',
  'connect-to-the-wrong-peer-is-an-error',
  'connect-to-the-wrong-hashed-peer-is-an-error',
  'connect-refused-is-an-error',
  'connect',
  'list-peers',
  'connect-again',
  'stream-to-an-unknown-peer-is-an-error',
  'stream-of-an-unknown-protocol-is-an-error',
  'stream-reply',
  'stream-handler-speaks-first',
  'stream-negotiates',
  'bulk-both-ways',
  'bytes-before-close-by-dialer',
  'bytes-before-close-by-handler',
  'half-close-by-dialer',
  'half-close-by-handler',
  'close-with-bytes-unread',
  'streams-at-once',
  'handlers-many',
  'handler-overwritten',
  'handler-gone-and-back',
  'disconnect-ends-streams',
  'disconnect-with-bytes-unread',
  'disconnect',
  'disconnect-again',
  'stream-dials-by-itself'
]

/** Python's multiaddr library drops the first slash of a Unix path from the bytes; the client means the absolute path. */
const PYTHON_CHECKS = [...CHECKS, 'handler-path-without-slash']

/** go-libp2p-daemon closes both directions when one ends, so a reply to a finished request is lost. */
const NEEDS_HALF_CLOSE = ['half-close-by-dialer', 'half-close-by-handler']

/**
 * go-libp2p-daemon resets a stream right after it has closed it, and sometimes the reset overtakes the last bytes: once in 50
 * runs on a busy machine.
 */
const NEEDS_ORDERLY_CLOSE = { dialer: 'bytes-before-close-by-dialer', handler: 'bytes-before-close-by-handler' }

/** go-libp2p-daemon answers "path protocol must begin with '/'". */
const NEEDS_LENIENT_PATHS = ['handler-path-without-slash']

/** Every check of a driver has a deadline of 30 s, so this is for the driver that hangs outside of them. */
const DRIVER_DEADLINE_MS = 10 * 60_000

/** A client library, as a program that runs all checks. */
export interface Client {
  language: string
  checks: readonly string[]
  command: string
  args: readonly string[]
  env: Record<string, string>
}

export function goClient ({ driver }: GoPrograms): Client {
  return { language: 'Go', checks: CHECKS, command: driver, args: [], env: {} }
}

export function pythonClient ({ interpreter, driver, env }: Python): Client {
  return { language: 'Python', checks: PYTHON_CHECKS, command: interpreter, args: [driver], env }
}

interface Result {
  check: string
  ok: boolean
  error?: string
}

/** What fails when one of the daemons is go-libp2p-daemon: always, or only at times. */
export function differencesOfGo ({ checks }: Client, { dialer, handler }: Direction): { always: string[], atTimes: string[] } {
  const always = [
    ...(dialer.isGo || handler.isGo ? NEEDS_HALF_CLOSE : []),
    ...(handler.isGo ? NEEDS_LENIENT_PATHS : [])
  ]
  const atTimes = [
    ...(dialer.isGo ? [NEEDS_ORDERLY_CLOSE.dialer] : []),
    ...(handler.isGo ? [NEEDS_ORDERLY_CLOSE.handler] : [])
  ]
  return { always: checks.filter(check => always.includes(check)), atTimes }
}

export interface Direction {
  dialer: Endpoint
  handler: Endpoint
}

/** Runs the checks of one client in one direction: those that failed, with the reason. */
export async function failures (
  world: World, client: Client, { dialer, handler }: Direction, skipped: readonly string[] = []
): Promise<Map<string, string>> {
  const directory = await world.makeDirectory('client')
  const { stdout } = await run(client.command, [
    ...client.args, '--dialer', dialer.control, '--handler', handler.control, '--directory', directory, '--skip', skipped.join(','),
    ...dialer.neighbour !== undefined && handler.neighbour !== undefined ? ['--neighbour', handler.neighbour] : []
  ], { env: client.env, deadlineMs: DRIVER_DEADLINE_MS })
  const results = new Map(stdout.trimEnd().split('\n').map(line => JSON.parse(line) as Result).map(result => [result.check, result]))
  const unknown = [...results.keys()].filter(check => !client.checks.includes(check))
  if (unknown.length > 0) throw new Error(`scenarios.ts does not list ${unknown.join(', ')}`)
  return new Map(client.checks.filter(check => !skipped.includes(check)).flatMap(check => {
    const { ok, error } = results.get(check) ?? { ok: false, error: 'the driver did not report it' }
    return ok ? [] : [[check, error ?? 'no reason given']]
  }))
}

/** The assertion of nearly every test here: the client, unchanged, can do everything, both ways. */
export async function bothWays (t: ExecutionContext, world: World, client: Client, [first, second]: readonly [Endpoint, Endpoint]): Promise<void> {
  const failed: Record<string, string> = {}
  for (const [title, direction] of [
    ['first dials second', { dialer: first, handler: second }],
    ['second dials first', { dialer: second, handler: first }]
  ] as const) {
    const { always, atTimes } = differencesOfGo(client, direction)
    for (const [check, reason] of await failures(world, client, direction, always)) {
      if (!atTimes.includes(check)) failed[`${title}: ${check}`] = reason
    }
  }
  if (Object.keys(failed).length > 0) t.log(world.logs())
  t.deepEqual(failed, {}, `${client.language} client`)
}
