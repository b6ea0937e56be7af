/** The client against go-libp2p-daemon, when P2PD_GO_DAEMON names its binary. */
import test, { type ExecutionContext } from 'ava'
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { buffer, text } from 'node:stream/consumers'
import { P2pdClient } from '../../src/client/index.ts'

const binary = process.env['P2PD_GO_DAEMON']
const go = binary === undefined ? test.skip : test

/** A running daemon's client. Both are gone when the test is over. */
async function goDaemon (t: ExecutionContext): Promise<P2pdClient> {
  const directory = await mkdtemp(join(tmpdir(), 'p2pd-go-'))
  const address = `/unix${directory}/d.sock`
  const child = spawn(binary ?? '', ['-listen', address, '-hostAddrs', '/ip4/127.0.0.1/tcp/0', '-dht=false'], { stdio: ['ignore', 'pipe', 'ignore'] })
  const client = new P2pdClient(address)
  t.teardown(async () => {
    await client.close()
    if (child.exitCode === null && child.kill('SIGTERM')) await once(child, 'exit')
    await rm(directory, { recursive: true, force: true })
  })
  for await (const line of createInterface(child.stdout)) if (line.startsWith('Peer Addrs:')) return client
  throw new Error('the daemon ended before it listened')
}

async function connectedPair (t: ExecutionContext): Promise<{ one: P2pdClient, other: P2pdClient, otherId: string, oneId: string }> {
  const [one, other] = await Promise.all([goDaemon(t), goDaemon(t)])
  const { peerId: oneId } = await one.identify()
  const { peerId: otherId, addresses } = await other.identify()
  await one.connect(otherId, addresses, { timeoutSeconds: 10 })
  return { one, other, otherId, oneId }
}

go('identify, connect, listPeers and disconnect', async t => {
  const { one, otherId } = await connectedPair(t)
  t.deepEqual((await one.listPeers()).map(({ peerId }) => peerId), [otherId])
  await one.disconnect(otherId)
  t.deepEqual(await one.listPeers(), [])
  await t.throwsAsync(one.openStream(otherId, '/nobody/1.0.0', { timeoutSeconds: 5 }), { code: 'ERR_REMOTE' })
})

go('a stream carries 16 MiB there and back', async t => {
  const { one, oneId, other, otherId } = await connectedPair(t)
  const heard = Promise.withResolvers<{ peerId: string, address: string, protocol: string }>()
  await using _ = await other.handle(['/none/1.0.0', '/echo/1.0.0'], ({ stream, ...from }) => {
    heard.resolve(from)
    stream.pipe(stream)
  })
  const { stream, protocol, peerId } = await one.openStream(otherId, ['/unknown/1.0.0', '/echo/1.0.0'])
  t.deepEqual([peerId, protocol], [otherId, '/echo/1.0.0'])
  const content = randomBytes(16 * 1024 * 1024)
  // This daemon has no half-close: the end comes after what is due has come back.
  const hash = createHash('sha256')
  let left = content.length
  stream.on('data', (chunk: Buffer) => {
    hash.update(chunk)
    left -= chunk.length
    if (left === 0) stream.end()
  })
  stream.write(content)
  await once(stream, 'end')
  t.is(hash.digest('hex'), createHash('sha256').update(content).digest('hex'))
  const from = await heard.promise
  t.deepEqual([from.peerId, from.protocol], [oneId, '/echo/1.0.0'])
  t.regex(from.address, /^\/ip4\/127\.0\.0\.1\/tcp\/\d+$/)
})

go('what the remote sends first comes whole, with the end behind it', async t => {
  const { one, other, otherId } = await connectedPair(t)
  await using _ = await other.handle('/greet/1.0.0', ({ stream }) => { stream.end('hello') })
  for (let i = 0; i < 50; i++) {
    const { stream } = await one.openStream(otherId, '/greet/1.0.0')
    t.is(await text(stream), 'hello')
    stream.end()
  }
})

go('closing a handler is fine though this daemon hangs up on being told, and it can be taken again', async t => {
  const { one, other, otherId } = await connectedPair(t)
  const first = await other.handle('/a/1.0.0', ({ stream }) => { stream.end('first') })
  await first.close()
  const { stream: dead } = await one.openStream(otherId, '/a/1.0.0')
  await t.notThrowsAsync(buffer(dead).catch(() => {}))
  dead.destroy()
  await using _ = await other.handle('/a/1.0.0', ({ stream }) => { stream.end('second') })
  const { stream } = await one.openStream(otherId, '/a/1.0.0')
  t.is(await text(stream), 'second')
  stream.end()
})
