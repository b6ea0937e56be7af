/**
 * The first process of a PID namespace: a daemon with tenants a and b, and pidReuse.py against a's socket, which everybody
 * may open here. Prints what that found: `unshare --pid --fork --mount-proc --kill-child node pidReuse.ts ROUNDS`.
 */
import { spawn } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { identify } from '../../helpers/requests.ts'
import { World } from '../world.ts'

const [A, B] = [41001, 41002]

{
  await using world = await World.start({ tenants: { a: { uid: A }, b: { uid: B } } })
  const socket = world.socketOf('a')
  const app = await world.program(A)
  const { error } = await app.askOne(socket, identify())
  if (error !== '') throw new Error(error)
  chmodSync(socket, 0o666)
  const id = Buffer.from(await world.peerBytesOf('a')).toString('hex')
  const script = join(import.meta.dirname, 'pidReuse.py')
  const child = spawn('python3', [script, socket, String(A), String(B), id, process.argv[2] ?? '1'], { stdio: ['ignore', 'pipe', 'inherit'] })
  console.log((await text(child.stdout)).trim())
}
