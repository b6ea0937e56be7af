/**
 * Child processes that cannot outlive the suite.
 *
 * Owns starting, what they print, and their end: each child leads a process group, and the group is killed when the test is
 * over or the test process exits, whichever comes first. What the programs are is toolchain.ts's and daemons.ts's business.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'

/** What a child may print before the oldest is forgotten, in characters: enough for any log a failure is explained with. */
const KEPT_OUTPUT = 1 << 20

/** How long a child has between SIGTERM and SIGKILL. Clients of go-libp2p-daemon wait for its end without any deadline. */
const TERM_DEADLINE_MS = 5000

/** How often a condition outside this process is looked at. */
const POLL_MS = 20

export interface RunOptions {
  cwd?: string
  env?: Record<string, string>
}

const running = new Set<Child>()
process.once('exit', () => running.forEach(child => child.kill()))
// ava ends a test process with SIGTERM, a terminal with SIGINT or SIGHUP, and an ava that was itself killed with a disconnect:
// none of them would come by the line above.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))
process.once('disconnect', () => process.exit(1))

/** A process somebody started, its output so far, and its end. */
export class Child implements AsyncDisposable {
  readonly name: string
  stdout = ''
  stderr = ''
  readonly #process: ChildProcess
  /** Settles with the exit code, or with the name of the signal that ended it. Rejects if it never started. */
  readonly ended: Promise<number | string>
  #over = false

  constructor (command: string, args: readonly string[], { cwd, env }: RunOptions = {}) {
    this.name = [command, ...args].join(' ')
    // A group of its own, so that kill() reaches what the child started too.
    const child = spawn(command, args, {
      cwd, env: { ...process.env, ...env }, detached: true, stdio: ['ignore', 'pipe', 'pipe']
    })
    this.#process = child
    child.stdout.setEncoding('utf8').on('data', (text: string) => { this.stdout = (this.stdout + text).slice(-KEPT_OUTPUT) })
    child.stderr.setEncoding('utf8').on('data', (text: string) => { this.stderr = (this.stderr + text).slice(-KEPT_OUTPUT) })
    running.add(this)
    this.ended = Promise.race([
      // 'close' comes after the output has been read to its end, 'exit' may not.
      once(child, 'close').then(([code, signal]: (number | string)[]) => code ?? signal ?? 'unknown'),
      once(child, 'error').then(([error]: Error[]) => { throw error })
    ]).finally(() => { this.#over = true })
    this.ended.catch(() => {})
  }

  get over (): boolean {
    return this.#over
  }

  signal (name: NodeJS.Signals): void {
    this.#process.kill(name)
  }

  /** Kills the whole group at once; harmless when it is gone. */
  kill (): void {
    running.delete(this)
    if (this.#process.pid === undefined) return
    try {
      process.kill(-this.#process.pid, 'SIGKILL')
    } catch {
      // ESRCH: every process of the group has ended.
    }
  }

  /** SIGTERM, and SIGKILL for whatever is left. Resolves with the exit code or signal, or `undefined` if it had to be killed. */
  async stop (): Promise<number | string | undefined> {
    this.signal('SIGTERM')
    const end = await Promise.race([this.ended, delay(TERM_DEADLINE_MS, undefined, { ref: false })])
    this.kill()
    return end
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    try {
      await this.stop()
    } catch {
      // It never started, and whoever started it knows.
    }
  }
}

export interface Finished {
  stdout: string
  stderr: string
}

/** Runs a command to its end. Anything but exit code 0 in time is an error that shows what it printed. */
export async function run (
  command: string, args: readonly string[], { deadlineMs, ...options }: RunOptions & { deadlineMs: number }
): Promise<Finished> {
  await using child = new Child(command, args, options)
  const end = await Promise.race([child.ended, delay(deadlineMs, undefined, { ref: false })])
  if (end === 0) return { stdout: child.stdout, stderr: child.stderr }
  const how = end === undefined ? `was not done after ${deadlineMs / 1000} s` : `ended with ${end}`
  throw new Error(`${child.name}: ${how}\n${child.stdout}\n${child.stderr}`)
}

/** Waits until `ready` says so. Fails when a child it depends on ends first, or the deadline passes. */
export async function waitFor (
  what: string, ready: () => boolean, { deadlineMs, child }: { deadlineMs: number, child?: Child }
): Promise<void> {
  const deadline = Date.now() + deadlineMs
  while (!ready()) {
    if (child?.over === true) {
      throw new Error(`${what}: ${child.name} ended with ${await child.ended}\n${child.stdout}\n${child.stderr}`)
    }
    if (Date.now() > deadline) {
      throw new Error(`${what}: not after ${deadlineMs / 1000} s${child === undefined ? '' : `\n${child.name}\n${child.stdout}\n${child.stderr}`}`)
    }
    await delay(POLL_MS)
  }
}
