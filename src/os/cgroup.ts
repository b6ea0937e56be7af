/**
 * Limits for each host that the kernel keeps (cgroups(7), version 2): memory, processes and a fair share of the processors,
 * where this process has a cgroup of its own to divide. Otherwise `why` says what is missing, and nothing is touched.
 *
 * A cgroup with members cannot divide what it has: so the supervisor moves into a leaf of its own, and each host into another.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../errors.ts'
import { tryCall } from './libc.ts'

export interface HostCaps {
  /** All of its memory, bytes: over it the kernel ends the host. */
  readonly memoryBytes: number
  /** Threads and processes. */
  readonly tasks: number
}

const SUPERVISOR = 'supervisor'
const HOST = 'host-'
const NEEDED = ['memory', 'pids']
/** Hosts share the processors evenly; the supervisor, which needs little, gets it at once. The default is 100. */
const SUPERVISOR_WEIGHT = 1_000

export class Cgroups implements Disposable {
  readonly #directory: string
  readonly #controllers: readonly string[]

  private constructor (directory: string, controllers: readonly string[]) {
    this.#directory = directory
    this.#controllers = controllers
  }

  /** @param directory the cgroup of this process, as a directory; found in /proc if absent */
  static open (directory = ownCgroup()): Cgroups | { why: string } {
    const why = whyNot(directory)
    if (directory === undefined || why !== undefined) return { why: why ?? 'version 2 is not mounted' }
    try {
      const controllers = [...NEEDED, 'cpu'].filter(name => controllersOf(directory).includes(name))
      for (const left of ownLeaves(directory)) rmdirSync(join(directory, left))
      mkdirSync(join(directory, SUPERVISOR))
      write(directory, `${SUPERVISOR}/cgroup.procs`, process.pid)
      write(directory, 'cgroup.subtree_control', controllers.map(name => `+${name}`).join(' '))
      if (controllers.includes('cpu')) write(directory, `${SUPERVISOR}/cpu.weight`, SUPERVISOR_WEIGHT)
      return new Cgroups(directory, controllers)
    } catch (error) {
      return { why: `${directory} cannot be divided: ${messageOf(error)}` }
    }
  }

  get directory (): string { return this.#directory }
  /** What is limited: `memory, pids, cpu`. */
  get controllers (): readonly string[] { return this.#controllers }

  /** Puts a process of that name's host under its limits, and with it all it starts. */
  place (name: string, pid: number, { memoryBytes, tasks }: HostCaps): void {
    const leaf = HOST + name
    if (!existsSync(join(this.#directory, leaf))) mkdirSync(join(this.#directory, leaf))
    write(this.#directory, `${leaf}/memory.max`, memoryBytes)
    write(this.#directory, `${leaf}/pids.max`, tasks)
    write(this.#directory, `${leaf}/cgroup.procs`, pid)
  }

  /** The leaves of hosts that have ended; that of this process goes with whoever made the cgroup. */
  [Symbol.dispose] (): void {
    for (const leaf of ownLeaves(this.#directory).filter(name => name !== SUPERVISOR)) {
      try {
        rmdirSync(join(this.#directory, leaf))
      } catch {
        // Its last process has not been reaped yet: the next start removes it.
      }
    }
  }
}

/** Of the second version; undefined where that is not mounted. */
function ownCgroup (): string | undefined {
  const path = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1]
  const mount = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').find(line => line.includes(' - cgroup2 '))?.split(' ')[4]
  return path === undefined || mount === undefined ? undefined : join(mount, path)
}

function whyNot (directory: string | undefined): string | undefined {
  if (directory === undefined || !existsSync(directory)) return 'version 2 is not mounted here'
  const missing = NEEDED.filter(name => !controllersOf(directory).includes(name))
  if (missing.length > 0) return `${directory} has not the controllers ${missing.join(' and ')}: they are not delegated, or version 1 has them`
  const others = readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n').filter(pid => pid !== '' && Number(pid) !== process.pid)
  const children = readdirSync(directory, { withFileTypes: true }).filter(entry => entry.isDirectory()).map(({ name }) => name)
  const foreign = children.filter(name => !ownLeaves(directory).includes(name))
  if (others.length > 0 || foreign.length > 0) return `${directory} is not p2pd's alone: run it as a service of its own, with Delegate=yes`
  if (/\.(service|scope)$/.test(directory) && !isDelegated(directory)) return `${directory} is systemd's own: set Delegate=yes in the unit`
  return undefined
}

/** systemd marks what it has delegated. */
function isDelegated (directory: string): boolean {
  return ['trusted.delegate', 'user.delegate'].some(name => tryCall('getxattr', directory, name, null, 0) >= 0)
}

function controllersOf (directory: string): string[] {
  return readFileSync(join(directory, 'cgroup.controllers'), 'utf8').trim().split(' ')
}

function ownLeaves (directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).filter(entry => entry.isDirectory()).map(({ name }) => name)
    .filter(name => name === SUPERVISOR || name.startsWith(HOST))
}

function write (directory: string, file: string, value: number | string): void {
  writeFileSync(join(directory, file), String(value))
}
