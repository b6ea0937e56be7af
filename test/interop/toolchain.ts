/**
 * The foreign programs of the suite: Go ones, built here, and a Python environment, made here.
 *
 * Owns test/interop/.cache, which git ignores and anybody may delete. What is missing is a failure that says what is needed,
 * never a skipped test: a suite about other languages that passes without them says nothing.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './processes.ts'

export const ROOT = join(import.meta.dirname, '../..')

const CACHE = join(import.meta.dirname, '.cache')
const GO_MODULE = join(import.meta.dirname, 'go')
const PYTHON_FILES = join(import.meta.dirname, 'python')

/** A cold build fetches about 100 modules and compiles go-libp2p: a minute on two cores, and networks differ. */
const BUILD_DEADLINE_MS = 10 * 60_000

const DAEMON_MODULE = 'github.com/libp2p/go-libp2p-daemon'

export interface GoPrograms {
  /** go-libp2p-daemon itself. */
  daemon: string
  /** Its key generator. */
  keygen: string
  /** Our driver around its p2pclient package. */
  driver: string
}

/** Go decides by itself what is up to date: a second when nothing changed. */
export async function goPrograms (): Promise<GoPrograms> {
  await needs('go', ['version'], 'Go 1.25 or newer')
  const bin = join(CACHE, 'go')
  await mkdir(bin, { recursive: true })
  await run('go', [
    'build', '-mod=readonly', '-trimpath', '-buildvcs=false', '-o', `${bin}/`,
    `${DAEMON_MODULE}/p2pd`, `${DAEMON_MODULE}/p2p-keygen`, './...'
  ], { cwd: GO_MODULE, deadlineMs: BUILD_DEADLINE_MS })
  return { daemon: join(bin, 'p2pd'), keygen: join(bin, 'p2p-keygen'), driver: join(bin, 'driver') }
}

export interface Python {
  /** The interpreter of the environment with p2pclient in it. */
  interpreter: string
  /** Our driver around p2pclient. */
  driver: string
  /** The integration tests p2pclient was published with. */
  publishedTests: string
  /** What an interpreter needs to find our pytest plugin, and to leave no bytecode in the checkout. */
  env: Record<string, string>
}

export async function python (): Promise<Python> {
  const version = await needs('python3', ['-c', 'import sys, venv; print(sys.version); sys.exit(sys.version_info < (3, 10))'],
    'Python 3.10 or newer with its venv module')
  const wanted = await Promise.all(['requirements.txt', 'published.txt'].map(name => readFile(join(PYTHON_FILES, name))))
  const hash = createHash('sha256').update(version)
  wanted.forEach(text => hash.update(text))
  const environment = join(CACHE, `python-${hash.digest('hex').slice(0, 12)}`)
  if (!existsSync(environment)) await makeEnvironment(environment)
  const [sources] = (await readdir(join(environment, 'published'))).filter(name => name.startsWith('p2pclient-') && !name.endsWith('.gz'))
  if (sources === undefined) throw new Error(`${environment}: no sources of p2pclient; delete it and run again`)
  return {
    interpreter: join(environment, 'bin/python'),
    driver: join(PYTHON_FILES, 'driver.py'),
    publishedTests: join(environment, 'published', sources, 'tests/test_p2pclient_integration.py'),
    env: { PYTHONPATH: PYTHON_FILES, PYTHONDONTWRITEBYTECODE: '1' }
  }
}

/** Made aside and renamed when complete, so that an interrupted run leaves nothing that looks like an environment. */
async function makeEnvironment (environment: string): Promise<void> {
  const aside = `${environment}.${process.pid}`
  await mkdir(CACHE, { recursive: true })
  try {
    await run('python3', ['-m', 'venv', aside], { deadlineMs: BUILD_DEADLINE_MS })
    // As a module, because the script's first line would name the directory as it is before the renaming.
    const pip = (...args: string[]) => run(join(aside, 'bin/python'), ['-m', 'pip', '--quiet', '--disable-pip-version-check', ...args],
      { cwd: PYTHON_FILES, deadlineMs: BUILD_DEADLINE_MS })
    await pip('install', '-r', 'requirements.txt')
    const published = join(aside, 'published')
    await pip('download', '--no-deps', '--no-binary', ':all:', '--dest', published, '-r', 'published.txt')
    for (const archive of await readdir(published)) {
      await run(join(aside, 'bin/python'), ['-m', 'tarfile', '--extract', join(published, archive), published], { deadlineMs: 60_000 })
    }
    await rename(aside, environment)
  } catch (error) {
    // Another run was faster: its environment is as good.
    if (!existsSync(environment)) throw error
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
}

async function needs (command: string, args: readonly string[], what: string): Promise<string> {
  try {
    return (await run(command, args, { deadlineMs: 60_000 })).stdout
  } catch (error) {
    throw new Error(`test:interop needs ${what} on PATH, as \`${command}\``, { cause: error })
  }
}
