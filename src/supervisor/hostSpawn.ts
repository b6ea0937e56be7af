/**
 * Starts the process of a host: its descriptors, its clean environment, its V8 settings. Nothing secret is in its arguments or
 * its environment, and it inherits no descriptor but those of link.ts.
 */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process'
import { closeSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { CONTROL_FD, LINK_FD, PASSING_FD } from '../link.ts'
import { passingPair } from '../os/passing.ts'

/** Beside this file in the bundle; in the sources, where the tests run it, a folder away. */
export const HOST_PROGRAM = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../host/main.ts' : 'host.mjs', import.meta.url))

export interface SpawnInit {
  /** The tenant's listening socket; stays the caller's. */
  readonly controlFd: number
  /** Limit of V8's heap in the host, bytes. */
  readonly memoryBytes: number
  readonly program: string
}

export interface Spawned {
  readonly child: ChildProcess
  /** Where its start document goes, and the channel; undefined when there was no process to be had, which the child's `error` says. */
  readonly startPipe: Writable | undefined
  readonly link: Socket | undefined
  /** What descriptors are sent over; the caller's to close. */
  readonly passingFd: number
}

/** Throws ERR_SYSTEM when there is no descriptor left. */
export function spawnHost ({ controlFd, memoryBytes, program }: SpawnInit): Spawned {
  const { ours, theirs } = passingPair()
  try {
    const stdio: Extract<StdioOptions, unknown[]> = ['pipe', 2, 2]
    stdio[LINK_FD] = 'pipe'
    stdio[CONTROL_FD] = controlFd
    stdio[PASSING_FD] = theirs
    const child = spawn(process.execPath, [...v8Flags(memoryBytes), program], { stdio, env: cleanEnvironment() })
    // Not there at all when the process could not be made.
    const { stdin, stdio: streams } = child as Partial<ChildProcess>
    const link = streams?.[LINK_FD]
    return { child, startPipe: stdin ?? undefined, link: link instanceof Socket ? link : undefined, passingFd: ours }
  } catch (error) {
    closeSync(ours)
    throw error
  } finally {
    closeSync(theirs)
  }
}

function v8Flags (memoryBytes: number): string[] {
  return [
    '--disable-sigusr1', // opens the debugger to every local user otherwise
    // Buffers of a stream die young: in a small young generation they stay in the processor's cache. A third less CPU a byte.
    '--max-semi-space-size=1',
    // V8 counts buffers against the old generation's limit, and with a heap as small as ours it would mark and compact a
    // hundred times a GB. Only reserved, not used, until there is something to hold.
    '--initial-old-space-size=32',
    `--max-old-space-size=${Math.ceil(memoryBytes / 1024 / 1024)}`,
    '--disable-warning=ExperimentalWarning'
  ]
}

/** Nothing of the operator's shell reaches a host, NODE_OPTIONS least of all. The compile cache is the launcher's. */
function cleanEnvironment (): NodeJS.ProcessEnv {
  const kept = ['NODE_COMPILE_CACHE', 'PATH', 'TZ', 'LANG', 'P2PD_LOG', 'DEBUG']
  return Object.fromEntries(kept.flatMap(name => process.env[name] === undefined ? [] : [[name, process.env[name]]]))
}
