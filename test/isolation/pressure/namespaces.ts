/**
 * Network and mounts of a test file's own: nothing it sends leaves the machine, nothing it mounts outlives it.
 *
 * The file's process moves into new namespaces, and all that it starts from then on is in them too. Inside, every address
 * there is belongs to this machine: a dial to any of them arrives, and can be counted.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import koffi from 'koffi'

/** Of unshare(2). */
const CLONE_NEWNS = 0x2_0000
const CLONE_NEWNET = 0x4000_0000

/** Once a file, before anything is started. Needs root. */
export function enterOwnNamespaces (): void {
  const unshare = koffi.load(null).func('int unshare(int flags)')
  if (unshare(CLONE_NEWNS | CLONE_NEWNET) !== 0) throw new Error('unshare(2) failed: this suite needs root with CAP_SYS_ADMIN')
  run('mount', '--make-rprivate', '/')
  run('ip', 'link', 'set', 'lo', 'up')
  run('ip', 'route', 'add', 'local', '0.0.0.0/0', 'dev', 'lo')
  run('ip', '-6', 'route', 'add', 'local', '::/0', 'dev', 'lo')
}

export function run (program: string, ...args: string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] })
}

/** TCP connects that were begun in this network since it is there, SYN by SYN: ActiveOpens of proc_net(5)'s snmp. */
export function synsSent (): number {
  const [names = [], values = []] = readFileSync('/proc/self/net/snmp', 'utf8').split('\n').filter(line => line.startsWith('Tcp:')).map(line => line.split(' '))
  return Number(values[names.indexOf('ActiveOpens')])
}
