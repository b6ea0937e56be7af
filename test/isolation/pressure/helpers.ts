/** What the pressure tests share: a world that is looked over when it is taken down, and what a host holds and says. */
import type { ExecutionContext } from 'ava'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../../helpers/deadlines.ts'
import { World, type WorldInit } from '../world.ts'

export const MiB = 1024 * 1024

/** Levels of the log, as its lines have them. */
const FATAL = 60

/**
 * A world for the test, and what it may not leave behind: a process (world.stop() looks), a socket, a mount, a directory; and
 * the supervisor went through it without a fault.
 */
export async function inWorld (t: ExecutionContext, init: WorldInit, use: (world: World) => Promise<void>): Promise<void> {
  const mounts = mountPoints()
  let directory: string
  {
    await using world = await World.start(init)
    directory = world.directory
    await use(world)
    const { log } = world
    t.true([0, undefined].includes(await world.stop() as number | undefined), log) // undefined: the test has stopped it
    t.deepEqual(supervisorFaults(log), [])
    t.deepEqual(readdirSync(world.runDir, { recursive: true, withFileTypes: true }).filter(entry => entry.isSocket()).map(({ name }) => name), [])
    t.deepEqual(unixSockets().filter(path => path.startsWith(world.runDir)), [])
  }
  t.false(existsSync(directory))
  t.deepEqual(mountPoints(), mounts)
}

/** Log lines of the supervisor that no attack may cause. */
export function supervisorFaults (log: string): string[] {
  // What is kept of the log may begin in the middle of a line.
  return log.split('\n').slice(log.startsWith('{') ? 0 : 1).filter(line => {
    if (!line.startsWith('{')) return /uncaught|unhandled/i.test(line)
    const { name, level, msg } = JSON.parse(line) as { name: string, level: number, msg?: string }
    return name === 'p2pd' && (level >= FATAL || /uncaught|unhandled/i.test(msg ?? ''))
  })
}

/** Paths of all Unix sockets there are, as they were bound: proc_net(5). */
function unixSockets (): string[] {
  return readFileSync('/proc/net/unix', 'utf8').split('\n').flatMap(line => line.split(' ').slice(-1)).filter(path => path.startsWith('/'))
}

function mountPoints (): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8').split('\n').map(line => line.split(' ')[4] ?? '')
}

/** Private memory of a process in bytes: what it would free by ending. */
export function privateMemoryOf (pid: number): number {
  const lines = readFileSync(join('/proc', String(pid), 'smaps_rollup'), 'utf8').matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB$/gm)
  return [...lines].reduce((sum, [, kB]) => sum + Number(kB) * 1024, 0)
}

/** The most a process held while something went on, looked at 20 times a second. */
export async function peakMemoryOf (pid: number, during: Promise<unknown>): Promise<number> {
  let peak = privateMemoryOf(pid)
  const timer = setInterval(() => { peak = Math.max(peak, privateMemoryOf(pid)) }, 50)
  try {
    await during
  } finally {
    clearInterval(timer)
  }
  return Math.max(peak, privateMemoryOf(pid))
}

/** Kills the tenant's host; resolves with the state it is in then, once the supervisor has seen it. */
export async function killHost (world: World, tenant: string): Promise<string> {
  const pid = await world.hostPid(tenant)
  const { crashes: before } = await world.tenant(tenant)
  process.kill(pid, 'SIGKILL')
  await until('the end of the host', () => !existsSync(`/proc/${pid}`))
  const { state } = await until('the crash to be seen', async () => {
    const row = await world.tenant(tenant)
    return row.crashes > before && row
  })
  return state
}

/** How often the tenant's host met each of its limits, as the status has it. */
export async function limitsReached (world: World, tenant: string): Promise<Readonly<Record<string, number>>> {
  const { figures } = await world.tenant(tenant) as { figures?: { limitsReached?: Record<string, number> } }
  return figures?.limitsReached ?? {}
}
