/**
 * Directories for one test, a daemon in them when the test wants one, and p2pctl as operators run it.
 *
 * Owns the end of everything: leaving its scope stops what runs and removes the directories.
 */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { Child } from '../helpers/child.ts'
import { until, within } from '../helpers/deadlines.ts'
import { EVERYTHING_ALLOWED } from '../helpers/policies.ts'

const ROOT = join(import.meta.dirname, '../..')

/** As operators start it: a script that looks for a Node first, which takes as long again as most commands. */
export const LAUNCHER = join(ROOT, 'bin/p2pctl')
const PROGRAM = join(ROOT, 'dist/programs/p2pctl.mjs')

/** What a command may take while other suites load the machine. */
const COMMAND_MS = 30_000

export interface Finished {
  code: number | string
  stdout: string
  stderr: string
}

export class World implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'p2pd-'))
  readonly tenantsDir = join(this.directory, 'tenants')
  readonly stateDir = join(this.directory, 'state')
  readonly runDir = join(this.directory, 'run')
  readonly #commands = new Set<Ctl>()
  #daemon: Child | undefined

  /** The tenants that are declared from the start. */
  constructor (...names: string[]) {
    mkdirSync(this.tenantsDir)
    mkdirSync(this.path('tmp'))
    for (const name of names) this.declare(name)
  }

  path (name: string): string { return join(this.directory, name) }

  declare (name: string, rest: object = {}): void {
    // JSON is YAML.
    writeFileSync(join(this.tenantsDir, `${name}.yaml`), JSON.stringify({ name, host: { listen: ['/ip4/127.0.0.1/tcp/0'] }, ...rest }))
  }

  get #flags (): string[] {
    return ['--tenants', this.tenantsDir, '--policy', EVERYTHING_ALLOWED, '--state', this.stateDir, '--run', this.runDir]
  }

  /** `p2pd serve`, until it can be asked. */
  async serve (): Promise<this> {
    const daemon = this.#daemon = new Child(join(ROOT, 'bin/p2pd'), ['serve', ...this.#flags])
    await daemon.until('the admin socket', () => existsSync(join(this.runDir, 'admin.sock')), COMMAND_MS)
    return this
  }

  /** SIGKILL, for it and all that it started. */
  async crash (): Promise<void> {
    const daemon = this.#daemon
    daemon?.kill()
    await until('the end of p2pd', () => daemon?.end !== undefined, COMMAND_MS)
    // What it left there says nothing about the next one.
    rmSync(join(this.runDir, 'admin.sock'), { force: true })
  }

  async stop (): Promise<void> {
    await this.#daemon?.stop()
  }

  /** p2pctl with the directories of this world. */
  start (args: readonly string[], stdio: StdioOptions = 'pipe'): Ctl {
    return this.startBare([...this.#flags, ...args], stdio)
  }

  /** p2pctl with nothing but these arguments. */
  startBare (args: readonly string[], stdio: StdioOptions = 'pipe'): Ctl {
    // Its own place for temporary files, so that what it leaves there can be seen.
    const command = new Ctl(spawn(process.execPath, [PROGRAM, ...args], { stdio, env: { ...process.env, TMPDIR: this.path('tmp') } }))
    this.#commands.add(command)
    return command
  }

  /** The same to its end, with nothing on stdin. */
  async ctl (...args: string[]): Promise<Finished> {
    return await this.start(args).finished()
  }

  /** What it answers, as JSON; it has to exit with 0. */
  async json (...args: string[]): Promise<unknown> {
    const { code, stdout, stderr } = await this.ctl(...args, '--json')
    if (code !== 0) throw new Error(`p2pctl ${args.join(' ')} ended with ${code}: ${stderr}`)
    return JSON.parse(stdout)
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    for (const command of this.#commands) command.kill()
    await this.#daemon?.stop()
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** A p2pctl that runs. */
export class Ctl {
  /** What it has said so far. */
  stderr = ''
  readonly #process: ChildProcess
  readonly #closed: Promise<number | string>

  constructor (process: ChildProcess) {
    this.#process = process
    process.stderr?.setEncoding('utf8').on('data', (chunk: string) => { this.stderr += chunk })
    process.stdin?.on('error', () => { /* it has ended, and its exit says how */ })
    this.#closed = once(process, 'close').then(([code, signal]: Array<number | string | null>) => code ?? signal ?? 'unknown')
  }

  get stdin (): Writable { return this.#process.stdin as Writable }
  get stdout (): Readable { return this.#process.stdout as Readable }

  async code (): Promise<number | string> {
    return await within('the end of p2pctl', this.#closed, COMMAND_MS)
  }

  /** Ends stdin, and waits. */
  async finished (): Promise<Finished> {
    this.stdin.end()
    const [stdout, code] = await Promise.all([text(this.stdout), this.code()])
    return { code, stdout, stderr: this.stderr }
  }

  async bytes (): Promise<Buffer> {
    return await buffer(this.stdout)
  }

  /** Waits for the note that says so. */
  async said (wanted: RegExp): Promise<RegExpExecArray> {
    try {
      return await until(`p2pctl says ${String(wanted)}`, () => wanted.exec(this.stderr) ?? undefined, COMMAND_MS)
    } catch (cause) {
      throw new Error(`it said: ${this.stderr}`, { cause })
    }
  }

  signal (name: NodeJS.Signals): void {
    this.#process.kill(name)
  }

  kill (): void {
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.#process.kill('SIGKILL')
  }
}
