/** What a process holds, by the kernel's word (proc_pid_status(5)). */
import { readFileSync, readdirSync } from 'node:fs'

export interface Memory {
  readonly residentBytes: number
  /** Also what was reserved and never touched. */
  readonly addressSpaceBytes: number
}

export function memoryOf (pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const bytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024
  return { residentBytes: bytes('VmRSS'), addressSpaceBytes: bytes('VmSize') }
}

/** Open files, sockets included. */
export function descriptorsOf (pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}
