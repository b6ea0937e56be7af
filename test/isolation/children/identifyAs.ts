/**
 * Asks a socket who it is, as another user: `identifyAs.ts UID SOCKET...` prints one JSON line a socket. Starts as root and
 * drops to the user once everything is loaded, because the user may not be able to read this checkout.
 */
import { P2pdClient } from '../../../src/client/index.ts'

const [uid = '', ...sockets] = process.argv.slice(2)
process.setgroups?.([])
process.setgid?.(Number(uid))
process.setuid?.(Number(uid))

for (const socket of sockets) {
  await using client = new P2pdClient(`/unix${socket}`)
  try {
    const { peerId } = await client.identify({ signal: AbortSignal.timeout(10_000) })
    console.log(JSON.stringify({ peerId }))
  } catch (error) {
    console.log(JSON.stringify({ error: error instanceof Error ? error.message : String(error) }))
  }
}
