/**
 * What a host gives up before it reads anything of its tenant's or of the network: the rights of root, new privileges, cores,
 * being traced, and more descriptors than its tenant may have.
 *
 * All of the program is loaded by then, with the rights of whoever started it: where p2pd is installed need not be readable
 * by anybody else. The bounding set of capabilities stays: nothing this process starts can take anything from it.
 */
import { flushCompileCache } from 'node:module'
import { CONTROL_FD, LINK_FD, PASSING_FD } from '../link.ts'
import { closeOnExec, dieWithParent, forbidCoreAndTracing, forbidNewPrivileges, limitResource } from '../os/process.ts'
import { becomeForGood } from '../os/rights.ts'

/** Threads of a host and of one that is just ending: Node has about a dozen. A host starts no programs. */
const MAX_THREADS = 64

export interface HardenInit {
  /** Undefined without root: then it stays the user it is. */
  readonly serviceUid?: number
  readonly supervisorPid: number
  /** Files and sockets it may have open. */
  readonly descriptors: number
}

/** Throws ERR_SYSTEM where the kernel refuses any of it. */
export function harden ({ serviceUid, supervisorPid, descriptors }: HardenInit): void {
  process.on('SIGUSR1', () => { /* Node would open its debugger, or without that end */ })
  for (const fd of [LINK_FD, CONTROL_FD, PASSING_FD]) closeOnExec(fd)
  limitResource('core', 0)
  limitResource('descriptors', descriptors)
  forbidNewPrivileges()
  process.chdir('/')
  process.umask(0o077)
  if (serviceUid !== undefined) {
    flushCompileCache() // into a directory that is root's
    limitResource('processes', MAX_THREADS)
    becomeForGood(serviceUid)
    dieWithParent() // the kernel forgot it with the change of user
    if (process.ppid !== supervisorPid) process.exit(0)
  }
  forbidCoreAndTracing()
}
