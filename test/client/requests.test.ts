import test from 'ava'
import { execFile } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { P2pdClient } from '../../src/client/index.ts'
import { RequestType, ResponseType } from '../../src/wire/codec.ts'
import { parseMultiaddr } from '../../src/wire/addresses.ts'
import { ADDRESS, ADDRESS_BYTES, PEER, PEER_BYTES, ScriptedDaemon, framed, identified, ok, refused, scriptedDaemon } from './scriptedDaemon.ts'

test('identify gives the daemon’s peer ID and addresses as text', async t => {
  const daemon = await scriptedDaemon(t, ({ answer }) => { answer(identified) })
  await using client = new P2pdClient(daemon.address)
  t.deepEqual(await client.identify(), { peerId: PEER, addresses: [ADDRESS] })
  t.deepEqual(daemon.requests, [{ type: RequestType.IDENTIFY }])
})

test('an address of a notation that is not known is left out, and the rest is there', async t => {
  const unknown = Uint8Array.of(0xff, 0xff, 0x7f, 1)
  const daemon = await scriptedDaemon(t, ({ answer }) => {
    answer({ type: ResponseType.OK, identify: { id: PEER_BYTES, addrs: [unknown, ADDRESS_BYTES] } })
  })
  await using client = new P2pdClient(daemon.address)
  t.deepEqual((await client.identify()).addresses, [ADDRESS])
})

test('connect sends peer, addresses and whole seconds; the peer’s own ID behind an address is taken off', async t => {
  const daemon = await scriptedDaemon(t, ({ answer }) => { answer(ok) })
  await using client = new P2pdClient(daemon.address)
  await client.connect(PEER, [ADDRESS, `${ADDRESS}/p2p/${PEER}`], { timeoutSeconds: 1.2 })
  await client.connect(PEER)
  t.deepEqual(daemon.requests, [
    { type: RequestType.CONNECT, connect: { peer: PEER_BYTES, addrs: [ADDRESS_BYTES, ADDRESS_BYTES], timeout: 2 } },
    { type: RequestType.CONNECT, connect: { peer: PEER_BYTES, addrs: [] } }
  ])
})

test('another peer’s ID behind an address stays, for the daemon to judge', async t => {
  const daemon = await scriptedDaemon(t, ({ answer }) => { answer(ok) })
  await using client = new P2pdClient(daemon.address)
  const other = `${ADDRESS}/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC`
  await client.connect(PEER, [other])
  t.deepEqual(daemon.requests[0]?.connect?.addrs, [new Uint8Array(parseMultiaddr(other).bytes)])
})

test('disconnect and listPeers ask what their names say', async t => {
  const daemon = await scriptedDaemon(t, ({ request, answer }) => {
    answer(request.type === RequestType.LIST_PEERS ? { type: ResponseType.OK, peers: [{ id: PEER_BYTES, addrs: [ADDRESS_BYTES] }, { id: PEER_BYTES, addrs: [] }] } : ok)
  })
  await using client = new P2pdClient(daemon.address)
  await client.disconnect(PEER)
  t.deepEqual(await client.listPeers(), [{ peerId: PEER, addresses: [ADDRESS] }, { peerId: PEER, addresses: [] }])
  t.deepEqual(daemon.requests, [{ type: RequestType.DISCONNECT, disconnect: { peer: PEER_BYTES } }, { type: RequestType.LIST_PEERS }])
})

test('an ERROR is thrown with the daemon’s words, and the connection is used on', async t => {
  const daemon = await scriptedDaemon(t, ({ request, answer }) => {
    answer(request.type === RequestType.CONNECT ? refused('dial backoff') : identified)
  })
  await using client = new P2pdClient(daemon.address)
  await t.throwsAsync(client.connect(PEER), { name: 'P2pdError', code: 'ERR_REMOTE', message: 'dial backoff' })
  await client.identify()
  t.is(daemon.connections, 1)
})

for (const [what, bytes, code] of [
  ['an ERROR without a reason', framed({ type: ResponseType.ERROR }), 'ERR_REMOTE'],
  ['a response of a type nobody knows', framed({ type: 7 }), 'ERR_MESSAGE'],
  ['an OK without what was asked for', framed(ok), 'ERR_MESSAGE'],
  ['an OK with a peer ID that is none', framed({ type: ResponseType.OK, identify: { id: Uint8Array.of(1), addrs: [] } }), 'ERR_MESSAGE'],
  ['what is no message', Uint8Array.of(1, 0xff), 'ERR_MESSAGE'],
  ['a frame over the limit', Uint8Array.of(0xff, 0xff, 0xff, 0x7f), 'ERR_FRAME']
] as const) {
  test(`${what} is told as ${code}`, async t => {
    const daemon = await scriptedDaemon(t, ({ socket }) => { socket.write(bytes) })
    await using client = new P2pdClient(daemon.address)
    await t.throwsAsync(client.identify(), { name: 'P2pdError', code })
  })
}

test('an answer that comes a byte at a time is an answer', async t => {
  const daemon = await scriptedDaemon(t, async ({ socket }) => {
    for (const byte of framed(identified)) {
      socket.write(Uint8Array.of(byte))
      await new Promise(setImmediate)
    }
  })
  await using client = new P2pdClient(daemon.address)
  t.is((await client.identify()).peerId, PEER)
})

test('requests one after another share a connection', async t => {
  const daemon = await scriptedDaemon(t, ({ answer }) => { answer(identified) })
  await using client = new P2pdClient(daemon.address)
  for (let i = 0; i < 5; i++) await client.identify()
  t.is(daemon.connections, 1)
})

test('a request does not wait for another’s slow answer, and one connection is kept of many', async t => {
  const slow: Array<() => void> = []
  const daemon = await scriptedDaemon(t, ({ request, answer }) => {
    if (request.type === RequestType.CONNECT) slow.push(() => { answer(ok) })
    else answer(identified)
  })
  await using client = new P2pdClient(daemon.address)
  const connecting = client.connect(PEER)
  await Promise.all([client.identify(), client.identify(), client.identify()])
  slow[0]?.()
  await connecting
  await daemon.openAtMost(1)
  t.is(daemon.open.size, 1)
})

test('a connection that the daemon closes after every answer is made anew', async t => {
  const daemon = await scriptedDaemon(t, ({ socket, answer }) => {
    answer(identified)
    socket.end()
  })
  await using client = new P2pdClient(daemon.address)
  for (let i = 0; i < 5; i++) t.is((await client.identify()).peerId, PEER)
  await daemon.openAtMost(0)
})

test('a connection that is closed just when it is used again costs nothing but the reuse', async t => {
  const daemon = await scriptedDaemon(t, ({ connection, socket, answer }) => {
    // The first connection answers once, and hangs up on its second request.
    if (connection === 1 && daemon.requests.length === 2) socket.destroy()
    else answer(identified)
  })
  await using client = new P2pdClient(daemon.address)
  await client.identify()
  t.is((await client.identify()).peerId, PEER)
  t.is(daemon.connections, 2)
  t.is(daemon.requests.length, 3)
})

test('a daemon that was restarted is asked again without a word', async t => {
  const daemon = await scriptedDaemon(t, ({ answer }) => { answer(identified) })
  await using client = new P2pdClient(daemon.address)
  await client.identify()
  await daemon.stop()
  const again = await new ScriptedDaemon(daemon.directory, daemon.script).listen()
  t.teardown(async () => { await again.stop() })
  t.is((await client.identify()).peerId, PEER)
  t.is(again.connections, 1)
})

test('a daemon that hangs up on a fresh connection is told as ERR_CLOSED, and nothing is tried twice', async t => {
  const daemon = await scriptedDaemon(t, ({ socket }) => { socket.end() })
  await using client = new P2pdClient(daemon.address)
  await t.throwsAsync(client.identify(), { name: 'P2pdError', code: 'ERR_CLOSED' })
  t.is(daemon.connections, 1)
  await daemon.openAtMost(0)
})

test('an answer that ends early is told as ERR_CLOSED', async t => {
  const daemon = await scriptedDaemon(t, ({ socket }) => { socket.end(framed(identified).subarray(0, -1)) })
  await using client = new P2pdClient(daemon.address)
  await t.throwsAsync(client.identify(), { name: 'P2pdError', code: 'ERR_CLOSED' })
})

test('bytes that nobody asked for end the kept connection', async t => {
  const daemon = await scriptedDaemon(t, ({ socket }) => { socket.write(Buffer.concat([framed(identified), framed(refused('not yours'))])) })
  await using client = new P2pdClient(daemon.address)
  t.is((await client.identify()).peerId, PEER)
  await daemon.openAtMost(0)
  t.is((await client.identify()).peerId, PEER)
})

test('no daemon is ERR_SYSTEM, with the system’s words', async t => {
  const daemon = await scriptedDaemon(t)
  await daemon.stop()
  await using client = new P2pdClient({ path: daemon.path })
  await t.throwsAsync(client.identify(), { name: 'P2pdError', code: 'ERR_SYSTEM', message: /^cannot reach the daemon: connect ENOENT/ })
})

test('a full backlog is waited for', async t => {
  const daemon = await scriptedDaemon(t, ({ answer }) => { answer(identified) }, 1)
  await using client = new P2pdClient(daemon.address)
  // All of them connect before this process gets to accept one.
  const peers = await Promise.all(Array.from({ length: 30 }, async () => await client.identify()))
  t.is(peers.length, 30)
})

test('a daemon on TCP is reached by multiaddr and by host and port', async t => {
  const server = createServer(socket => { socket.on('data', () => { socket.write(framed(identified)) }) })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => { server.close() })
  const { port } = server.address() as AddressInfo
  await using one = new P2pdClient(`/ip4/127.0.0.1/tcp/${port}`)
  await using other = new P2pdClient({ host: 'localhost', port })
  t.is((await one.identify()).peerId, PEER)
  t.is((await other.identify()).peerId, PEER)
})

test('what is no address, peer ID or timeout is ERR_REQUEST, before the daemon hears of it', async t => {
  const daemon = await scriptedDaemon(t)
  await using client = new P2pdClient(daemon.address)
  t.throws(() => new P2pdClient('/run/p2pd.sock'), { code: 'ERR_REQUEST' })
  await t.throwsAsync(client.connect('nobody'), { code: 'ERR_REQUEST' })
  await t.throwsAsync(client.connect(PEER, ['localhost:1']), { code: 'ERR_REQUEST' })
  for (const timeoutSeconds of [0, -1, NaN, Infinity]) {
    await t.throwsAsync(client.openStream(PEER, '/a', { timeoutSeconds }), { code: 'ERR_REQUEST' })
  }
  t.is(daemon.connections, 0)
})

test('close ends calls that wait with ERR_CLOSED and leaves no connection; later calls throw at once', async t => {
  const daemon = await scriptedDaemon(t, ({ request, answer }) => { if (request.type === RequestType.IDENTIFY) answer(identified) })
  const client = new P2pdClient(daemon.address)
  await client.identify()
  const asked = new Promise<void>(resolve => { daemon.script = () => { resolve() } })
  const waiting = t.throwsAsync(client.listPeers(), { code: 'ERR_CLOSED', message: 'the client was closed' })
  await asked
  await client.close()
  await waiting
  await daemon.openAtMost(0)
  await t.throwsAsync(client.identify(), { code: 'ERR_CLOSED' })
  await t.throwsAsync(client.openStream(PEER, '/a'), { code: 'ERR_CLOSED' })
  await t.throwsAsync(client.handle('/a', () => {}), { code: 'ERR_CLOSED' })
  await client.close()
})

test('a client that is forgotten does not keep its program running', async t => {
  const daemon = await scriptedDaemon(t, ({ answer }) => { answer(identified) })
  const module = join(import.meta.dirname, '../../src/client/index.ts')
  const program = `import { P2pdClient } from ${JSON.stringify(module)}
    const client = new P2pdClient(${JSON.stringify(daemon.address)})
    await client.identify()
    console.log((await client.identify()).peerId)`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program])
  t.is(stdout, `${PEER}\n`)
  t.is(daemon.connections, 1)
})
