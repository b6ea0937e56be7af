/**
 * The file of a manifest: which ones in a directory are meant, and its text.
 *
 * Nothing here can hang or take much memory, whatever somebody has put into the directory: a fifo is not waited for, a
 * large file is not read.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { basename, extname } from 'node:path'
import type { Fault } from '../errors.ts'
import { messageOf } from '../errors.ts'

/** Largest manifest, in bytes: all keys with their comments are about 2 KiB. */
const MAX_MANIFEST_BYTES = 64 * 1024

const EXTENSION = '.yaml'

/** Others than owner and group may write: chmod(2). */
const WRITABLE_BY_ALL = 0o002

/** What a directory entry is: a manifest, something with a name nearly as one, or nothing to us. */
export type Entry =
  | { kind: 'manifest', base: string }
  | { kind: 'misnamed', rename: string }
  | { kind: 'other' }

export function classify (entry: string): Entry {
  // Editors leave dot files beside what is being edited: `.chat.yaml.swp`, and the link `.#chat.yaml`.
  if (entry.startsWith('.')) return { kind: 'other' }
  const extension = extname(entry)
  const base = basename(entry, extension)
  if (extension === EXTENSION) return { kind: 'manifest', base }
  // The files people write and wonder why nothing happens.
  if (/^\.ya?ml$/i.test(extension)) return { kind: 'misnamed', rename: base + EXTENSION }
  return { kind: 'other' }
}

export function manifestFileName (tenant: string): string {
  return tenant + EXTENSION
}

/** The text of a manifest, or what is wrong with its file. */
export function readManifestText (file: string, uid: number): { text: string } | { fault: Fault } {
  return readOperatorFile(file, uid, MAX_MANIFEST_BYTES)
}

/** The text of a file that is an operator's to write, or what is wrong with it. A link is followed: configuration tools make them. */
export function readOperatorFile (file: string, uid: number, maxBytes: number): { text: string } | { fault: Fault } {
  const fault = (what: string): { fault: Fault } => ({ fault: { file, path: '', what } })
  let fd: number
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    return fault(`cannot be read (${messageOf(error)})`)
  }
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile()) return fault('is no regular file')
    const open = whyOpenToAll(stat.mode, uid)
    if (open !== undefined) return fault(open)
    // One byte more than allowed: a file that grows between fstat() and read() is over the limit too.
    const bytes = Buffer.alloc(Math.min(stat.size, maxBytes) + 1)
    const length = readSync(fd, bytes)
    if (length > maxBytes) return fault(`must be at most ${maxBytes} bytes, found ${stat.size}`)
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, length)) }
  } catch (error) {
    return fault(error instanceof TypeError ? 'is no UTF-8 text' : `cannot be read (${messageOf(error)})`)
  } finally {
    closeSync(fd)
  }
}

/**
 * Why root must not take manifests or policies from there. A manifest says who may connect, so whoever writes one could make
 * themselves a tenant. Without root there is only one's own user to let in.
 */
export function whyOpenToAll (mode: number, uid: number): string | undefined {
  if (uid !== 0 || (mode & WRITABLE_BY_ALL) === 0) return undefined
  return 'can be written by every user of this machine; take that right away: chmod o-w'
}
