/**
 * A directory of a test's own, and the daemons in it. Leaving its scope stops them and removes everything.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Child } from './child.ts'
import { GO_DAEMON, startClassic, startTenants, type ClassicDaemon, type ClassicInit, type TenantsDaemon, type TenantsInit } from './daemons.ts'

export class World implements AsyncDisposable {
  readonly directory: string
  readonly #children: Child[] = []
  #named = 0

  private constructor (directory: string) {
    this.directory = directory
  }

  /** The name is short: a socket's path may have 107 bytes. */
  static async create (): Promise<World> {
    const directory = await mkdtemp(join(tmpdir(), 'p2pd-'))
    // Hosts may run under other uids than the test, and have to get to the handlers' sockets.
    await chmod(directory, 0o755)
    return new World(directory)
  }

  /** A path in the directory that nobody else was given. */
  path (name: string): string {
    return join(this.directory, `${name}${this.#named++}`)
  }

  /** Our daemon with go-libp2p-daemon's command line; on a Unix socket unless told otherwise. */
  async classic (init: Partial<ClassicInit> = {}): Promise<ClassicDaemon> {
    return await startClassic({ control: `/unix${this.path('c')}`, ...init }, this.#keep)
  }

  /** go-libp2p-daemon, as P2PD_GO_DAEMON names it. */
  async go (init: Partial<ClassicInit> = {}): Promise<ClassicDaemon> {
    if (GO_DAEMON === undefined) throw new Error('P2PD_GO_DAEMON does not name a binary')
    return await this.classic({ ...init, binary: GO_DAEMON })
  }

  /** Our daemon with these tenants: name -> what the manifest has beside the name. */
  async tenants (tenants: TenantsInit['tenants'], env?: NodeJS.ProcessEnv): Promise<TenantsDaemon> {
    return await startTenants({ tenants, directory: this.path('d'), ...env !== undefined && { env } }, this.#keep)
  }

  /** Everything the daemons printed, for the message of a failure. */
  logs (): string {
    return this.#children.map(({ command, stdout, stderr }) => `--- ${command}\n${stdout}${stderr}`).join('\n')
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    await Promise.all(this.#children.map(async child => { await child.stop() }))
    await rm(this.directory, { recursive: true, force: true })
  }

  readonly #keep = (child: Child): void => { this.#children.push(child) }
}
