/**
 * The lines of the audit log in their order, across its files, and those that come while one reads.
 *
 * Owns finding the next file when the one that is read has been rotated away, without losing or repeating a line; and what
 * is no whole line: of a crash in the middle of writing one, or not yet whole. Looks into no line.
 */
import { closeSync, constants, fstatSync, openSync, readSync, statSync, type BigIntStats } from 'node:fs'
import { dirname } from 'node:path'
import { auditPath } from '../audit.ts'
import { P2pdError, messageOf } from '../errors.ts'

/** Many times the longest line that is ever written; what is longer is none of ours. */
const MAX_LINE_BYTES = 64 * 1024
const READ_BYTES = 64 * 1024
const NEWLINE = 0x0a
/** Far more than there ever are at a time. */
const MAX_REMEMBERED = 4_096

export class AuditTrail implements Disposable {
  readonly #stateDir: string
  #current: LineFile | undefined
  /** Files that have been begun, by identity; of the oldest nobody asks any more. */
  #begun = new Set<string>()

  /** ERR_DENIED where the caller may not read there, ERR_UNAVAILABLE where there is no such directory. */
  constructor (stateDir: string) {
    this.#stateDir = stateDir
    if (statOf(auditPath(stateDir)) === undefined && statOf(stateDir) === undefined) {
      throw new P2pdError('ERR_UNAVAILABLE', `${stateDir} does not exist: name the --state directory of p2pd if it is another`)
    }
  }

  /** Every line that has not been read yet, the oldest first. To be asked again for what has come since. */
  * unread (): Generator<string> {
    for (const next of this.#newer()) {
      // Whoever writes has gone over to a newer file, so this one has its last line by now.
      if (this.#current !== undefined) yield* this.#current.lines()
      if (this.unfinished !== '') yield this.unfinished
      this.#current?.[Symbol.dispose]()
      this.#current = next
    }
    if (this.#current !== undefined) yield* this.#current.lines()
  }

  /** What follows the last line, if it has not ended. */
  get unfinished (): string { return this.#current?.unfinished ?? '' }

  [Symbol.dispose] (): void {
    this.#current?.[Symbol.dispose]()
  }

  /** The files not begun yet, the oldest first. */
  #newer (): LineFile[] {
    const newest = statOf(auditPath(this.#stateDir))
    if (newest === undefined || this.#current?.identity === identityOf(newest)) return []
    const files = openAll(this.#stateDir)
    const newer = files.filter(({ identity }) => !this.#begun.has(identity))
    for (const file of files) if (!newer.includes(file)) file[Symbol.dispose]()
    // Not only those that were found now: one that is missed while names change would be read again.
    this.#begun = new Set([...this.#begun, ...files.map(({ identity }) => identity)].slice(-MAX_REMEMBERED))
    return newer
  }
}

/**
 * All files, the oldest first. Looked for from the newest on: a rotation meanwhile moves files towards where is still to be
 * looked, so one may be met twice and none is missed. One gap may be there: a crash between two renames leaves it.
 */
function openAll (stateDir: string): LineFile[] {
  const found = new Map<string, LineFile>()
  for (let age = 0, gaps = 0; gaps < 2; age++) {
    const file = LineFile.open(auditPath(stateDir, age))
    if (file === undefined) gaps++
    else if (found.has(file.identity)) file[Symbol.dispose]()
    else found.set(file.identity, file)
  }
  return [...found.values()].toReversed()
}

/** Undefined if there is nothing. */
function statOf (path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false })
  } catch (error) {
    throw unreadable(path, error)
  }
}

function unreadable (path: string, cause: unknown): P2pdError {
  if ((cause as NodeJS.ErrnoException).code !== 'EACCES') return new P2pdError('ERR_SYSTEM', `${path} cannot be read: ${messageOf(cause)}`, { cause })
  return new P2pdError('ERR_DENIED', `${path} cannot be read: what is in ${dirname(path)} is for root and the user p2pd runs as; ask as one of them: \`sudo p2pctl audit\``, { cause })
}

/** Of a file, whatever its name: inodes are used again, but not at the same time. */
function identityOf ({ ino, birthtimeNs }: BigIntStats): string {
  return `${ino} ${birthtimeNs}`
}

class LineFile implements Disposable {
  readonly identity: string
  readonly #fd: number
  readonly #buffer = Buffer.alloc(READ_BYTES)
  #rest = Buffer.alloc(0)

  private constructor (fd: number) {
    this.#fd = fd
    this.identity = identityOf(fstatSync(fd, { bigint: true }))
  }

  /** Undefined if there is none. */
  static open (path: string): LineFile | undefined {
    try {
      return new LineFile(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw unreadable(path, error)
    }
  }

  /** What has not ended yet. */
  get unfinished (): string { return this.#rest.toString() }

  * lines (): Generator<string> {
    for (;;) {
      const bytes = readSync(this.#fd, this.#buffer, 0, READ_BYTES, null)
      if (bytes === 0) return
      let text = Buffer.concat([this.#rest, this.#buffer.subarray(0, bytes)])
      for (let end = text.indexOf(NEWLINE); end !== -1; end = text.indexOf(NEWLINE)) {
        yield text.toString('utf8', 0, end)
        text = text.subarray(end + 1)
      }
      this.#rest = text.subarray(0, MAX_LINE_BYTES)
    }
  }

  [Symbol.dispose] (): void {
    closeSync(this.#fd)
  }
}
