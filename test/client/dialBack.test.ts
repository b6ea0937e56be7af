import test from 'ava'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { finished } from 'node:stream/promises'
import { P2pdClient, type PeerStream } from '../../src/client/index.ts'
import { RequestType, decodeRemoveStreamHandlerRequest, encodeStreamInfo } from '../../src/wire/codec.ts'
import { encodeFrame } from '../../src/wire/frames.ts'
import { parseSocketAddress } from '../../src/wire/addresses.ts'
import { ADDRESS, PEER, STREAM_INFO, framed, ok, refused, scriptedDaemon, type Asked, type ScriptedDaemon } from './scriptedDaemon.ts'

const PROTOCOL = '/echo/1.0.0'
/** The daemon is to dial; how streams are waited for is waiting.test.ts's. */
const DIALLED = { dialBack: true }

const agree = ({ answer }: Asked): void => { answer(ok) }
const echo = ({ stream }: PeerStream): void => { stream.pipe(stream) }

function socketPath (daemon: ScriptedDaemon): string {
  const address = parseSocketAddress(daemon.handlerAddress())
  return 'path' in address ? address.path : ''
}

test('handle registers a socket that only its owner reaches, in a directory that only its owner enters', async t => {
  const daemon = await scriptedDaemon(t, agree)
  await using client = new P2pdClient(daemon.address)
  await using _ = await client.handle([PROTOCOL, '/echo/2.0.0'], echo, DIALLED)
  t.deepEqual(daemon.requests, [{ type: RequestType.STREAM_HANDLER, streamHandler: { addr: daemon.handlerAddress(), proto: [PROTOCOL, '/echo/2.0.0'] } }])
  const path = socketPath(daemon)
  t.is((await stat(path)).mode & 0o777, 0o600)
  t.is((await stat(dirname(path))).mode & 0o777, 0o700)
  t.true((await stat(path)).isSocket())
})

test('a stream comes to the listener with its peer, address and protocol, and with bytes that came along', async t => {
  const daemon = await scriptedDaemon(t, agree)
  await using client = new P2pdClient(daemon.address)
  const incoming = Promise.withResolvers<PeerStream>()
  await using _ = await client.handle(PROTOCOL, stream => { incoming.resolve(stream) }, DIALLED)
  const remote = await daemon.bring(Buffer.from('with the StreamInfo'))
  remote.end(', and later')
  const { peerId, address, protocol, stream } = await incoming.promise
  t.deepEqual([peerId, address, protocol], [PEER, ADDRESS, PROTOCOL])
  t.is(await text(stream), 'with the StreamInfo, and later')
  stream.end('answer after the end')
  t.is(await text(remote), 'answer after the end')
})

test('a StreamInfo that comes a byte at a time is read to its last byte and no further', async t => {
  const daemon = await scriptedDaemon(t, agree)
  await using client = new P2pdClient(daemon.address)
  await using _ = await client.handle(PROTOCOL, echo, DIALLED)
  const remote = await daemon.dialHandler()
  for (const byte of Buffer.concat([encodeFrame(encodeStreamInfo(STREAM_INFO)), Buffer.from('abc')])) {
    remote.write(Uint8Array.of(byte))
    await new Promise(setImmediate)
  }
  remote.end()
  t.is(await text(remote), 'abc')
})

test('streams that come before the daemon has said OK are served', async t => {
  const daemon = await scriptedDaemon(t)
  daemon.script = async ({ request, answer }) => {
    if (request.type !== RequestType.STREAM_HANDLER) { answer(ok); return }
    const remote = await daemon.bring()
    remote.end('early')
    t.is(await text(remote), 'early')
    answer(ok)
  }
  await using client = new P2pdClient(daemon.address)
  await using _ = await client.handle(PROTOCOL, echo, DIALLED)
})

test('a listener that throws loses its stream, is reported, and the handler goes on', async t => {
  const daemon = await scriptedDaemon(t, agree)
  await using client = new P2pdClient(daemon.address)
  const fault = new Error('listener')
  const errors: unknown[] = []
  let calls = 0
  await using _ = await client.handle(PROTOCOL, async incoming => {
    if (++calls === 2) throw fault
    echo(incoming)
  }, { ...DIALLED, onError: error => { errors.push(error) } })
  const first = await daemon.bring()
  first.write('1')
  await once(first, 'data')
  const second = await daemon.bring()
  await once(second.resume(), 'end')
  t.deepEqual(errors, [fault])
  first.end('2')
  t.is(await text(first), '2')
  const third = await daemon.bring()
  third.end('3')
  t.is(await text(third), '3')
})

test('an onError that throws is a warning, not the end of the program', async t => {
  const daemon = await scriptedDaemon(t, agree)
  await using client = new P2pdClient(daemon.address)
  await using _ = await client.handle(PROTOCOL, () => { throw new Error('listener') }, { ...DIALLED, onError: () => { throw new Error('onError') } })
  const warned = once(process, 'warning')
  await daemon.bring()
  const [warning] = await warned as [Error]
  t.is(warning.message, 'onError of a p2pd handler threw: onError')
})

for (const [what, bytes, code] of [
  ['no bytes at all', [], 'ERR_CLOSED'],
  ['half a StreamInfo', [5, 10], 'ERR_CLOSED'],
  ['what is no StreamInfo', [1, 0xff], 'ERR_MESSAGE'],
  ['a frame over the limit', [0xff, 0xff, 0xff, 0x7f], 'ERR_FRAME']
] as const) {
  test(`a connection that brings ${what} is reported and not given to the listener`, async t => {
    const daemon = await scriptedDaemon(t, agree)
    await using client = new P2pdClient(daemon.address)
    const reported = Promise.withResolvers<unknown>()
    await using _ = await client.handle(PROTOCOL, () => { t.fail('called') }, { ...DIALLED, onError: reported.resolve })
    const remote = await daemon.dialHandler()
    remote.end(Uint8Array.from(bytes))
    t.like(await reported.promise, { name: 'P2pdError', code })
    await once(remote.resume(), 'close')
  })
}

test('close tells the daemon, removes the socket and its directory, and leaves running streams alone', async t => {
  const daemon = await scriptedDaemon(t, agree)
  await using client = new P2pdClient(daemon.address)
  const handler = await client.handle(PROTOCOL, echo, DIALLED)
  const running = await daemon.bring()
  running.write('1')
  await once(running, 'data')
  const waiting = await daemon.dialHandler()
  await Promise.all([handler.close(), handler.close()])
  const removal = daemon.requests.at(-1)
  t.is(daemon.requests.length, 2)
  t.is(removal?.type, RequestType.REMOVE_STREAM_HANDLER)
  t.deepEqual(decodeRemoveStreamHandlerRequest(removal?.dialect ?? new Uint8Array(0)), { addr: daemon.handlerAddress(), proto: [PROTOCOL] })
  await t.throwsAsync(stat(dirname(socketPath(daemon))), { code: 'ENOENT' })
  // An end, or a reset when it had not been accepted yet.
  await finished(waiting.resume(), { writable: false }).catch(() => {})
  running.end('2')
  t.is(await text(running), '2')
})

for (const [what, script] of [
  ['answers ERROR', ({ answer }: Asked) => { answer(refused('unknown request type 10')) }],
  ['hangs up', ({ socket }: Asked) => { socket.end() }]
] as const) {
  test(`closing a handler is fine with a daemon that ${what} when it is told`, async t => {
    const daemon = await scriptedDaemon(t, agree)
    await using client = new P2pdClient(daemon.address)
    const handler = await client.handle(PROTOCOL, echo, DIALLED)
    daemon.script = script
    await handler.close()
    await t.throwsAsync(stat(dirname(socketPath(daemon))), { code: 'ENOENT' })
  })
}

test('closing a handler is fine when the daemon is gone', async t => {
  const daemon = await scriptedDaemon(t, agree)
  await using client = new P2pdClient(daemon.address)
  const handler = await client.handle(PROTOCOL, echo, DIALLED)
  await daemon.stop()
  await handler.close()
  await t.throwsAsync(stat(dirname(socketPath(daemon))), { code: 'ENOENT' })
})

test('closing the client closes its handlers and leaves no connection', async t => {
  const daemon = await scriptedDaemon(t, agree)
  const client = new P2pdClient(daemon.address)
  await client.handle('/a', echo, DIALLED)
  await client.handle('/b', echo, DIALLED)
  await client.close()
  t.is(daemon.requests.filter(({ type }) => type === RequestType.REMOVE_STREAM_HANDLER).length, 2)
  await daemon.openAtMost(0)
})

test('a client that is closed while a handler registers leaves none behind', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'p2pd-listen-'))
  t.teardown(async () => { await rm(directory, { recursive: true }) })
  const daemon = await scriptedDaemon(t)
  const client = new P2pdClient(daemon.address)
  const closed = new Promise<void>((resolve, reject) => {
    daemon.script = ({ answer }) => {
      answer(ok)
      client.close().then(resolve, reject)
    }
  })
  await t.throwsAsync(client.handle(PROTOCOL, echo, { listenOn: directory }), { code: 'ERR_CLOSED' })
  await closed
  t.deepEqual(await readdir(directory), [])
  await daemon.openAtMost(0)
})

for (const [what, script, code] of [
  ['refuses', ({ answer }: Asked) => { answer(refused('no')) }, 'ERR_REMOTE'],
  ['hangs up', ({ socket }: Asked) => { socket.end() }, 'ERR_CLOSED'],
  ['talks nonsense', ({ socket }: Asked) => { socket.write(framed({ type: 9 })) }, 'ERR_MESSAGE']
] as const) {
  test(`nothing is left of a handler when the daemon ${what}`, async t => {
    const directory = await mkdtemp(join(tmpdir(), 'p2pd-listen-'))
    t.teardown(async () => { await rm(directory, { recursive: true }) })
    const daemon = await scriptedDaemon(t, script)
    await using client = new P2pdClient(daemon.address)
    await t.throwsAsync(client.handle(PROTOCOL, echo, { listenOn: directory }), { code })
    t.true(socketPath(daemon).startsWith(directory))
    t.deepEqual(await readdir(directory), [])
  })
}

test('a directory that is too deep for a socket is refused in words, and nothing is left', async t => {
  const directory = await mkdtemp(join(tmpdir(), `p2pd-${'deep'.repeat(25)}`))
  t.teardown(async () => { await rm(directory, { recursive: true }) })
  const daemon = await scriptedDaemon(t, agree)
  await using client = new P2pdClient(daemon.address)
  await t.throwsAsync(client.handle(PROTOCOL, echo, { listenOn: directory }), { code: 'ERR_REQUEST', message: /is over the 107 bytes/ })
  t.deepEqual(await readdir(directory), [])
  t.is(daemon.connections, 0)
})
