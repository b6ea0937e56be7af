/**
 * What the keystore's tests share: a state directory of their own, a look under the lid, and the libc calls Node lacks.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import koffi from 'koffi'
import { Level } from 'level'
import { P2pdError, type ErrorCode } from '../../src/errors.ts'
import { Keystore, type KeystoreSettings } from '../../src/keystore/keystore.ts'

/** A directory of the test's own, gone when it ends. */
export async function makeWorld (t: ExecutionContext): Promise<string> {
  const world = await mkdtemp(join(tmpdir(), 'p2pd-keystore-'))
  t.teardown(async () => { await rm(world, { recursive: true, force: true }) })
  return world
}

/** Settings for a keystore that sees nothing of the environment the tests run in. */
export function settingsIn (world: string): KeystoreSettings & { stateDir: string } {
  return { stateDir: join(world, 'state'), env: {} }
}

/** Opens, does the work, closes: what one run of a daemon is. */
export async function withKeystore<T> (settings: KeystoreSettings, work: (keystore: Keystore) => Promise<T>): Promise<T> {
  await using keystore = await Keystore.open(settings)
  return await work(keystore)
}

/** The fault of a call that has to fail with this code. */
export async function faultOf (t: ExecutionContext, code: ErrorCode, work: () => Promise<unknown>): Promise<string> {
  const error = await t.throwsAsync(work, { instanceOf: P2pdError })
  t.is(error.code, code, error.message)
  return error.message
}

/** The database under the lid, while no keystore has it open. */
export async function edit<T> (stateDir: string, work: (level: Level<string, Uint8Array>) => Promise<T>): Promise<T> {
  const level = new Level<string, Uint8Array>(join(stateDir, 'keystore'), { valueEncoding: 'view' })
  try {
    return await work(level)
  } finally {
    await level.close()
  }
}

/** Every file under the directory, with what is in it. */
export async function filesUnder (directory: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>()
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    files.set(path, await readFile(path))
  }
  return files
}

/** A directory that somebody else owns, private to them: made where that takes root, found where it does not. */
export async function foreignDirectory (world: string): Promise<string> {
  if (process.geteuid?.() !== 0) return '/'
  const directory = await mkdtemp(join(world, 'foreign-'))
  await chmod(directory, 0o700)
  libc.chown(directory, NOBODY, NOBODY)
  return directory
}

/** Any uid that is not the tests'. */
export const NOBODY = 65534

/** A script of children/, with its output as one text when it has ended. */
export function child (script: string, ...args: string[]): ChildProcessByStdio<null, Readable, null> {
  const path = fileURLToPath(new URL(`./children/${script}`, import.meta.url))
  return spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
}

export async function outputOf (script: string, ...args: string[]): Promise<string> {
  return await text(child(script, ...args).stdout)
}

const library = koffi.load(null)
const calls = {
  chown: library.func('int chown(const char *path, uint32_t uid, uint32_t gid)'),
  fcntl: library.func('int fcntl(int fd, int command, long argument)'),
  mkfifo: library.func('int mkfifo(const char *path, uint32_t mode)'),
  setrlimit: library.func('int setrlimit(int resource, const uint64_t *limits)')
}

function checked (name: keyof typeof calls, ...args: unknown[]): void {
  if (calls[name](...args) !== 0) throw new Error(`${name}(${args.join(', ')}) failed, errno ${koffi.errno()}`)
}

/** F_SETFD 2, FD_CLOEXEC 1; RLIMIT_FSIZE 1, its hard limit left without bound. */
export const libc = {
  chown: (path: string, uid: number, gid: number) => { checked('chown', path, uid, gid) },
  closeOnExec: (fd: number) => { checked('fcntl', fd, 2, 1) },
  mkfifo: (path: string, mode: number) => { checked('mkfifo', path, mode) },
  limitFileSize: (bytes: bigint) => { checked('setrlimit', 1, new BigUint64Array([bytes, UNLIMITED])) }
}

export const UNLIMITED = 2n ** 64n - 1n
