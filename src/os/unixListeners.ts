/** Who is there, as far as can be told without connecting: processes, and the names of Unix sockets that are listened on. */
import { readFileSync } from 'node:fs'

/** __SO_ACCEPTCON, linux/net.h. */
const LISTENING = 0x10000

/** Whether there is such a process, whosever it is. */
export function isAlive (pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** The names that sockets of this network namespace listen at, as they were bound; unix(7), /proc/net/unix. */
export function unixListeners (): ReadonlySet<string> {
  const rows = readFileSync('/proc/net/unix', 'utf8').split('\n').slice(1)
  return new Set(rows.flatMap(row => {
    const [, flags = '', path] = /^\S+ \S+ \S+ (\S+) \S+ \S+ +\S+ (.+)$/.exec(row) ?? []
    return path !== undefined && (parseInt(flags, 16) & LISTENING) !== 0 ? [path] : []
  }))
}
