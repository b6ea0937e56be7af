/**
 * Processes of a contender: starting, weighing and ending them, with all their children.
 *
 * Reads /proc, so Linux only. Nothing here knows what the processes are.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { P2pdError } from '../src/errors.ts'

/** Clock ticks a second in /proc/PID/stat: USER_HZ is 100 on every Linux that Node runs on, proc(5). */
const TICKS_PER_SECOND = 100

/** How long a contender may take to end after SIGTERM before it is killed. */
const STOP_MS = 5_000

const running = new Set<Running>()

process.on('exit', () => {
  for (const one of running) one.kill()
})

/** A started command with whatever it starts itself. */
export class Running {
  readonly pid: number
  readonly #child: ChildProcess
  readonly #log: string
  readonly #ended: Promise<void>

  private constructor (child: ChildProcess, pid: number, log: string) {
    this.#child = child
    this.pid = pid
    this.#log = log
    this.#ended = new Promise(resolve => child.once('exit', () => { resolve() }))
    running.add(this)
  }

  /** Starts a command in a process group of its own; what it prints goes to the file `log`. */
  static start (command: readonly string[], log: string): Running {
    const [program = '', ...args] = command
    const output = openSync(log, 'a')
    try {
      const child = spawn(program, args, { detached: true, stdio: ['ignore', output, output] })
      child.on('error', () => { /* no pid, which is looked at below */ })
      if (child.pid === undefined) throw new P2pdError('ERR_SYSTEM', `${program} cannot be started`)
      return new Running(child, child.pid, log)
    } finally {
      closeSync(output)
    }
  }

  /** This process and all its descendants, parents first. */
  pids (): number[] {
    return treeOf(this.pid)
  }

  /** Waits until `ready` says so; fails when the process ends first or the time is over, with its last words. */
  async until (ready: () => Promise<boolean>, timeoutMs: number): Promise<void> {
    const deadline = Date.now() + timeoutMs
    while (!await ready()) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        throw new P2pdError('ERR_CLOSED', `it ended while starting: ${lastLine(this.#log)}`)
      }
      if (Date.now() > deadline) throw new P2pdError('ERR_TIMEOUT', `not ready in ${timeoutMs / 1000} s: ${lastLine(this.#log)}`)
      await sleep(20)
    }
  }

  /** Ends it and its children: asks first, then kills. Answers how many of its processes had to be killed. */
  async stop (): Promise<number> {
    const pids = this.pids()
    if (this.#child.exitCode === null) this.#child.kill('SIGTERM')
    await Promise.race([this.#ended, sleep(STOP_MS, undefined, { ref: false })])
    const deadline = Date.now() + 1_000
    while (pids.some(isAlive) && Date.now() < deadline) await sleep(20)
    const left = pids.filter(isAlive)
    for (const pid of left) signal(pid, 'SIGKILL')
    this.kill()
    running.delete(this)
    return left.length
  }

  /** Kills all of it now, without waiting. */
  kill (): void {
    for (const pid of this.pids()) signal(pid, 'SIGKILL')
    signal(-this.pid, 'SIGKILL')
  }
}

function signal (pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It has ended already.
  }
}

function isAlive (pid: number): boolean {
  const stat = statOf(pid)
  return stat !== undefined && stat.state !== 'Z'
}

function lastLine (file: string): string {
  return readFileSync(file, 'utf8').trim().split('\n').at(-1) ?? ''
}

interface Stat { state: string, parent: number, cpuTicks: number }

/** Undefined for a process that is gone. The name may hold blanks and brackets, so fields are counted from its last one. */
function statOf (pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    // Fields 3, 4 and 14 to 17 of proc_pid_stat(5): state, ppid, then utime, stime and the same of ended children.
    const cpuTicks = fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0)
    return { state: fields[0] ?? '', parent: Number(fields[1]), cpuTicks }
  } catch {
    return undefined
  }
}

function treeOf (root: number): number[] {
  const children = new Map<number, number[]>()
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry)
    const stat = Number.isInteger(pid) ? statOf(pid) : undefined
    if (stat === undefined) continue
    children.set(stat.parent, [...children.get(stat.parent) ?? [], pid])
  }
  const tree = [root]
  for (const pid of tree) tree.push(...children.get(pid) ?? [])
  return tree
}

/** CPU seconds used so far, user and kernel, with those of children that have ended. */
export function cpuSeconds (pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + (statOf(pid)?.cpuTicks ?? 0), 0) / TICKS_PER_SECOND
}

/** CPU seconds of the whole machine so far, all that was not idle. */
export function machineCpuSeconds (): number {
  const [, ...ticks] = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]?.trim().split(/\s+/).map(Number) ?? []
  // user, nice, system, idle, iowait, irq, softirq, steal: proc_stat(5). Guests are counted in user.
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = ticks
  return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND
}

/** Resident bytes, summed: pages that several processes share (the program itself) count once for each. */
export function residentBytes (pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + kilobytesIn(`/proc/${pid}/status`, ['VmRSS']) * 1024, 0)
}

/** Bytes only these processes hold: what the machine gets back when they end. Needs root for a process that is not dumpable. */
export function privateBytes (pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + kilobytesIn(`/proc/${pid}/smaps_rollup`, ['Private_Clean', 'Private_Dirty']) * 1024, 0)
}

/** Nothing for a process that has ended since it was listed. */
function kilobytesIn (file: string, names: readonly string[]): number {
  let text = ''
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const gone = error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')
    if (!gone) throw error
  }
  let sum = 0
  for (const line of text.split('\n')) {
    const [name = '', rest = ''] = line.split(':')
    if (names.includes(name)) sum += Number.parseInt(rest, 10)
  }
  return sum
}
