/**
 * A world for the root suite: `bin/p2pd serve` as root with tenants of several users, and programs that are these users.
 *
 * Owns the daemon's process, the programs, and what can be read about them from outside: status and pids. Leaving its scope
 * stops everything, and fails if a process of the daemon is left. Files are directories.ts's, what programs do program.ts's;
 * a child of a test's own starts with become() in children/become.ts.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { request } from 'node:http'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { parsePeerId, encodePeerId } from '../../src/wire/peers.ts'
import { Child } from '../helpers/child.ts'
import { P2PD, type TenantRow } from '../helpers/daemons.ts'
import { until, within } from '../helpers/deadlines.ts'
import { ALLOW_ALL, Directories, type TenantInit } from './directories.ts'
import { descendantsOf, groupMembers, identityOf } from './processes.ts'
import { Program } from './program.ts'

export { ALLOW_ALL, type TenantInit } from './directories.ts'
export { Program, type Answer } from './program.ts'

const P2PCTL = join(import.meta.dirname, '../../bin/p2pctl')
const READY_MS = 30_000
const STOP_MS = 10_000
const ROOT_UID = 0

/** Users of nobody: the kernel needs no entry in /etc/passwd to keep uids apart. */
export const UIDS = [41001, 41002, 41003, 41004, 41005, 41006, 41007, 41008] as const

export interface WorldInit {
  readonly tenants: Readonly<Record<string, TenantInit>>
  /** File name -> Cedar; `all.cedar` with ALLOW_ALL when left out. */
  readonly policies?: Readonly<Record<string, string>>
  readonly env?: NodeJS.ProcessEnv
  /** Further arguments of `p2pd serve`. */
  readonly args?: readonly string[]
  /** Called when the directories are there and before the daemon is. */
  readonly before?: (world: World) => void
}

export interface Status { readonly pid: number, readonly isolation: unknown, readonly tenants: readonly TenantRow[] }

export class World extends Directories implements AsyncDisposable {
  readonly #init: WorldInit
  readonly #programs: Program[] = []
  #daemon: Child | undefined

  private constructor (init: WorldInit) {
    super(init.tenants, init.policies ?? { 'all.cedar': ALLOW_ALL })
    this.#init = init
  }

  /** Resolves when the daemon serves. */
  static async start (init: WorldInit): Promise<World> {
    const world = World.prepare(init)
    try {
      await world.serve()
      return world
    } catch (error) {
      await world[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Without the daemon. */
  static prepare (init: WorldInit): World {
    if (process.geteuid?.() !== ROOT_UID) throw new Error('this suite needs root: it becomes other users to attack what is theirs')
    const world = new World(init)
    init.before?.(world)
    return world
  }

  /** Starts the daemon, also again after stop() or kill(). Rejects with what it printed if it ends instead. */
  async serve (): Promise<void> {
    const { args = [], env = {} } = this.#init
    const daemon = this.#daemon = new Child(P2PD, ['serve', ...this.#directories(), ...args], { ...process.env, ...env })
    await daemon.printed(/"event":"ready"/, 'the daemon to be ready', READY_MS)
  }

  /** Rejects with the daemon's answer if it refuses. */
  async reload (): Promise<void> { await this.ask('POST', '/v1/reload') }

  /** The operator's HTTP, as JSON. */
  async ask<T> (method: string, path: string): Promise<T> {
    const asked = request({ socketPath: this.admin, method, path }).end()
    const [response] = await within(`${method} ${path}`, once(asked, 'response')) as [IncomingMessage]
    const body = await text(response)
    if (response.statusCode !== 200) throw new Error(body)
    return JSON.parse(body) as T
  }

  /** `p2pctl` on this daemon; resolves with its stdout. Throws if it fails. */
  ctl (...args: string[]): string {
    const directories = ['--tenants', this.tenantsDir, '--state', this.stateDir, '--run', this.runDir]
    return execFileSync(P2PCTL, [...args, ...directories], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  }

  async status (): Promise<Status> { return await this.ask<Status>('GET', '/v1/status') }

  async tenant (name: string): Promise<TenantRow> {
    const row = (await this.status()).tenants.find(tenant => tenant.name === name)
    if (row === undefined) throw new Error(`no tenant ${name} in the status`)
    return row
  }

  async peerIdOf (name: string): Promise<string> { return (await this.tenant(name)).peerId ?? '' }

  /** As requests have it. */
  async peerBytesOf (name: string): Promise<Uint8Array> { return encodePeerId(parsePeerId(await this.peerIdOf(name))) }

  /** Of the tenant's host, once it runs. */
  async hostPid (name: string): Promise<number> {
    return await until(`the host of ${name}`, async () => {
      const { pid, state } = await this.tenant(name)
      return state === 'running' && pid
    })
  }

  /** The user that the tenant's host runs as, once it runs. */
  async serviceUidOf (name: string): Promise<number> {
    const [, effective = ROOT_UID] = identityOf(await this.hostPid(name)).uids
    return effective
  }

  /** A program of that user; ends with the world. */
  async program (uid: number, gid: number = uid): Promise<Program> {
    const program = await Program.start(uid, gid)
    this.#programs.push(program)
    return program
  }

  /** Resolves when stderr has it. */
  async logged (pattern: RegExp): Promise<void> { await until(`the log to say ${String(pattern)}`, () => pattern.test(this.log)) }

  /** The supervisor. */
  get pid (): number { return this.#daemon?.pid ?? 0 }
  /** The supervisor and every process below it. */
  get pids (): number[] { return [this.pid, ...descendantsOf(this.pid)] }
  /** What the daemon has written to stderr: the end of it, if it was much. */
  get log (): string { return this.#daemon?.stderr ?? '' }

  /** Resolves with the exit code or signal once the daemon and all that it started are gone. Rejects if something stays. */
  async stop (signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals | undefined> {
    const daemon = this.#daemon
    if (daemon === undefined) return
    this.#daemon = undefined
    const { pid } = daemon
    try {
      if (daemon.end === undefined) process.kill(pid, signal)
      await until('the daemon\'s end', () => daemon.end !== undefined, STOP_MS)
      await until(`the end of what the daemon started; left: ${groupMembers(pid).join(' ')}`, () => groupMembers(pid).length === 0, STOP_MS)
      return daemon.end
    } finally {
      daemon.kill()
    }
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    try {
      await Promise.all(this.#programs.map(async program => { await program.kill() }))
      await this.stop()
    } finally {
      this.remove()
    }
  }

  #directories (): string[] {
    const policy = takesPolicy() ? ['--policy', this.policyDir] : []
    return ['--tenants', this.tenantsDir, '--state', this.stateDir, '--run', this.runDir, ...policy]
  }
}

let policyFlag: boolean | undefined

function takesPolicy (): boolean {
  policyFlag ??= spawnSync(P2PD, ['serve', '--help'], { encoding: 'utf8' }).stdout.includes('--policy')
  return policyFlag
}
