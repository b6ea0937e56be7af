/** Handlers that wait for their streams (STREAM_ACCEPT), against a daemon that says exactly what it is told to. */
import test from 'ava'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { finished } from 'node:stream/promises'
import { P2pdClient, type PeerStream } from '../../src/client/index.ts'
import { WAITING_CONNECTIONS } from '../../src/client/waitingHandler.ts'
import { RequestType, ResponseType } from '../../src/wire/codec.ts'
import { until, within } from '../helpers/deadlines.ts'
import { ADDRESS, PEER, STREAM_INFO, ScriptedDaemon, asStream, framed, ok, opened, refused, scriptedDaemon, type Asked } from './scriptedDaemon.ts'
import { waitingDaemon } from './queue.ts'

const PROTOCOL = '/echo/1.0.0'
const echo = ({ stream }: PeerStream): void => { stream.pipe(stream) }

test('a handler waits on four connections, and the daemon is told of nothing to dial', async t => {
  const { daemon, queue } = await waitingDaemon(t)
  await using client = new P2pdClient(daemon.address)
  await using _ = await client.handle([PROTOCOL, '/echo/2.0.0'], echo)
  t.true(queue.all.length >= 1, 'one waits when it returns')
  await queue.whole()
  t.is(daemon.open.size, 4)
  t.deepEqual(daemon.requests, Array.from({ length: 4 }, () => ({ type: RequestType.STREAM_ACCEPT, streamAccept: { proto: [PROTOCOL, '/echo/2.0.0'] } })))
})

test('a stream comes to the listener with its peer, address and protocol, with bytes that came along, and ends both ways', async t => {
  const { daemon, queue } = await waitingDaemon(t)
  await using client = new P2pdClient(daemon.address)
  const incoming = Promise.withResolvers<PeerStream>()
  await using _ = await client.handle(PROTOCOL, stream => { incoming.resolve(stream) })
  const remote = await queue.give('with the answer')
  remote.end(', and later')
  const { peerId, address, protocol, stream } = await incoming.promise
  t.deepEqual([peerId, address, protocol], [PEER, ADDRESS, PROTOCOL])
  t.is(await text(stream), 'with the answer, and later')
  stream.end('answer after the end')
  t.is(await text(remote), 'answer after the end')
})

for (const [what, pieces] of [
  ['both answers, the stream and its end in one packet', (bytes: Buffer) => [bytes]],
  ['a byte at a time', (bytes: Buffer) => [...bytes].map(byte => Uint8Array.of(byte))]
] as const) {
  test(`nothing is lost or read too far: ${what}`, async t => {
    const daemon = await scriptedDaemon(t, async ({ socket, connection }) => {
      asStream(socket)
      if (connection > 1) return socket.write(framed(ok))
      for (const piece of pieces(Buffer.concat([framed(ok), framed(opened), Buffer.from('hello')]))) {
        socket.write(piece)
        await new Promise(setImmediate)
      }
      socket.end()
    })
    await using client = new P2pdClient(daemon.address)
    const heard = Promise.withResolvers<string>()
    await using _ = await client.handle(PROTOCOL, async ({ stream }) => {
      heard.resolve(await text(stream))
      stream.end()
    })
    t.is(await heard.promise, 'hello')
  })
}

test('the next connection waits as one is taken, and each stream is the listener\'s once', async t => {
  const { daemon, queue } = await waitingDaemon(t)
  await using client = new P2pdClient(daemon.address)
  const heard: string[] = []
  await using _ = await client.handle(PROTOCOL, async ({ stream }) => {
    heard.push(await text(stream))
    stream.end()
  })
  for (let i = 0; i < 50; i++) (await queue.give(String(i))).end()
  await until('all streams', () => heard.length === 50)
  t.deepEqual(heard.map(Number).toSorted((a, b) => a - b), [...heard.keys()])
  await queue.whole()
  await daemon.openAtMost(WAITING_CONNECTIONS)
})

test('a listener that throws loses its stream, is reported, and the handler goes on', async t => {
  const { daemon, queue } = await waitingDaemon(t)
  await using client = new P2pdClient(daemon.address)
  const fault = new Error('listener')
  const errors: unknown[] = []
  let calls = 0
  await using _ = await client.handle(PROTOCOL, incoming => {
    if (++calls === 1) throw fault
    echo(incoming)
  }, { onError: error => { errors.push(error) } })
  const first = await queue.give()
  await once(first.resume(), 'end')
  t.deepEqual(errors, [fault])
  const second = await queue.give()
  second.end('2')
  t.is(await text(second), '2')
})

test('connections that end while they wait come back, and nobody has to hear of it', async t => {
  const { daemon, queue } = await waitingDaemon(t)
  await using client = new P2pdClient(daemon.address)
  const errors: unknown[] = []
  await using _ = await client.handle(PROTOCOL, echo, { onError: error => { errors.push(error) } })
  await queue.whole()
  const before = queue.all.splice(0)
  for (const [i, { socket }] of before.entries()) {
    if (i % 2 === 0) socket.destroy()
    else socket.end()
  }
  await queue.whole()
  const remote = await queue.give()
  remote.end('after it')
  t.is(await text(remote), 'after it')
  t.deepEqual(errors, [])
})

test('a daemon that is not there for a while is reported once, and waited at again when it is back', async t => {
  const { daemon, queue } = await waitingDaemon(t)
  await using client = new P2pdClient(daemon.address)
  const errors: unknown[] = []
  await using _ = await client.handle(PROTOCOL, echo, { onError: error => { errors.push(error) } })
  await queue.whole()
  queue.all.splice(0)
  await daemon.stop()
  await until('a report', () => errors.length > 0)
  const again = await new ScriptedDaemon(daemon.directory, queue.script).listen()
  t.teardown(async () => { await again.stop() })
  const remote = await queue.give()
  remote.end('after it')
  t.is(await text(remote), 'after it')
  t.deepEqual(errors.map(error => (error as { code: string }).code), ['ERR_SYSTEM'])
})

test('an ERROR while it waits is reported once, asked again, and over when the daemon says so', async t => {
  const { daemon, queue } = await waitingDaemon(t)
  await using client = new P2pdClient(daemon.address)
  const errors: unknown[] = []
  await using _ = await client.handle(PROTOCOL, echo, { onError: error => { errors.push(error) } })
  await queue.whole()
  let asked = 0
  daemon.script = ({ answer }) => { asked++; answer(refused('handled elsewhere')) }
  for (const { socket } of queue.all.splice(0)) socket.write(framed(refused('handled elsewhere')))
  await until('several attempts', () => asked > 2 * WAITING_CONNECTIONS)
  daemon.script = queue.script
  const remote = await queue.give()
  remote.end('after it')
  t.is(await text(remote), 'after it')
  t.deepEqual(errors.map(error => (error as Error).message), ['handled elsewhere'])
})

test('protocols that were waited for together go alone when one of them is refused', async t => {
  const { daemon, queue } = await waitingDaemon(t)
  await using client = new P2pdClient(daemon.address)
  const errors: unknown[] = []
  await using _ = await client.handle(['/good/1', '/bad/1'], echo, { onError: error => { errors.push(error) } })
  await queue.whole()
  daemon.script = asked => {
    if (asked.request.streamAccept?.proto.includes('/bad/1') === true) asked.answer(refused('bad'))
    else queue.script(asked)
  }
  for (const { socket } of queue.all.splice(0)) socket.write(framed(refused('bad')))
  await queue.whole()
  t.true(queue.all.every(({ protocols }) => protocols.length === 1 && protocols[0] === '/good/1'))
  const remote = await queue.give()
  remote.end('still here')
  t.is(await text(remote), 'still here')
  await until('a report', () => errors.length > 0)
  t.deepEqual(errors.map(error => (error as Error).message), ['bad'])
})

for (const [what, response, code] of [
  ['an OK without a StreamInfo', ok, 'ERR_MESSAGE'],
  ['a StreamInfo with a peer that is none', { type: ResponseType.OK, streamInfo: { ...STREAM_INFO, peer: Uint8Array.of(9) } }, 'ERR_MESSAGE']
] as const) {
  test(`${what} is reported and not given to the listener, and the next one waits`, async t => {
    const { daemon, queue } = await waitingDaemon(t)
    await using client = new P2pdClient(daemon.address)
    const reported = Promise.withResolvers<unknown>()
    await using _ = await client.handle(PROTOCOL, () => { t.fail('called') }, { onError: reported.resolve })
    const remote = await queue.give('', response)
    t.like(await reported.promise, { name: 'P2pdError', code })
    await once(remote.resume(), 'end')
    await queue.whole()
  })
}

test('close ends the waiting in order, leaves running streams alone, and calls no listener any more', async t => {
  const { daemon, queue } = await waitingDaemon(t)
  await using client = new P2pdClient(daemon.address)
  let calls = 0
  const handler = await client.handle(PROTOCOL, incoming => { calls++; echo(incoming) })
  const running = await queue.give()
  running.resume().write('1')
  await once(running, 'data')
  running.pause()
  await queue.whole()
  // The daemon has given a stream that the client has not read of yet.
  const late = await queue.give('late')
  await Promise.all([handler.close(), handler.close()])
  t.is(queue.all.length, 0)
  await finished(late.resume(), { writable: false })
  late.end()
  t.is(calls, 1)
  running.end('2')
  t.is(await text(running), '2')
  await daemon.openAtMost(0)
})

test('close does not wait for a daemon that does not answer', async t => {
  const { daemon, queue } = await waitingDaemon(t)
  await using client = new P2pdClient(daemon.address)
  const handler = await client.handle(PROTOCOL, echo)
  await queue.whole()
  for (const { socket } of queue.all) socket.removeAllListeners('end')
  const ended = Promise.all(queue.all.map(async ({ socket }) => { await once(socket, 'error') }))
  await within('the end of closing', handler.close())
  // What it says to connections that were given up goes nowhere.
  for (const { socket } of queue.all) socket.write(framed(opened))
  await ended
  t.pass()
})

test('closing a handler is fine when the daemon is gone, and ends its attempts', async t => {
  const { daemon, queue } = await waitingDaemon(t)
  await using client = new P2pdClient(daemon.address)
  const handler = await client.handle(PROTOCOL, echo)
  await queue.whole()
  await daemon.stop()
  await handler.close()
  const again = await new ScriptedDaemon(daemon.directory, queue.script).listen()
  t.teardown(async () => { await again.stop() })
  await client.identify()
  t.is(again.connections, 1)
})

test('closing the client closes its handlers and leaves no connection', async t => {
  const { daemon } = await waitingDaemon(t)
  const client = new P2pdClient(daemon.address)
  await client.handle('/a', echo)
  await client.handle('/b', echo)
  await client.close()
  await daemon.openAtMost(0)
  t.is(daemon.requests.length, daemon.connections)
})

test('a client that is closed while a handler registers leaves none behind', async t => {
  const daemon = await scriptedDaemon(t)
  const client = new P2pdClient(daemon.address)
  const closed = new Promise<void>((resolve, reject) => {
    daemon.script = ({ answer }) => {
      answer(ok)
      client.close().then(resolve, reject)
    }
  })
  await t.throwsAsync(client.handle(PROTOCOL, echo), { code: 'ERR_CLOSED' })
  await closed
  await daemon.openAtMost(0)
})

const dialled = ({ requests }: ScriptedDaemon): string[] => requests.map(({ type }) => type === RequestType.STREAM_ACCEPT ? 'accept' : type === RequestType.STREAM_HANDLER ? 'handler' : '')

for (const [what, unknown] of [
  ['p2pd\'s words', ({ answer }: Asked) => { answer(refused('unknown request type 100')) }],
  ['the words of @libp2p/daemon-server', ({ answer, socket }: Asked) => { answer(refused('ERR_INVALID_REQUEST_TYPE')); socket.end() }],
  ['hanging up, as go-libp2p-daemon does', ({ socket }: Asked) => { socket.end() }]
] as const) {
  test(`a daemon that does not know how to be waited at, by ${what}, is told where to dial; it is asked once`, async t => {
    const daemon = await scriptedDaemon(t, asked => {
      if (asked.request.type === RequestType.STREAM_ACCEPT) unknown(asked)
      else asked.answer(ok)
    })
    await using client = new P2pdClient(daemon.address)
    await using _ = await client.handle(PROTOCOL, echo)
    const remote = await daemon.bring()
    remote.end('dialled')
    t.is(await text(remote), 'dialled')
    const before = dialled(daemon)
    t.deepEqual(before.filter(type => type === 'handler'), ['handler'])
    await using __ = await client.handle('/other', echo)
    t.deepEqual(dialled(daemon), [...before, 'handler'])
  })
}

test('a daemon that hangs up once is being restarted: it is waited at', async t => {
  const { daemon, queue } = await waitingDaemon(t)
  daemon.script = asked => {
    if (asked.connection === 1) asked.socket.destroy()
    else queue.script(asked)
  }
  await using client = new P2pdClient(daemon.address)
  await using _ = await client.handle(PROTOCOL, echo)
  await queue.whole()
  t.false(dialled(daemon).includes('handler'))
})

test('any other ERROR is the answer: it is thrown, nothing is left, and nothing is concluded from it', async t => {
  const { daemon, queue } = await waitingDaemon(t)
  daemon.script = ({ answer }) => { answer(refused('handleStream denied on Protocol /echo/1.0.0')) }
  await using client = new P2pdClient(daemon.address)
  await t.throwsAsync(client.handle(PROTOCOL, echo), { code: 'ERR_REMOTE', message: 'handleStream denied on Protocol /echo/1.0.0' })
  await daemon.openAtMost(0)
  daemon.script = queue.script
  await using _ = await client.handle(PROTOCOL, echo)
  await queue.whole()
  t.false(dialled(daemon).includes('handler'))
})

test('no protocol at all is ERR_REQUEST, before the daemon hears of it', async t => {
  const daemon = await scriptedDaemon(t)
  await using client = new P2pdClient(daemon.address)
  await t.throwsAsync(client.handle([], echo), { code: 'ERR_REQUEST' })
  t.is(daemon.connections, 0)
})
