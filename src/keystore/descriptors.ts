/**
 * Keeps the database's descriptors out of child processes.
 *
 * LevelDB opens its files without O_CLOEXEC, so that every child spawned while the database is open inherits its log
 * and manifest, writable, whatever uid it then takes: a host that falls could destroy every tenant's identity. Node cannot
 * set the flag; the caller that spawns children passes the call in (fcntl(2), F_SETFD, FD_CLOEXEC).
 */
import { readdir, readlink } from 'node:fs/promises'
import { sep } from 'node:path'

export type CloseOnExec = (fd: number) => void

/** Marks every descriptor of this process that is open on a file under `directory` (a real path). */
export async function closeInChildren (directory: string, closeOnExec: CloseOnExec | undefined): Promise<void> {
  if (closeOnExec === undefined) return
  for (const fd of await readdir('/proc/self/fd')) {
    if (!await isUnder(directory, fd)) continue
    try {
      closeOnExec(Number(fd))
    } catch (error) {
      // LevelDB's own thread may have closed it in between.
      if (await isUnder(directory, fd)) throw error
    }
  }
}

async function isUnder (directory: string, fd: string): Promise<boolean> {
  return (await linkOf(fd))?.startsWith(directory + sep) ?? false
}

/** Undefined if the descriptor was closed meanwhile: the directory lists its own, for one. */
async function linkOf (fd: string): Promise<string | undefined> {
  try {
    return await readlink(`/proc/self/fd/${fd}`)
  } catch {
    return undefined
  }
}
