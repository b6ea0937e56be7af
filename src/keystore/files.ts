/**
 * Small files that survive a power cut and are nobody else's to read.
 *
 * Owns the order of write, sync, rename and directory sync, and what counts as private. What is in the files is for the
 * callers to know. Errors of the system pass through: the callers can say what they were about.
 */
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { link, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { keystoreError } from './faults.ts'

/** The part of a file's status that says who can reach it. */
interface Access { uid: number, mode: number }

/** Every bit of group and others. */
const FOREIGN_BITS = 0o077

/** Throws ERR_KEYSTORE unless the owner is one of `owners` and group and others have no rights at all. */
export function assertPrivate (path: string, { uid, mode }: Access, owners: readonly number[]): void {
  if (!owners.includes(uid)) {
    throw keystoreError(`${path}: belongs to uid ${uid}, wanted uid ${owners.join(' or ')}: what holds keys belongs to the ` +
      'service alone')
  }
  if ((mode & FOREIGN_BITS) !== 0) {
    const found = (mode & 0o7777).toString(8).padStart(4, '0')
    throw keystoreError(`${path}: has mode ${found}, so others can reach it: \`chmod go= ${path}\`, and think about who may ` +
      'have read it')
  }
}

/** The uid this process makes files as. */
export function ownUid (): number {
  // Missing only where there are no uids; no file is owned by -1, so that everything is refused there.
  return process.geteuid?.() ?? -1
}

/** Makes the directory with mode 0700 where it is missing; one that stands there already has to be private. */
export async function privateDirectory (path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 })
  if (first !== undefined) await syncDirectory(dirname(first))
  assertPrivate(path, await stat(path), [ownUid()])
}

/** Reads a private regular file of at most `maxBytes`; undefined if there is none. */
export async function readPrivate (path: string, maxBytes: number, owners: readonly number[]): Promise<Buffer | undefined> {
  return await readSmall(path, maxBytes, access => { assertPrivate(path, access, owners) })
}

/** Reads a regular file of at most `maxBytes`; undefined if there is none. */
export async function readSmall (path: string, maxBytes: number, check?: (access: Access) => void): Promise<Buffer | undefined> {
  let file
  try {
    // Not blocking: a fifo in its place would hold the start for ever. The checks are on what was opened, not on the path.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
  try {
    const status = await file.stat()
    if (!status.isFile()) throw keystoreError(`${path}: is no regular file`)
    check?.(status)
    if (status.size > maxBytes) throw keystoreError(`${path}: holds ${status.size} bytes, at most ${maxBytes} were expected`)
    return await file.readFile()
  } finally {
    await file.close()
  }
}

/** Replaces the file whole: after a crash at any moment it has the old content or the new one. For a single writer. */
export async function replaceFile (path: string, bytes: string): Promise<void> {
  await (await stageFile(path, bytes)).commit()
}

export interface Staged {
  /** Takes the place of what is there; durable when it resolves. */
  readonly commit: () => Promise<void>
  readonly discard: () => Promise<void>
}

/** The first half of replaceFile(): whatever a disk can refuse, room above all, it has refused when this rejects. */
export async function stageFile (path: string, bytes: string): Promise<Staged> {
  const temporary = `${path}.new`
  const discard = async (): Promise<void> => { await rm(temporary, { force: true }) }
  const orDiscard = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      await discard()
      throw error
    }
  }
  await orDiscard(async () => { await writeSynced(temporary, bytes, 'w') })
  return {
    commit: async () => { await orDiscard(async () => { await rename(temporary, path); await syncDirectory(dirname(path)) }) },
    discard
  }
}

/**
 * Makes the file unless it exists; false if it does. link(2) rather than O_EXCL on the path itself: that would leave an
 * empty file where a crash comes before the write, and this file is never written twice.
 */
export async function createFile (path: string, bytes: Uint8Array): Promise<boolean> {
  const temporary = `${path}.new-${randomBytes(8).toString('hex')}`
  try {
    await writeSynced(temporary, bytes, 'wx')
    await link(temporary, path)
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    throw error
  } finally {
    await rm(temporary, { force: true })
  }
  await syncDirectory(dirname(path))
  return true
}

async function writeSynced (path: string, bytes: string | Uint8Array, flags: 'w' | 'wx'): Promise<void> {
  const file = await open(path, flags, 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** A new name is on disk only once its directory is: fsync(2). */
export async function syncDirectory (path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

export function hasCode (error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code)
}
