/**
 * Giving up root for good: another user, no groups, no capabilities, in every thread; and proof that it is so.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { P2pdError } from '../errors.ts'

/** Of one thread, as proc_pid_status(5) shows it. */
export interface ThreadRights {
  /** Real, effective, saved, and that of the file system. */
  readonly uids: readonly number[]
  readonly gids: readonly number[]
  readonly groups: readonly number[]
  /** Inheritable, permitted, effective, ambient. */
  readonly capabilities: readonly bigint[]
  readonly noNewPrivileges: boolean
}

const CAP_KILL = 5n
const CAP_SETGID = 6n
const CAP_SETUID = 7n

/** Throws ERR_SYSTEM when the kernel refuses, or when anything is left of what was given up. The group has the same number. */
export function becomeForGood (uid: number): void {
  try {
    process.setgroups?.([])
    process.setgid?.(uid)
    process.setuid?.(uid)
  } catch (cause) {
    throw new P2pdError('ERR_SYSTEM', `cannot become uid ${uid}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
  for (const thread of readdirSync('/proc/self/task')) {
    const { uids, gids, groups, capabilities } = rightsOf(`self/task/${thread}`)
    const isGone = [...uids, ...gids].every(id => id === uid) && groups.length === 0 && capabilities.every(set => set === 0n)
    if (!isGone) throw new P2pdError('ERR_SYSTEM', `a thread kept rights that were to be given up for uid ${uid}`)
  }
  if (hasPollingRing()) throw new P2pdError('ERR_SYSTEM', 'a thread of the kernel works for this process with rights that were given up: io_uring with submission polling, which Node has to be built without')
  if (canComeBack()) throw new P2pdError('ERR_SYSTEM', `uid ${uid} can become root again`)
}

/** Whether a process that is root may give its children other users, and end them then. */
export function mayChangeUsers (): boolean {
  const effective = rightsOf('self').capabilities[2] ?? 0n
  return [CAP_KILL, CAP_SETGID, CAP_SETUID].every(capability => (effective >> capability & 1n) === 1n)
}

/** The user a process runs as, by the kernel's word; undefined when it has gone. */
export function uidOf (pid: number): number | undefined {
  try {
    return rightsOf(pid).uids[1]
  } catch {
    return undefined
  }
}

/** @param process as in /proc: a pid, `self`, or `self/task/TID`; throws when there is none */
export function rightsOf (process: string | number): ThreadRights {
  const fields = new Map(readFileSync(`/proc/${process}/status`, 'utf8').split('\n').map(line => {
    const [name = '', value = ''] = line.split(/:\s*/)
    return [name, value.trim().split(/\s+/).filter(word => word !== '')]
  }))
  const numbers = (name: string): number[] => (fields.get(name) ?? []).map(Number)
  return {
    uids: numbers('Uid'),
    gids: numbers('Gid'),
    groups: numbers('Groups'),
    capabilities: ['CapInh', 'CapPrm', 'CapEff', 'CapAmb'].map(name => BigInt(`0x${fields.get(name)?.[0] ?? '0'}`)),
    noNewPrivileges: fields.get('NoNewPrivs')?.[0] === '1'
  }
}

/** io_uring(7): a thread that polls for submissions keeps the rights of whoever made the ring. */
function hasPollingRing (): boolean {
  return readdirSync('/proc/self/fdinfo').some(fd => {
    try {
      return /^SqThread:\s+[0-9]/m.test(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))
    } catch {
      return false // that of the directory itself, closed by now
    }
  })
}

function canComeBack (): boolean {
  for (const attempt of [() => process.setuid?.(0), () => process.setgid?.(0), () => process.seteuid?.(0), () => process.setegid?.(0)]) {
    try {
      attempt()
      return true
    } catch {
      // EPERM, as it should be.
    }
  }
  return false
}
