/**
 * Directories of the daemon's own, and the way to them: nobody but root and the user it runs as can have put anything there,
 * nor put something else in its place later.
 */
import { closeSync, constants, fsyncSync, lstatSync, mkdirSync, openSync, readFileSync, readlinkSync, type Stats } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { P2pdError, messageOf } from '../errors.ts'
import { UNMAPPED_ID } from './credentials.ts'

const ROOT_UID = 0
const GROUP_WRITE = 0o020
const OTHER_WRITE = 0o002
const STICKY = 0o1000
/** As many as the kernel follows, path_resolution(7). */
const MAX_LINKS = 40

/**
 * Makes the directory and those above it where they are missing. ERR_OCCUPIED, and nothing made, where a directory or link on
 * the way is another user's or can be changed by one; what is right for the directory itself is the caller's to check.
 */
export function makeOwnDirectory (path: string, mode: number): void {
  try {
    walk(resolve(path), mode, { left: MAX_LINKS })
  } catch (cause) {
    if (cause instanceof P2pdError) throw cause
    throw new P2pdError('ERR_SYSTEM', `${path} cannot be used: ${messageOf(cause)}`, { cause })
  }
}

/** ERR_OCCUPIED unless it is a directory of this user's that nobody else can write in. */
export function assertOwnDirectory (path: string): void {
  const found = lstatSync(path)
  const uid = ownUid()
  if (!found.isDirectory()) throw occupied(path, 'is no directory: remove it, or name another')
  if (found.uid !== uid) throw occupied(path, `belongs to uid ${found.uid}, not to p2pd's uid ${uid}: remove it, or name another`)
  if ((found.mode & (GROUP_WRITE | OTHER_WRITE)) !== 0) throw occupied(path, `can be written by others, who could put their files in place of ours: chmod go-w ${path}`)
}

/** Returns where it really is. */
function walk (path: string, mode: number, links: { left: number }): string {
  if (path === '/') return path
  const parent = walk(dirname(path), mode, links)
  const here = join(parent, path.slice(dirname(path).length).replace('/', ''))
  const found = lstatSync(here, { throwIfNoEntry: false }) ?? made(here, mode)
  if (!isTrusted(found)) throw occupied(here, `belongs to uid ${found.uid}, who could put something else in its place: remove it, or name a directory elsewhere`)
  if (found.isSymbolicLink()) {
    if (links.left-- === 0) throw occupied(here, 'leads through too many links')
    return walk(resolve(parent, readlinkSync(here)), mode, links)
  }
  if (!found.isDirectory()) throw occupied(here, 'is no directory: remove it, or name another')
  if (canBeChangedByOthers(found)) throw occupied(here, `can be written by others, who could put something else in place of what is in it: chmod go-w ${here}, or name a directory elsewhere`)
  return here
}

function made (path: string, mode: number): Stats {
  mkdirSync(path, { mode })
  // A new name is on disk only once its directory is, fsync(2); and what is made in here is to survive a power cut.
  const parent = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    fsyncSync(parent)
  } finally {
    closeSync(parent)
  }
  return lstatSync(path)
}

function isTrusted ({ uid }: Stats): boolean {
  return uid === ROOT_UID || uid === ownUid() || (uid === UNMAPPED_ID && isInUserNamespace())
}

/** In a directory like /tmp each may only remove what is theirs. A group of one's own is usual, but not for root. */
function canBeChangedByOthers ({ mode }: Stats): boolean {
  const foreign = ownUid() === ROOT_UID ? GROUP_WRITE | OTHER_WRITE : OTHER_WRITE
  return (mode & foreign) !== 0 && (mode & STICKY) === 0
}

/** There, what belongs to users outside is shown as nobody's; they have made the container. */
function isInUserNamespace (): boolean {
  return !/^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'))
}

function ownUid (): number {
  return process.geteuid?.() ?? ROOT_UID
}

function occupied (path: string, what: string): P2pdError {
  return new P2pdError('ERR_OCCUPIED', `${path} ${what}`)
}
