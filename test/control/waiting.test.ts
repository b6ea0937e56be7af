/** A stream is given to a program that is there, or not at all: real sockets, whose other ends go at the worst moment. */
import test, { type ExecutionContext } from 'ava'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import { peerIdFromString } from '@libp2p/peer-id'
import { P2pdError } from '../../src/errors.ts'
import type { RemoteStream } from '../../src/control/host.ts'
import { waitForStream } from '../../src/control/waiting.ts'
import { Waiters } from '../../src/control/waiters.ts'

const STREAM = {
  peer: peerIdFromString('12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8'),
  address: multiaddr('/ip4/127.0.0.1/tcp/4001'),
  protocol: '/x',
  stream: Object.assign(new EventTarget(), { status: 'open' })
} as unknown as RemoteStream

/** Both ends of a connection, as a session has its own: half-open and being read. */
async function connected (t: ExecutionContext, kind: 'unix' | 'tcp'): Promise<{ ours: Socket, theirs: Socket }> {
  const directory = mkdtempSync(join(tmpdir(), 'p2pd-'))
  const server = createServer({ allowHalfOpen: true })
  t.teardown(() => { server.close(); rmSync(directory, { recursive: true }) })
  await once(kind === 'unix' ? server.listen(join(directory, 's')) : server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address() as AddressInfo | string
  const theirs = connect({ ...typeof address === 'string' ? { path: address } : { port: address.port, host: '127.0.0.1' }, allowHalfOpen: true })
  const [ours] = await once(server, 'connection') as [Socket]
  t.teardown(() => { ours.destroy(); theirs.destroy() })
  ours.on('error', () => {}).resume()
  theirs.on('error', () => {})
  return { ours, theirs }
}

for (const kind of ['unix', 'tcp'] as const) {
  test(`${kind}: a program that closes its socket in the moment before a stream comes is not given it`, async t => {
    const { ours, theirs } = await connected(t, kind)
    const queue = new Waiters('/x', 'chat', () => {})
    queue.announce()
    const waiting = waitForStream(ours, { queues: [queue], hold: () => () => {} })
    theirs.destroy()
    // Still in the same turn: nothing has told this end.
    t.false(ours.readableEnded || ours.destroyed)
    const received = queue.receive(STREAM)
    t.is(await waiting, 'ended')
    t.false(await received, 'it is the caller\'s again')
  })

  test(`${kind}: what is told first reaches a program that stays, and no reason after it`, async t => {
    const { ours, theirs } = await connected(t, kind)
    const queue = new Waiters('/x', 'chat', () => {})
    queue.announce()
    let dismiss: ((protocol: string, reason: P2pdError) => void) | undefined
    const waiting = waitForStream(ours, { queues: [queue], hold: call => { dismiss = call; return () => {} } })
    t.true(await queue.receive(STREAM))
    dismiss?.('/x', new P2pdError('ERR_DENIED', 'too late'))
    t.is(await waiting, STREAM)
    const [bytes] = await once(theirs, 'data') as [Buffer]
    t.is(bytes.length, 1 + (bytes[0] ?? 0), 'one frame')
    queue.close(new P2pdError('ERR_CLOSED', 'over'))
  })
}
