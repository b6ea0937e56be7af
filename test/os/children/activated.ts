/**
 * A service that is handed listening sockets: says as one JSON line what it took, what it left in the environment and
 * what children of its own would get, then answers the first connect on the one called `p2pd` and ends.
 */
import { execFileSync } from 'node:child_process'
import { createServer } from 'node:net'
import { P2pdError } from '../../../src/errors.ts'
import { inheritedListeners } from '../../../src/os/activation.ts'
import { tryCall } from '../../../src/os/libc.ts'

// Node marks what it inherits itself, as it happens. The test is not about Node: as the manager handed it over (F_SETFD 2).
tryCall('fcntl', 3, 2, 0)
try {
  const listeners = inheritedListeners(process.env, process.pid)
  const left = Object.keys(process.env).filter(name => name.startsWith('LISTEN_'))
  const again = inheritedListeners(process.env, process.pid).size
  const toChild = [...listeners.values()].filter(isInherited)
  console.log(JSON.stringify({ listeners: [...listeners], left, again, toChild }))
  const fd = listeners.get('p2pd')
  if (fd !== undefined) {
    createServer(socket => { socket.end('served', () => { process.exit() }) }).listen({ fd })
  }
} catch (error) {
  console.log(JSON.stringify({ error: error instanceof P2pdError ? `${error.code} ${error.message}` : String(error) }))
}

/** Whether a program that is started here finds a socket under this number. */
function isInherited (fd: number): boolean {
  return execFileSync('/bin/sh', ['-c', `readlink /proc/$$/fd/${fd} || true`], { encoding: 'utf8' }).startsWith('socket:')
}
