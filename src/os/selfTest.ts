/**
 * Proves at start that the system calls and the Node internals this daemon's isolation rests on do what they should here:
 * better no start than a start that lets the wrong caller in.
 */
import { closeSync, mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { P2pdError } from '../errors.ts'
import { peerCredentials } from './credentials.ts'
import { hasHungUp } from './hangup.ts'
import { listenUnix } from './listening.ts'

/** Throws ERR_SYSTEM with what is wrong. Takes about a millisecond. */
export async function selfTest (): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'p2pd-'))
  const path = join(directory, 's')
  const fd = listenUnix(path, { mode: 0o600 })
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    const { uid, pid } = peerCredentials(socket)
    if (uid !== process.geteuid?.() || pid !== process.pid) throw new P2pdError('ERR_SYSTEM', `the kernel named uid ${uid} and pid ${pid} for our own socket: peer credentials cannot be relied on here`)
    if (hasHungUp(socket)) throw new P2pdError('ERR_SYSTEM', 'a connected socket was said to be hung up: poll() cannot be relied on here')
  } finally {
    socket.destroy()
    closeSync(fd)
    rmSync(directory, { recursive: true, force: true })
  }
}
