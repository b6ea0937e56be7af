/** What a tenant does in the daemon's name, from the program's side: which bytes ask for it, and what is closed with what. */
import test from 'ava'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { P2pdClient, type PeerStream, type Services } from '../../src/client/index.ts'
import { RequestType, ResponseType, decodeRemoveStreamHandlerRequest, type ResponseInit } from '../../src/wire/codec.ts'
import { until } from '../helpers/deadlines.ts'
import { waitingDaemon } from './queue.ts'
import { ADDRESS, ADDRESS_BYTES, DAEMON, DAEMON_BYTES, PEER, PEER_BYTES, asStream, identified, ok, opened, refused, scriptedDaemon, served, type Asked } from './scriptedDaemon.ts'

const PROTOCOL = '/search/1.0.0'

/** Answers everything; a stream that is opened echoes. */
function willing ({ request, socket, answer }: Asked): void {
  if (request.type === RequestType.SERVICES) return answer(served)
  if (request.type === RequestType.IDENTIFY) return answer(identified)
  if (request.type === RequestType.BLESSING) return answer({ type: ResponseType.OK, blessing: { envelopes: [] } })
  if (request.type === RequestType.STREAM_OPEN) {
    answer(opened)
    asStream(socket).pipe(socket)
  } else {
    answer(ok)
  }
}

test('services gives the daemon’s peer ID and what is served, and asks with nothing but the type', async t => {
  const daemon = await scriptedDaemon(t, willing)
  await using client = new P2pdClient(daemon.address)
  t.deepEqual(await client.services(), { daemon: DAEMON, services: [{ name: 'search', protocol: PROTOCOL, owner: 'indexer', callers: 3 }] })
  t.deepEqual(daemon.requests, [{ type: 101 }])
})

for (const [what, response] of Object.entries<ResponseInit>({
  'an OK without services': ok,
  'a daemon’s peer ID that is none': { type: ResponseType.OK, services: { daemon: Uint8Array.of(1), services: [] } }
})) {
  test(`${what} is told as ERR_MESSAGE, to asDaemon and provide too`, async t => {
    const daemon = await scriptedDaemon(t, ({ answer }) => { answer(response) })
    await using client = new P2pdClient(daemon.address)
    await t.throwsAsync(client.services(), { name: 'P2pdError', code: 'ERR_MESSAGE' })
    await t.throwsAsync(client.asDaemon(), { code: 'ERR_MESSAGE' })
    await t.throwsAsync(client.provide(PROTOCOL, () => {}), { code: 'ERR_MESSAGE' })
    t.true(daemon.requests.every(({ type }) => type === RequestType.SERVICES))
  })
}

test('every request of a client in the daemon’s name says so, and the daemon’s peer ID is asked for once', async t => {
  const daemon = await scriptedDaemon(t, willing)
  await using client = new P2pdClient(daemon.address)
  await using asDaemon = await client.asDaemon()
  t.is((await asDaemon.identify()).peerId, PEER)
  await asDaemon.connect(PEER, [ADDRESS], { timeoutSeconds: 3 })
  await asDaemon.disconnect(PEER)
  await asDaemon.listPeers()
  const { stream } = await asDaemon.openStream(PEER, '/echo/1.0.0')
  stream.end('through the daemon')
  t.is(await text(stream), 'through the daemon')
  const handler = await asDaemon.handle(PROTOCOL, () => {}, { dialBack: true })
  const addr = daemon.handlerAddress()
  await handler.close()
  const onBehalfOf = DAEMON_BYTES
  t.deepEqual(daemon.requests.slice(0, -1), [
    { type: RequestType.SERVICES },
    { type: RequestType.IDENTIFY, onBehalfOf },
    { type: RequestType.CONNECT, connect: { peer: PEER_BYTES, addrs: [ADDRESS_BYTES], timeout: 3 }, onBehalfOf },
    { type: RequestType.DISCONNECT, disconnect: { peer: PEER_BYTES }, onBehalfOf },
    { type: RequestType.LIST_PEERS, onBehalfOf },
    { type: RequestType.STREAM_OPEN, streamOpen: { peer: PEER_BYTES, proto: ['/echo/1.0.0'] }, onBehalfOf },
    { type: RequestType.STREAM_HANDLER, streamHandler: { addr, proto: [PROTOCOL] }, onBehalfOf }
  ])
  const { dialect, ...last } = daemon.requests.at(-1) ?? { type: -1 }
  t.deepEqual(last, { type: RequestType.REMOVE_STREAM_HANDLER, onBehalfOf })
  t.deepEqual(decodeRemoveStreamHandlerRequest(dialect ?? new Uint8Array(0)), { addr, proto: [PROTOCOL] })
})

test('the client it came from goes on in the tenant’s own name, and what a tenant asks about itself is in its own name too', async t => {
  const daemon = await scriptedDaemon(t, willing)
  await using client = new P2pdClient(daemon.address)
  await using asDaemon = await client.asDaemon()
  await client.identify()
  await asDaemon.services()
  await asDaemon.blessing()
  t.deepEqual(daemon.requests, [RequestType.SERVICES, RequestType.IDENTIFY, RequestType.SERVICES, RequestType.BLESSING].map(type => ({ type })))
})

test('a client can be made with the daemon’s peer ID, if that is known', async t => {
  const daemon = await scriptedDaemon(t, willing)
  await using client = new P2pdClient(daemon.address, { onBehalfOf: DAEMON })
  await client.identify()
  t.deepEqual(daemon.requests, [{ type: RequestType.IDENTIFY, onBehalfOf: DAEMON_BYTES }])
  t.throws(() => new P2pdClient(daemon.address, { onBehalfOf: 'nobody' }), { code: 'ERR_REQUEST' })
})

test('of a client in the daemon’s name, asDaemon gives itself', async t => {
  const daemon = await scriptedDaemon(t, willing)
  await using client = new P2pdClient(daemon.address)
  const asDaemon = await client.asDaemon()
  t.is(await asDaemon.asDaemon(), asDaemon)
  t.not(await client.asDaemon(), asDaemon, 'each is its caller’s to close')
})

test('a daemon that does not know the question is asked nothing in its name: it would do it in the tenant’s', async t => {
  const daemon = await scriptedDaemon(t, ({ request, answer }) => { answer(request.type === RequestType.SERVICES ? refused('unknown request type 101') : ok) })
  await using client = new P2pdClient(daemon.address)
  await t.throwsAsync(client.asDaemon(), { code: 'ERR_REMOTE', message: 'unknown request type 101' })
  await t.throwsAsync(client.provide(PROTOCOL, () => {}), { code: 'ERR_REMOTE', message: 'unknown request type 101' })
  t.deepEqual(daemon.requests, [{ type: RequestType.SERVICES }, { type: RequestType.SERVICES }])
  await daemon.openAtMost(1)
})

test('what the tenant is not blessed for is ERR_REMOTE when it is asked', async t => {
  const daemon = await scriptedDaemon(t, asked => { if (asked.request.type === RequestType.LIST_PEERS) asked.answer(refused('no blessing covers listPeers')); else willing(asked) })
  await using client = new P2pdClient(daemon.address)
  await using asDaemon = await client.asDaemon()
  await t.throwsAsync(asDaemon.listPeers(), { code: 'ERR_REMOTE', message: 'no blessing covers listPeers' })
  t.is((await asDaemon.identify()).peerId, PEER)
})

test('closing it leaves the client it came from as it is', async t => {
  const daemon = await scriptedDaemon(t, willing)
  await using client = new P2pdClient(daemon.address)
  const asDaemon = await client.asDaemon()
  await asDaemon.identify()
  await daemon.openAtMost(2)
  t.is(daemon.open.size, 2)
  await asDaemon.close()
  await daemon.openAtMost(1)
  await t.throwsAsync(asDaemon.identify(), { code: 'ERR_CLOSED' })
  t.is((await client.identify()).peerId, PEER)
  t.is(daemon.connections, 2)
})

test('closing the client closes those it has given, with what they wait for and their handlers, and leaves no connection', async t => {
  const { daemon, queue } = await waitingDaemon(t)
  const client = new P2pdClient(daemon.address)
  const asDaemon = await client.asDaemon()
  const other = await client.asDaemon()
  await asDaemon.handle(PROTOCOL, () => {})
  await client.provide('/other/1.0.0', () => {})
  const asked = new Promise<void>(resolve => {
    daemon.script = given => { if (given.request.type === RequestType.LIST_PEERS) resolve(); else queue.script(given) }
  })
  const waiting = t.throwsAsync(other.listPeers(), { code: 'ERR_CLOSED' })
  await asked
  await client.close()
  await waiting
  await daemon.openAtMost(0)
  await t.throwsAsync(asDaemon.identify(), { code: 'ERR_CLOSED' })
  await t.throwsAsync(client.asDaemon(), { code: 'ERR_CLOSED' })
})

test('a client that is closed while it asks for the daemon’s name gives none', async t => {
  const daemon = await scriptedDaemon(t)
  const client = new P2pdClient(daemon.address)
  const closed = new Promise<void>((resolve, reject) => {
    daemon.script = ({ answer }) => {
      answer(served)
      client.close().then(resolve, reject)
    }
  })
  await t.throwsAsync(client.asDaemon(), { code: 'ERR_CLOSED' })
  await closed
  await daemon.openAtMost(0)
})

test('a client that is closed just as it has the daemon’s name gives none either', async t => {
  class Hasty extends P2pdClient {
    override async services (): Promise<Services> {
      const services = await super.services()
      await this.close()
      return services
    }
  }
  const daemon = await scriptedDaemon(t, willing)
  await t.throwsAsync(new Hasty(daemon.address).asDaemon(), { code: 'ERR_CLOSED' })
})

test('a client in the daemon’s name that was closed is not kept by the one it came from', async t => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const daemon = await scriptedDaemon(t, willing)
  await using client = new P2pdClient(daemon.address)
  const closed = async (): Promise<WeakRef<P2pdClient>> => {
    await using asDaemon = await client.asDaemon()
    return new WeakRef(asDaemon)
  }
  const ref = await closed()
  await until('its end', () => {
    collect()
    return ref.deref() === undefined
  })
  t.is((await client.identify()).peerId, PEER)
})

test('provide waits for streams in the daemon’s name, and the listener gets who calls', async t => {
  const { daemon, queue } = await waitingDaemon(t)
  await using client = new P2pdClient(daemon.address)
  const incoming = Promise.withResolvers<PeerStream>()
  const handler = await client.provide([PROTOCOL, '/search/2.0.0'], stream => { incoming.resolve(stream) })
  await queue.whole()
  const accept = { type: RequestType.STREAM_ACCEPT, streamAccept: { proto: [PROTOCOL, '/search/2.0.0'] }, onBehalfOf: DAEMON_BYTES }
  t.deepEqual(daemon.requests, [{ type: RequestType.SERVICES }, accept, accept, accept, accept])
  const remote = await queue.give('who am I?')
  remote.end()
  const { peerId, stream } = await incoming.promise
  t.is(peerId, PEER)
  t.is(await text(stream), 'who am I?')
  await queue.whole()
  await handler.close()
  await handler.close()
  stream.end('a stream that runs goes on')
  t.is(await text(remote), 'a stream that runs goes on')
  await daemon.openAtMost(1)
  t.is((await client.identify()).peerId, PEER)
})

test('a refused provide throws the daemon’s words and leaves nothing', async t => {
  const { daemon, queue } = await waitingDaemon(t)
  daemon.script = asked => { if (asked.request.type === RequestType.STREAM_ACCEPT) asked.answer(refused('search is provided by indexer')); else queue.script(asked) }
  await using client = new P2pdClient(daemon.address)
  await t.throwsAsync(client.provide(PROTOCOL, () => {}), { code: 'ERR_REMOTE', message: 'search is provided by indexer' })
  await daemon.openAtMost(1)
  await client.close()
  await daemon.openAtMost(0)
})

test('an abort while provide registers ends it, and leaves nothing', async t => {
  const { daemon, queue } = await waitingDaemon(t)
  const controller = new AbortController()
  const reason = new Error('enough')
  daemon.script = asked => { if (asked.request.type === RequestType.STREAM_ACCEPT) controller.abort(reason); else queue.script(asked) }
  await using client = new P2pdClient(daemon.address)
  t.is(await client.provide(PROTOCOL, () => {}, { signal: controller.signal }).then(() => undefined, (error: unknown) => error), reason)
  await daemon.openAtMost(1)
})

test('a handler that is provided by a client in the daemon’s name is closed without that client', async t => {
  const { daemon } = await waitingDaemon(t)
  await using client = new P2pdClient(daemon.address)
  await using asDaemon = await client.asDaemon()
  const handler = await asDaemon.provide(PROTOCOL, () => {})
  await handler.close()
  t.is((await asDaemon.identify()).peerId, PEER)
})

test('provide without a protocol is ERR_REQUEST, before the daemon hears of it', async t => {
  const daemon = await scriptedDaemon(t)
  await using client = new P2pdClient(daemon.address)
  await t.throwsAsync(client.provide([], () => {}), { code: 'ERR_REQUEST' })
  t.is(daemon.connections, 0)
})

test('a provider whose daemon was restarted waits again, in its name', async t => {
  const { daemon, queue } = await waitingDaemon(t)
  await using client = new P2pdClient(daemon.address)
  const errors: unknown[] = []
  await using _ = await client.provide(PROTOCOL, ({ stream }) => { stream.end('here') }, { onError: error => { errors.push(error) } })
  await queue.whole()
  for (const { socket } of queue.all.splice(0)) socket.destroy()
  await queue.whole()
  const remote = await queue.give()
  await once(remote.resume(), 'end')
  await until('nine that asked', () => daemon.requests.filter(({ type }) => type === RequestType.STREAM_ACCEPT).length >= 9)
  t.true(daemon.requests.slice(1).every(({ onBehalfOf }) => onBehalfOf !== undefined && Buffer.compare(onBehalfOf, DAEMON_BYTES) === 0))
  t.deepEqual(errors, [])
})
