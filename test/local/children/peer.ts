/**
 * A libp2p node with the local transport and nothing else, told by its arguments what to do; says what happens as JSON lines.
 *
 * It vouches for processes that have written their peer ID into the registry, a directory with one file for each process ID.
 */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { yamux } from '@chainsafe/libp2p-yamux'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { Stream } from '@libp2p/interface'
import { createLibp2p } from 'libp2p'
import { localTransport } from '../../../src/local/transport.ts'
import { unixSockets } from '../../../src/local/unixSockets.ts'
import { socketMultiaddr } from '../../../src/wire/addresses.ts'
import { isPendingAfter } from '../../helpers/deadlines.ts'

/** As the hosts of p2pd have it: a stream's reader may have this much waiting, bytes. */
const WINDOW_BYTES = 512 * 1024

const CHUNK_BYTES = 64 * 1024

export interface PeerInit {
  readonly registry: string
  readonly listen?: string
  /** What it dials, and what it does there. */
  readonly dial?: { readonly address: string, readonly act: keyof typeof acts, readonly bytes: number }
}

const { registry, listen, dial }: PeerInit = JSON.parse(process.argv[2] ?? '')

const node = await createLibp2p({
  addresses: { listen: listen === undefined ? [] : [socketMultiaddr({ path: listen }).toString()] },
  transports: [localTransport({
    switchboard: unixSockets({ vouch: ({ pid }) => peerIdFromString(readFileSync(join(registry, String(pid)), 'utf8')) }),
    muxer: yamux({ streamOptions: { maxStreamWindowSize: WINDOW_BYTES } })
  })],
  start: false
})
writeFileSync(join(registry, String(process.pid)), node.peerId.toString())

function say (what: Record<string, unknown>): void {
  console.log(JSON.stringify(what))
}

/** Not even as what its parent has not heard of yet, proc_pid_stat(5). */
function isRunning (pid: number): boolean {
  try {
    return !/\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

/** All of `data`, no faster than it is taken. */
async function send (stream: Stream, data: Uint8Array): Promise<void> {
  if (!stream.send(data)) await once(stream, 'drain')
}

async function receive (stream: Stream): Promise<string> {
  const hash = createHash('sha256')
  stream.addEventListener('message', ({ data }) => { for (const bytes of data instanceof Uint8Array ? [data] : data) hash.update(bytes) })
  await once(stream, 'end')
  return hash.digest('hex')
}

/** As many random bytes as wanted, from a few; every chunk is another. */
function * chunks (total: number): Generator<Uint8Array> {
  const random = randomBytes(CHUNK_BYTES + 1024)
  for (let sent = 0; sent < total; sent += CHUNK_BYTES) {
    const at = (sent / CHUNK_BYTES) % 1024
    random.writeUInt32LE(sent / CHUNK_BYTES, at)
    yield Uint8Array.from(random.subarray(at, at + Math.min(CHUNK_BYTES, total - sent)))
  }
}

const acts = {
  /** Eight streams at once, each of `bytes` there and back. */
  async exchange (open: (protocol: string) => Promise<Stream>, bytes: number) {
    const same = await Promise.all(Array.from({ length: 8 }, async () => {
      const stream = await open('/echo')
      const back = receive(stream)
      const hash = createHash('sha256')
      for (const chunk of chunks(bytes)) {
        hash.update(chunk)
        await send(stream, chunk)
      }
      await stream.close()
      return hash.digest('hex') === await back
    }))
    say({ same })
  },
  /** All of it to a reader that does not read; says when it got stuck, and what it was when it is through. */
  async offer (open: (protocol: string) => Promise<Stream>, bytes: number) {
    const stream = await open('/held')
    say({ open: true })
    await once(process, 'SIGUSR2')
    const hash = createHash('sha256')
    let offered = 0
    let isStuck = false
    for (const chunk of chunks(bytes)) {
      hash.update(chunk)
      offered += chunk.length
      const sent = send(stream, chunk)
      if (!isStuck && stream.writableNeedsDrain && await isPendingAfter(1_000, sent)) {
        isStuck = true
        say({ stuck: offered })
      }
      await sent
    }
    await stream.close()
    say({ offered: hash.digest('hex') })
  },
  /** Until the other end has gone; then dials until there is one again. */
  async endless (open: (protocol: string) => Promise<Stream>, bytes: number) {
    const stream = await open('/counted')
    const closed = once(stream, 'close')
    const over = new AbortController()
    void closed.then(() => { over.abort() })
    try {
      for (const chunk of chunks(bytes)) if (!stream.send(chunk)) await once(stream, 'drain', { signal: over.signal })
    } catch { /* it closed */ }
    await closed
    say({ closed: stream.status })
    for (;;) {
      try {
        await send(await open('/counted'), Buffer.from('here again'))
        return say({ again: true })
      } catch { /* not there yet */ }
      await delay(20)
    }
  },
  /** Once the other end is busy: as much as fits into the kernel's buffer, and the end. */
  async last (open: (protocol: string) => Promise<Stream>, bytes: number) {
    const stream = await open('/busy')
    stream.send(Buffer.from(String(process.pid)))
    await once(process, 'SIGUSR2')
    for (const chunk of chunks(bytes)) stream.send(chunk)
    await stream.close()
    // The next turn of the event loop writes it.
    setImmediate(() => setImmediate(() => { process.kill(process.pid, 'SIGKILL') }))
  }
}

await node.handle('/echo', stream => {
  stream.addEventListener('message', ({ data }) => { if (!stream.send(data) && stream.remoteWriteStatus === 'writable') stream.pause() })
  stream.addEventListener('drain', () => { if (stream.readStatus === 'paused') stream.resume() })
  stream.addEventListener('end', () => { void stream.close() })
})
await node.handle('/held', async stream => {
  stream.pause()
  const hash = receive(stream)
  process.once('SIGUSR2', () => { stream.resume() })
  say({ received: await hash })
})
await node.handle('/counted', stream => {
  let bytes = 0
  stream.addEventListener('message', ({ data }) => {
    if (bytes === 0) say({ begun: true })
    bytes += data.byteLength
  })
  stream.addEventListener('close', () => { say({ bytes, hasEnded: stream.readableEnded, status: stream.status }) })
})
/** Writes to a program and is busy until that has been killed. */
await node.handle('/busy', stream => {
  let bytes = 0
  stream.addEventListener('message', ({ data }) => {
    const pid = Number(Buffer.from(data.subarray()).toString())
    stream.send(Buffer.from('soon lost'))
    process.kill(pid, 'SIGUSR2')
    while (isRunning(pid)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
    stream.addEventListener('message', ({ data: late }) => { bytes += late.byteLength })
  }, { once: true })
  stream.addEventListener('close', () => { say({ bytes, hasEnded: stream.readableEnded }) })
})
await node.start()
say({ peerId: node.peerId.toString() })
if (dial !== undefined) {
  const address = multiaddr(dial.address)
  const signal = AbortSignal.timeout(60_000)
  await acts[dial.act](async protocol => await node.dialProtocol(address, protocol, { signal }), dial.bytes)
}
