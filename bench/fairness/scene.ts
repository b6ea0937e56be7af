/**
 * The machine of the fairness benchmark: one `p2pd serve` with sixteen tenants, and a peer beside it that helps the one that
 * misbehaves.
 *
 * Owns the processes and says which is whose. The tenants have the manifest's default limits: those are what protects an
 * operator who has set none.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { AdminClient } from '../../src/cli/adminClient.ts'
import { READY_MS } from '../contenders/contender.ts'
import { last, makeSessionLast } from './priority.ts'
import { classicCommand, startServe, type Serving } from '../serve.ts'
import { cpuSeconds, Running } from '../processes.ts'

export const NEIGHBOURS = Array.from({ length: 15 }, (_, n) => `t${String(n + 1).padStart(2, '0')}`)
export const ROGUE = 'rogue'

const manifest = (name: string): string => `name: ${name}
host:
  listen: [/ip4/127.0.0.1/tcp/0]
`

/** CPU seconds so far, by whose processes they are. */
export interface CpuShares { neighbours: number, rogue: number, accomplice: number }

export class Scene implements AsyncDisposable {
  readonly dir: string
  readonly accomplice: string
  readonly #serving: Serving
  readonly #accompliceDaemon: Running
  #neighbourHosts: readonly number[] = []

  private constructor (dir: string, serving: Serving, accompliceDaemon: Running, accomplice: string) {
    this.dir = dir
    this.accomplice = accomplice
    this.#serving = serving
    this.#accompliceDaemon = accompliceDaemon
  }

  static async start (dir: string): Promise<Scene> {
    await using started = new AsyncDisposableStack()
    const tenants = [...NEIGHBOURS, ROGUE].map((name): [string, string] => [name, manifest(name)])
    const serving = await startServe(dir, new Map(tenants), new Map([['everyone.cedar', 'permit (principal, action, resource);\n']]))
    started.defer(async () => { await serving.daemon.stop() })
    const accomplice = join(dir, 'accomplice.sock')
    const daemon = Running.start(last(classicCommand(accomplice)), join(dir, 'accomplice.log'))
    started.defer(async () => { await daemon.stop() })
    makeSessionLast(daemon.pid)
    await daemon.until(async () => existsSync(accomplice), READY_MS)
    started.move()
    return new Scene(dir, serving, daemon, accomplice)
  }

  get frontDesk (): string { return join(this.#serving.runDir, 'p2pd.sock') }

  socket (tenant: string): string { return this.#serving.socket(tenant) }

  /** To be called when all the neighbours' hosts run and the rogue's does not yet. */
  rememberNeighbours (): void {
    this.#neighbourHosts = this.#children()
  }

  /** Hosts of tenants that behave which have ended: nothing ever ends them here. */
  get lostNeighbours (): number {
    const left = this.#children()
    return this.#neighbourHosts.filter(pid => !left.includes(pid)).length
  }

  /** The process of the one that misbehaves; undefined while none runs. */
  get rogueHost (): number | undefined {
    return this.#children().find(pid => !this.#neighbourHosts.includes(pid))
  }

  /** As an operator does it: past crashes are forgotten. */
  async restartRogue (): Promise<void> {
    await new AdminClient(join(this.#serving.runDir, 'admin.sock')).restart(ROGUE)
  }

  /** What the supervisor uses is on the rogue's bill, beside its hosts that have ended. */
  cpu (): CpuShares {
    const all = this.#serving.daemon.pids()
    return {
      neighbours: cpuSeconds(this.#neighbourHosts),
      rogue: cpuSeconds(all.filter(pid => !this.#neighbourHosts.includes(pid))),
      accomplice: cpuSeconds(this.#accompliceDaemon.pids())
    }
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    await Promise.all([this.#serving.daemon.stop(), this.#accompliceDaemon.stop()])
  }

  #children (): number[] {
    const { pid, pids } = { pid: this.#serving.daemon.pid, pids: this.#serving.daemon.pids() }
    return pids.filter(one => one !== pid)
  }
}
