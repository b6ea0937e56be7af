/**
 * A program that a test started: its output so far, and its end, which comes with the test's at the latest.
 *
 * Each child leads a process group of its own, and the whole group is killed: what a program started goes with it.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { until, within } from './deadlines.ts'

/** What is kept of each stream, in characters: enough to explain a failure. */
const KEPT_CHARACTERS = 256 * 1024

/** From SIGTERM to SIGKILL. */
const TERM_DEADLINE_MS = 5_000

const living = new Set<Child>()
const killAll = (): void => { for (const child of living) child.kill() }
process.once('exit', killAll)
for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(name, () => { killAll(); process.kill(process.pid, name) })

export class Child implements AsyncDisposable {
  readonly command: string
  stdout = ''
  stderr = ''
  /** Exit code or signal, once it is over and its output has been read. */
  end: number | NodeJS.Signals | undefined
  readonly #process: ChildProcess
  readonly #ended: Promise<void>

  constructor (command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    this.command = [command, ...args].join(' ')
    const child = this.#process = spawn(command, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.setEncoding('utf8').on('data', (text: string) => { this.stdout = (this.stdout + text).slice(-KEPT_CHARACTERS) })
    child.stderr.setEncoding('utf8').on('data', (text: string) => { this.stderr = (this.stderr + text).slice(-KEPT_CHARACTERS) })
    child.on('error', error => { this.stderr += String(error) })
    living.add(this)
    this.#ended = once(child, 'close').then(([code, signal]: Array<number | NodeJS.Signals | null>) => { this.end = code ?? signal ?? 1 })
  }

  get pid (): number {
    if (this.#process.pid === undefined) throw new Error(`${this.command} did not start: ${this.stderr}`)
    return this.#process.pid
  }

  /** What the output says, once it says it; fails with all of the output when the child ends or time runs out first. */
  async printed (wanted: RegExp, what: string, deadlineMs: number): Promise<RegExpExecArray> {
    return await this.until(what, () => wanted.exec(this.stdout) ?? undefined, deadlineMs)
  }

  /** Like until(), but does not go on when the child has ended, and shows what it printed. */
  async until<T> (what: string, ask: () => T | undefined | false | Promise<T | undefined | false>, deadlineMs: number): Promise<T> {
    try {
      return await until(what, async () => {
        const answer = await ask()
        if (this.end !== undefined && (answer === undefined || answer === false)) throw new Error(`${what}: it ended with ${this.end}`)
        return answer
      }, deadlineMs)
    } catch (cause) {
      throw new Error(`${this.command}\n${this.stdout}${this.stderr}`, { cause })
    }
  }

  /** Kills the group; harmless when it has gone. */
  kill (): void {
    living.delete(this)
    if (this.#process.pid === undefined) return
    try {
      process.kill(-this.#process.pid, 'SIGKILL')
    } catch {
      // ESRCH: all of it has ended.
    }
  }

  /** SIGTERM, then SIGKILL for what is left. Resolves with how it ended. */
  async stop (): Promise<number | NodeJS.Signals | undefined> {
    this.#process.kill('SIGTERM')
    await within(`the end of ${this.command}`, this.#ended, TERM_DEADLINE_MS).catch(() => {})
    const { end } = this
    this.kill()
    await this.#ended
    return end
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    await this.stop()
  }
}
