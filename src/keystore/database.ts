/**
 * The Level database: entries by name, in memory as they are on disk (sealed), and written with sync.
 *
 * Owns Level and its traps: creation that is whole or not at all, one owner, and what to do after a failed write. Reads are
 * served from memory, so that a disk that fails later takes no identity away from a running daemon. Knows nothing of what
 * the values mean.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, realpath, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Level } from 'level'
import { P2pdError } from '../errors.ts'
import { closeInChildren, type CloseOnExec } from './descriptors.ts'
import { keystoreError, reasonOf, storeMend, systemError } from './faults.ts'
import { hasCode, replaceFile, syncDirectory } from './files.ts'

export type Operation = { type: 'put', key: string, value: Uint8Array } | { type: 'del', key: string }

/**
 * Far above what a keystore holds: LevelDB begins a new log, with descriptors that children inherit, only when this much
 * was written since it was opened.
 */
const WRITE_BUFFER_BYTES = 64 * 1024 * 1024

/** What has to fit on the disk before a database is closed to be opened again: its log, rewritten, is much smaller. */
const REOPEN_BYTES = 256 * 1024

/**
 * What LevelDB hears from the system where a file it expects is missing, empty (mmap(2)) or no file. Any other refusal, such
 * as no space, no rights or no descriptors, is no damage.
 */
const DAMAGE_REASONS = ['No such file or directory', 'Invalid argument', 'Is a directory', 'Not a directory']

/** Databases open in this process: LevelDB refuses a second one, but drops the first one's lock in doing so (fcntl(2)). */
const openHere = new Set<string>()

/**
 * Makes the database with these entries. It is written beside its place and renamed into it, so that what stands there was
 * whole once: an incomplete one is damaged, never new.
 */
export async function createDatabase (location: string, entries: Map<string, Uint8Array>): Promise<void> {
  const staging = `${location}.new-${randomBytes(8).toString('hex')}`
  try {
    await mkdir(staging, { mode: 0o700 })
    const level = levelAt(staging)
    try {
      await level.open({ createIfMissing: true, errorIfExists: true })
      await level.batch([...entries].map(([key, value]) => ({ type: 'put', key, value })), { sync: true })
    } finally {
      await level.close()
    }
    await syncDirectory(staging)
    await rename(staging, location)
    await syncDirectory(dirname(location))
  } catch (error) {
    await rm(staging, { recursive: true, force: true })
    throw systemError(`${location}: the keystore cannot be made`, causeOf(error))
  }
}

/** A directory that is missing or empty holds no database; any other was one, whatever is left of it. */
export async function databaseExists (location: string): Promise<boolean> {
  try {
    return (await readdir(location)).length > 0
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw systemError(`${location}: the keystore cannot be looked at`, error)
  }
}

export class Database {
  readonly location: string
  readonly #real: string
  readonly #closeOnExec: CloseOnExec | undefined
  #level: Level<string, Uint8Array>
  #entries = new Map<string, Uint8Array>()
  #writable = false

  private constructor (location: string, real: string, closeOnExec: CloseOnExec | undefined) {
    this.location = location
    this.#real = real
    this.#closeOnExec = closeOnExec
    this.#level = levelAt(real)
  }

  /** ERR_OCCUPIED if another has it open; ERR_KEYSTORE if it is damaged; ERR_SYSTEM if the disk refuses. */
  static async open (location: string, closeOnExec?: CloseOnExec): Promise<Database> {
    const real = await realpath(location)
    if (openHere.has(real)) throw occupied(location, undefined)
    openHere.add(real)
    const database = new Database(location, real, closeOnExec)
    try {
      await database.#load()
      return database
    } catch (error) {
      await database.close()
      throw error
    }
  }

  get (key: string): Uint8Array | undefined {
    return this.#entries.get(key)
  }

  keys (prefix: string): string[] {
    return [...this.#entries.keys()].filter(key => key.startsWith(prefix))
  }

  /**
   * To be awaited before a write is decided on. After a failed write LevelDB's log may end in half a record, behind which
   * later ones would be lost, and nobody knows whether the failed one is on disk: so the database is opened anew first and
   * its entries are read again. What was readable stays so if that fails.
   */
  async ready (): Promise<void> {
    if (this.#writable) return
    if (this.#level.status === 'open') {
      // Closing gives up the lock, and opening writes: not before the disk takes anything again.
      await this.#probe()
      await this.#level.close()
    }
    await this.#load()
  }

  /** All of it or nothing, and on disk when it returns. ERR_SYSTEM if the disk refuses; see ready(). */
  async write (operations: Operation[]): Promise<void> {
    await this.ready()
    try {
      await this.#level.batch<string, Uint8Array>(operations, { sync: true })
    } catch (error) {
      this.#writable = false
      throw cannotWrite(this.location, causeOf(error))
    }
    for (const operation of operations) {
      if (operation.type === 'put') this.#entries.set(operation.key, operation.value)
      else this.#entries.delete(operation.key)
    }
  }

  async close (): Promise<void> {
    this.#writable = false
    await this.#level.close()
    openHere.delete(this.#real)
  }

  async #load (): Promise<void> {
    const level = this.#level
    try {
      await level.open({ createIfMissing: false })
      this.#entries = new Map(await level.iterator().all())
    } catch (error) {
      if (level.status === 'open') await level.close()
      throw openFault(this.location, causeOf(error))
    }
    await closeInChildren(this.#real, this.#closeOnExec)
    this.#writable = true
  }

  async #probe (): Promise<void> {
    const path = `${this.location}.probe`
    try {
      await replaceFile(path, ' '.repeat(REOPEN_BYTES))
    } catch (error) {
      throw cannotWrite(this.location, error)
    } finally {
      await rm(path, { force: true })
    }
  }
}

function levelAt (path: string): Level<string, Uint8Array> {
  // No compression: sealed bytes have nothing to give, and "the key is not found on disk" is then said of the bytes as they are.
  return new Level<string, Uint8Array>(path, {
    keyEncoding: 'utf8', valueEncoding: 'view', compression: false, createIfMissing: false, writeBufferSize: WRITE_BUFFER_BYTES
  })
}

/** Level wraps what LevelDB said in "Database failed to open". */
function causeOf (error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? error.cause : error
}

function occupied (location: string, cause: unknown): P2pdError {
  return new P2pdError('ERR_OCCUPIED', `${location}: another p2pd has the keystore open: stop it, or name its ` +
    'sockets with --run, so that p2pctl asks it', { cause })
}

function cannotWrite (location: string, cause: unknown): P2pdError {
  return systemError(`${location}: cannot be written, what it held is kept`, cause)
}

function openFault (location: string, cause: unknown): P2pdError {
  if (hasCode(cause, 'LEVEL_LOCKED')) return occupied(location, cause)
  const reason = reasonOf(cause)
  const refused = hasCode(cause, 'LEVEL_IO_ERROR') && !DAMAGE_REASONS.includes(reason)
  if (refused) return systemError(`${location}: cannot be opened`, cause)
  return keystoreError(`${location}: is damaged (${reason}): ${storeMend(dirname(location))}`, cause)
}
