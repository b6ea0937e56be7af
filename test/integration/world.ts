/**
 * A running service of its own for one test: temp directories, `bin/p2pd serve` as a real process, and the figures it shows.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { EVERYTHING_ALLOWED } from '../helpers/policies.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const P2PD = join(ROOT, 'bin/p2pd')
const READY_MS = 20_000

export interface TenantFigures {
  readonly name: string
  readonly state: string
  readonly peerId: string
  readonly pid?: number
  readonly crashes: number
  readonly figures?: { readonly streams: number, readonly handlers: number, readonly controlConnections: number, readonly connections: number, readonly limitsReached: Readonly<Record<string, number>> }
}

export class World implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'p2pd-'))
  readonly tenantsDir: string
  readonly stateDir = join(this.directory, 'state')
  readonly runDir = join(this.directory, 'run')
  #daemon: ChildProcess | undefined
  /** What the daemon has written to stderr. */
  log = ''

  readonly policyDir: string

  /**
   * @param manifests tenant -> YAML after its name; or the tenants and policies that p2pd comes with, which are only read
   * @param policies name of a file -> its text; left out, everything is allowed
   */
  constructor (manifests: Readonly<Record<string, string>> | 'shipped', policies?: Readonly<Record<string, string>>) {
    if (manifests === 'shipped') {
      this.tenantsDir = join(ROOT, 'tenants')
      this.policyDir = join(ROOT, 'policy')
      return
    }
    this.tenantsDir = join(this.directory, 'tenants')
    mkdirSync(this.tenantsDir)
    this.policyDir = policies === undefined ? EVERYTHING_ALLOWED : join(this.directory, 'policy')
    if (policies !== undefined) {
      mkdirSync(this.policyDir)
      for (const [file, text] of Object.entries(policies)) this.decree(file, text)
    }
    for (const [name, rest] of Object.entries(manifests)) this.declare(name, rest)
  }

  declare (name: string, rest: string): void {
    writeFileSync(join(this.tenantsDir, `${name}.yaml`), `name: ${name}\n${rest}`)
  }

  /** Writes a file of the policy directory; it decides after a reload. */
  decree (file: string, text: string): void {
    writeFileSync(join(this.policyDir, file), text)
  }

  async reload (): Promise<void> { await this.admin('POST', '/v1/reload') }

  /** What the audit log holds. */
  audit (): Array<Record<string, unknown>> {
    const text = readFileSync(join(this.stateDir, 'audit.jsonl'), 'utf8')
    return text.split('\n').filter(line => line !== '').map(line => JSON.parse(line) as Record<string, unknown>)
  }

  socketOf (tenant: string): string { return join(this.runDir, tenant, 'p2pd.sock') }
  asDaemonSocketOf (tenant: string): string { return join(this.runDir, tenant, 'as-daemon.sock') }
  get frontDesk (): string { return join(this.runDir, 'p2pd.sock') }
  get pid (): number { return this.#daemon?.pid ?? 0 }

  /** Resolves when every socket is there. Rejects with what it wrote if it ends instead. */
  async start (): Promise<void> {
    const daemon = spawn(P2PD, ['serve', '--tenants', this.tenantsDir, '--policy', this.policyDir, '--state', this.stateDir, '--run', this.runDir], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#daemon = daemon
    daemon.stderr.on('data', (chunk: Buffer) => { this.log += chunk.toString() })
    const deadline = setTimeout(() => { daemon.kill('SIGKILL') }, READY_MS)
    for await (const line of createInterface(daemon.stdout)) {
      if (!line.includes('"ready"')) continue
      clearTimeout(deadline)
      daemon.stdout.resume()
      return
    }
    throw new Error(`p2pd ended before it was ready: ${this.log}`)
  }

  /** Kills the supervisor and resolves when it is gone. */
  async end (signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const daemon = this.#daemon
    if (daemon === undefined || daemon.exitCode !== null || daemon.signalCode !== null) return daemon?.exitCode ?? null
    const exit = once(daemon, 'exit')
    daemon.kill(signal)
    await exit
    return daemon.exitCode
  }

  /** What the daemon's own host is. */
  async daemon (): Promise<TenantFigures> {
    return (await this.admin<{ daemon: TenantFigures }>('GET', '/v1/status')).daemon
  }

  /** Blesses a tenant for an hour. */
  async bless (tenant: string, actions: readonly string[], resources: readonly string[] = ['*']): Promise<{ id: string }> {
    return await this.admin('POST', `/v1/blessings/${tenant}`, { actions, resources, seconds: 3600 })
  }

  async unbless (tenant: string): Promise<void> {
    await this.admin('DELETE', `/v1/blessings/${tenant}`)
  }

  async admin<T> (method: string, path: string, body?: object): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    request({ socketPath: join(this.runDir, 'admin.sock'), method, path }, response => {
      let text = ''
      response.on('data', (chunk: Buffer) => { text += chunk.toString() })
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(text) as T)
        else reject(new Error(text))
      })
    }).on('error', reject).end(body === undefined ? undefined : JSON.stringify(body))
    return await promise
  }

  async tenants (): Promise<TenantFigures[]> {
    const { tenants } = await this.admin<{ tenants: TenantFigures[] }>('GET', '/v1/status')
    return tenants
  }

  async tenant (name: string): Promise<TenantFigures> {
    const found = (await this.tenants()).find(tenant => tenant.name === name)
    if (found === undefined) throw new Error(`no tenant ${name}`)
    return found
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    await this.end('SIGKILL')
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** Open descriptors of a process, by what they are. Memory files and pipes of the runtime's own do not come and go. */
export function descriptorsOf (pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

/** Private memory of a process, bytes: what it would free by ending. */
export function privateMemoryOf (pid: number): number {
  const kilobytes = [...readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB$/gm)]
  return kilobytes.reduce((sum, [, kB]) => sum + Number(kB) * 1024, 0)
}

/** Waits until it is so, looking every 50 ms; the error says what it was at the end. */
export async function eventually<T> (what: string, read: () => Promise<T> | T, isSo: (value: T) => boolean, withinMs = 15_000): Promise<T> {
  const deadline = Date.now() + withinMs
  for (;;) {
    const value = await read()
    if (isSo(value)) return value
    if (Date.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms; it is ${JSON.stringify(value)}`)
    await new Promise(resolve => { setTimeout(resolve, 50) })
  }
}
