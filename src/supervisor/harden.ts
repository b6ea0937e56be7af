/**
 * What the supervisor gives up at its start: cores, being traced, new privileges, and groups. It keeps root where it has it: it
 * gives sockets to their users, hosts their uids, and ends them.
 */
import { closeInheritedOnExec, forbidCoreAndTracing, forbidNewPrivileges, limitResource } from '../os/process.ts'

const ROOT_UID = 0

/** Hosts inherit it in all of their threads: it has to be called by the thread that starts them, before it starts any. */
export function hardenSupervisor (): void {
  process.on('SIGUSR1', () => { /* Node would open its debugger, or without that end */ })
  closeInheritedOnExec()
  limitResource('core', 0)
  forbidNewPrivileges()
  forbidCoreAndTracing()
  // What a tenant's app may reach is asked with its user and group: a group of whoever started p2pd may not help it.
  if (process.geteuid?.() === ROOT_UID) process.setgroups?.([])
}
