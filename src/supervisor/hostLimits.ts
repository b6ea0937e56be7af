/** What the kernel is told of one host's limits where it has cgroups for that, beside what the host limits itself. */
import { messageOf } from '../errors.ts'
import type { Logger } from '../log.ts'
import { Cgroups, type HostCaps } from '../os/cgroup.ts'

/**
 * Beyond the JavaScript heap that `limits.memory` is: Node's own and its libraries', WebAssembly, and buffers on their way.
 * An idle host has 50 MiB of these, a busy one 100.
 */
const BESIDE_HEAP_BYTES = 256 * 1024 * 1024
/** As RLIMIT_NPROC of a host: Node has about a dozen threads. */
const TASKS = 64

export type HostLimits = Cgroups | { readonly why: string }

/** @param memoryBytes limit of the heap */
export function capsOf (memoryBytes: number): HostCaps {
  return { memoryBytes: memoryBytes + BESIDE_HEAP_BYTES, tasks: TASKS }
}

/** It is no reason not to serve a tenant that the kernel refuses. */
export function limitHost (limits: HostLimits, { name, memoryBytes, pid, log }: { name: string, memoryBytes: number, pid: number, log: Logger }): void {
  try {
    if ('place' in limits) limits.place(name, pid, capsOf(memoryBytes))
  } catch (error) {
    log.warn({ tenant: name, reason: messageOf(error) }, 'host without limits by cgroup')
  }
}

/** A sentence for the operator. */
export function shownLimits (limits: HostLimits): string {
  return limits instanceof Cgroups
    ? `${limits.controllers.join(', ')} of each host, in ${limits.directory}; a host may have its limits.memory and ${BESIDE_HEAP_BYTES / 1024 / 1024} MiB`
    : `none: ${limits.why}`
}
