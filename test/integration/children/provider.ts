/**
 * A program that serves a protocol in the daemon's name until it is killed: `provider.ts SOCKET PROTOCOL [dial-back]`.
 *
 * Answers each stream with who called, byte by byte of what comes, and never ends by itself.
 */
import { P2pdClient } from '../../../src/client/index.ts'

const [socket = '', protocol = '', way] = process.argv.slice(2)
const client = new P2pdClient(`/unix${socket}`)
await client.provide(protocol, ({ peerId, stream }) => {
  stream.write(`${peerId}\n`)
  stream.pipe(stream)
}, { dialBack: way === 'dial-back' })
process.send?.('serves')
