/**
 * The run directory: every socket of the daemon, and nothing else.
 *
 * Owns that only we can make anything in it, that what a killed daemon left goes, and that a foreign file is never touched.
 */
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, realpathSync, rmSync, rmdirSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { adminSocketPath, asDaemonSocketPath, frontDeskPath, tenantSocketPath } from '../config/runPaths.ts'
import { clearStaleSocket, listenUnix } from '../os/listening.ts'
import { takeLock } from '../os/lock.ts'
import { assertOwnDirectory, makeOwnDirectory } from '../os/ownDirectory.ts'

const ROOT_UID = 0
/** What listenUnix() makes and renames from; one that was left holds nothing but its socket. */
const STAGING = /^\.[A-Za-z0-9]{6}$/

export class RunTree implements Disposable {
  readonly directory: string
  readonly #lock: Disposable
  /** As root others have to pass through to their own sockets; a user's daemon is nobody else's business. */
  readonly #directoryMode: number
  /** Sockets that stand: only what was made here is ever removed at the end. */
  readonly #made = new Set<string>()

  /** The front desk's, made by the service manager, whose it stays. */
  readonly #givenFrontDesk: number | undefined

  /**
   * Makes the directory if need be and locks it. ERR_OCCUPIED if another daemon has it, or others can write in it.
   *
   * @param frontDesk a listening descriptor that was handed over for it; owned and closed by whoever asks for it here
   */
  constructor (directory: string, frontDesk?: number) {
    this.directory = directory
    this.#givenFrontDesk = frontDesk
    const uid = process.geteuid?.() ?? ROOT_UID
    this.#directoryMode = uid === ROOT_UID ? 0o755 : 0o700
    makeOwnDirectory(directory, this.#directoryMode)
    assertOwnDirectory(realpathSync(directory))
    this.#lock = takeLock(join(directory, 'lock'), `the run directory ${directory}`)
    this.#removeLeftovers()
  }

  get frontDesk (): string { return frontDeskPath(this.directory) }
  get admin (): string { return adminSocketPath(this.directory) }
  asDaemonSocketOf (tenant: string): string { return asDaemonSocketPath(this.directory, tenant) }
  socketOf (tenant: string): string { return tenantSocketPath(this.directory, tenant) }

  /** A tenant's control socket, listening: mode 0600 and the tenant's own. Returns its descriptor. */
  async listenForTenant (tenant: string, uid: number): Promise<number> {
    const directory = join(this.directory, tenant)
    if (lstatSync(directory, { throwIfNoEntry: false }) === undefined) mkdirSync(directory)
    assertOwnDirectory(directory)
    chmodSync(directory, this.#directoryMode) // whatever the umask is
    return await this.#listen(this.socketOf(tenant), 0o600, uid)
  }

  /** Where a blessed tenant's programs act in the daemon's name; in the directory that its own socket is in. */
  async listenAsDaemon (tenant: string, uid: number): Promise<number> {
    return await this.#listen(this.asDaemonSocketOf(tenant), 0o600, uid)
  }

  removeAsDaemon (tenant: string): void {
    const path = this.asDaemonSocketOf(tenant)
    rmSync(path, { force: true })
    this.#made.delete(path)
  }

  /** Open to every local program: who may do what is decided by who is calling. */
  async listenAtFrontDesk (): Promise<number> {
    return this.#givenFrontDesk ?? await this.#listen(this.frontDesk, 0o666)
  }

  async listenForOperator (): Promise<number> {
    return await this.#listen(this.admin, 0o600)
  }

  /** Gives a tenant's socket to another user. */
  chown (tenant: string, uid: number): void {
    chownSync(this.socketOf(tenant), uid, -1)
  }

  removeTenant (tenant: string): void {
    rmSync(this.socketOf(tenant), { force: true })
    this.#made.delete(this.socketOf(tenant))
    removeIfEmpty(join(this.directory, tenant))
  }

  /** Removes the daemon's own sockets and lets go of the directory, which stays. */
  [Symbol.dispose] (): void {
    for (const path of this.#made) rmSync(path, { force: true })
    this.#lock[Symbol.dispose]()
  }

  async #listen (path: string, mode: number, uid?: number): Promise<number> {
    await clearStaleSocket(path)
    const fd = listenUnix(path, uid === undefined ? { mode } : { mode, uid })
    this.#made.add(path)
    return fd
  }

  /** With the lock held no daemon lives here: its sockets are dead. Only sockets go, and directories that are then empty. */
  #removeLeftovers (): void {
    chmodSync(this.directory, this.#directoryMode)
    for (const path of this.#givenFrontDesk === undefined ? [this.frontDesk, this.admin] : [this.admin]) removeSocket(path)
    for (const entry of readdirSync(this.directory, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue
      const directory = join(this.directory, entry.name)
      if (STAGING.test(entry.name)) removeSocket(join(directory, 's'))
      else for (const path of [this.socketOf(entry.name), this.asDaemonSocketOf(entry.name)]) removeSocket(path)
      for (const inner of readdirSync(directory)) {
        if (!STAGING.test(inner)) continue
        removeSocket(join(directory, inner, 's'))
        removeIfEmpty(join(directory, inner))
      }
      removeIfEmpty(directory)
    }
  }
}

function removeSocket (path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) unlinkSync(path)
}

function removeIfEmpty (directory: string): void {
  try {
    rmdirSync(directory)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOTEMPTY' && code !== 'ENOENT' && code !== 'ENOTDIR') throw error
  }
}
