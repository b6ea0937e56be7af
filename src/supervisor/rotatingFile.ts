/**
 * A file that lines are appended to, replaced by a new one when it is full: `x` becomes `x.1`, that one `x.2`, and so on.
 *
 * Owns that a line is in the file, whole, when append() returns; that nothing but a plain file of our own is ever written
 * to; and that what a crash or a full disk tore is ended before the next line begins. What a fault means is for the caller.
 */
import { closeSync, constants, existsSync, fchmodSync, fstatSync, ftruncateSync, openSync, readSync, renameSync, writeSync } from 'node:fs'
import { P2pdError, messageOf } from '../errors.ts'
import type { Logger } from '../log.ts'

export interface RotatingFileInit {
  /** The file that is written, and those before it, the newest first. */
  readonly paths: readonly string[]
  /** A file is replaced before it grows beyond this. */
  readonly maxBytes: number
  readonly log: Logger
}

/** Not followed and not waited for: a link would lead elsewhere, and opening a fifo can take for ever. Readable, for its end. */
const FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK
const NEWLINE = 0x0a

export class RotatingFile implements Disposable {
  readonly #init: RotatingFileInit
  readonly #path: string
  #fd: number | undefined
  #rotationFailed = false

  constructor (init: RotatingFileInit) {
    this.#init = init
    this.#path = init.paths[0] ?? ''
  }

  /** Throws ERR_OCCUPIED where something else is in its place, and what the system says otherwise. */
  open (): void {
    this.#open()
  }

  /** `line` ends with a newline. Throws if it could not be written, and then nothing of it stays, if that can be helped. */
  append (line: string): void {
    const bytes = Buffer.from(line)
    try {
      let fd = this.#open()
      const { size } = fstatSync(fd)
      if (size > 0 && size + bytes.length > this.#init.maxBytes) fd = this.#rotate(fd)
      writeWhole(fd, bytes)
    } catch (error) {
      // Opened anew the next time, which looks at what it is and how it ends.
      this[Symbol.dispose]()
      throw error
    }
  }

  [Symbol.dispose] (): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }

  #open (): number {
    // A file that somebody removed would take lines that nobody reads.
    if (this.#fd !== undefined && fstatSync(this.#fd).nlink === 0) this[Symbol.dispose]()
    this.#fd ??= openOwn(this.#path)
    return this.#fd
  }

  /** The descriptor to go on with. Where files cannot be moved the full one grows on: better too long than unsaid. */
  #rotate (fd: number): number {
    const { paths, log } = this.#init
    try {
      const free = paths.findIndex(path => !existsSync(path))
      for (let age = free === -1 ? paths.length - 1 : free; age > 0; age--) renameSync(paths[age - 1] ?? '', paths[age] ?? '')
      this.#rotationFailed = false
    } catch (error) {
      if (!this.#rotationFailed) log.error({ reason: messageOf(error) }, `${this.#path} is full and cannot be rotated: it grows until what stands in the way is moved`)
      this.#rotationFailed = true
      return fd
    }
    this[Symbol.dispose]()
    return this.#open()
  }
}

function openOwn (path: string): number {
  let fd
  try {
    fd = openSync(path, FLAGS, 0o600)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ELOOP' || code === 'EISDIR' || code === 'ENXIO') throw notOurs(path, code === 'ELOOP' ? 'is a symbolic link' : 'is no regular file')
    throw error
  }
  try {
    const status = fstatSync(fd)
    if (!status.isFile()) throw notOurs(path, 'is no regular file')
    if (status.uid !== process.geteuid?.()) throw notOurs(path, `belongs to uid ${status.uid}`)
    fchmodSync(fd, 0o600)
    const last = Buffer.from([NEWLINE])
    if (status.size > 0) readSync(fd, last, 0, 1, status.size - 1)
    if (last[0] !== NEWLINE) writeWhole(fd, Buffer.from([NEWLINE]))
    return fd
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

function writeWhole (fd: number, bytes: Buffer): void {
  const { size } = fstatSync(fd)
  let written = 0
  try {
    while (written < bytes.length) written += writeSync(fd, bytes, written)
  } catch (error) {
    if (written > 0) ftruncateSync(fd, size)
    throw error
  }
}

function notOurs (path: string, what: string): P2pdError {
  return new P2pdError('ERR_OCCUPIED', `${path} ${what}, and p2pd writes only to a plain file of its own: move it away`)
}
