/** Serving as the daemon's DHT: what the methods are asked, and what the askers get. How a question ends otherwise is in dhtQuestions.test.ts. */
import test from 'ava'
import { buffer } from 'node:stream/consumers'
import { DHT_PLUGIN_PROTOCOL, P2pdClient, P2pdError, provideDht, type DhtPlugin } from '../../src/client/index.ts'
import { MAX_FRAME_BYTES } from '../../src/limits.ts'
import { DHTRequestType, RequestType, ResponseType, encodeDHTRequest, type DHTRequest } from '../../src/wire/codec.ts'
import { encodeFrame } from '../../src/wire/frames.ts'
import { CID, KEY, VALUE, answer, answerOn, ask, askBytes, error, fine, provided, series, single, type Answer } from './asker.ts'
import { waitingDaemon } from './queue.ts'
import { ADDRESS, ADDRESS_BYTES, DAEMON, DAEMON_BYTES, PEER, PEER_BYTES, refused } from './scriptedDaemon.ts'

const { GET_VALUE, SEARCH_VALUE, FIND_PROVIDERS, GET_CLOSEST_PEERS, PUT_VALUE } = DHTRequestType
const peer = { id: PEER_BYTES, addrs: [ADDRESS_BYTES] }

test('it waits for the daemon’s questions, in the daemon’s name', async t => {
  const { daemon, queue } = await provided(t, {})
  await queue.whole()
  t.deepEqual(daemon.requests.at(-1), { type: RequestType.STREAM_ACCEPT, streamAccept: { proto: [DHT_PLUGIN_PROTOCOL] }, onBehalfOf: DAEMON_BYTES })
})

test('another one that provides it already is told as the daemon says', async t => {
  const { daemon, queue } = await waitingDaemon(t)
  daemon.script = asked => { if (asked.request.type === RequestType.STREAM_ACCEPT) asked.answer(refused('p2pd/plugin/dht is provided by store')); else queue.script(asked) }
  await using client = new P2pdClient(daemon.address)
  await t.throwsAsync(provideDht(client, {}), { code: 'ERR_REMOTE', message: 'p2pd/plugin/dht is provided by store' })
  await daemon.openAtMost(1)
})

/** A method that answers everything, the request, what the method is asked and what comes of it. */
const kinds: Record<string, { plugin: (hear: (asked: object) => void) => DhtPlugin, request: Partial<DHTRequest>, asked: object, answer: Answer }> = {
  FIND_PEER: {
    plugin: hear => ({ findPeer: async asked => { hear(asked); return { peerId: PEER, addresses: [ADDRESS, `${ADDRESS}/p2p/${PEER}`] } } }),
    request: { peer: PEER_BYTES }, asked: { peerId: PEER }, answer: single({ peer: { id: PEER_BYTES, addrs: [ADDRESS_BYTES, ADDRESS_BYTES] } })
  },
  FIND_PEERS_CONNECTED_TO_PEER: {
    plugin: hear => ({ findPeersConnectedToPeer: async function * (asked) { hear(asked); yield { peerId: PEER, addresses: [] } } }),
    request: { peer: DAEMON_BYTES }, asked: { peerId: DAEMON }, answer: series({ peer: { id: PEER_BYTES, addrs: [] } })
  },
  FIND_PROVIDERS: {
    plugin: hear => ({ findProviders: async function * (asked) { hear(asked); yield { peerId: PEER, addresses: [ADDRESS] }; yield { peerId: DAEMON, addresses: [] } } }),
    request: { cid: CID, count: 5 }, asked: { cid: CID, count: 5 }, answer: series({ peer }, { peer: { id: DAEMON_BYTES, addrs: [] } })
  },
  GET_CLOSEST_PEERS: {
    plugin: hear => ({ getClosestPeers: asked => { hear(asked); return [PEER, DAEMON] } }),
    request: { key: KEY }, asked: { key: KEY, count: 20 }, answer: series({ value: PEER_BYTES }, { value: DAEMON_BYTES })
  },
  GET_PUBLIC_KEY: {
    plugin: hear => ({ getPublicKey: asked => { hear(asked); return VALUE } }),
    request: { peer: PEER_BYTES }, asked: { peerId: PEER }, answer: single({ value: VALUE })
  },
  GET_VALUE: {
    plugin: hear => ({ getValue: async asked => { hear(asked); return VALUE } }),
    request: { key: KEY }, asked: { key: KEY }, answer: single({ value: VALUE })
  },
  SEARCH_VALUE: {
    plugin: hear => ({ searchValue: async function * (asked) { hear(asked); yield VALUE; yield new Uint8Array(0) } }),
    request: { key: KEY }, asked: { key: KEY }, answer: series({ value: VALUE }, { value: new Uint8Array(0) })
  },
  PUT_VALUE: {
    plugin: hear => ({ putValue: async asked => { hear(asked) } }),
    request: { key: KEY, value: VALUE }, asked: { key: KEY, value: VALUE }, answer: fine
  },
  PROVIDE: {
    plugin: hear => ({ provide: asked => { hear(asked) } }),
    request: { cid: CID }, asked: { cid: CID }, answer: fine
  }
}

for (const [name, { plugin, request, asked, answer: wanted }] of Object.entries(kinds)) {
  const type = DHTRequestType[name as keyof typeof DHTRequestType]

  test(`${name}: the method is told who asks what, and its answer has the protocol's shape`, async t => {
    const heard: object[] = []
    const { queue, errors } = await provided(t, plugin(given => { heard.push(given) }))
    t.deepEqual(await answer(queue, { type, ...request }), wanted)
    const [{ signal, ...rest }] = heard as [{ signal: AbortSignal }]
    t.deepEqual(rest, { caller: PEER, address: ADDRESS, ...asked })
    t.false(signal.aborted)
    t.deepEqual(errors, [])
  })

  test(`${name}: a request that misses something, and a plugin that does not answer it, are ERRORs`, async t => {
    const { queue, errors } = await provided(t, plugin(() => { t.fail('called') }))
    const missing = Object.keys(request).filter(field => field !== 'count')
    for (const field of missing) t.deepEqual(await answer(queue, { type, ...request, [field]: undefined }), error(`${name}: ${field} is missing`))
    const { queue: other } = await provided(t, {})
    t.deepEqual(await answer(other, { type, ...request }), error(`this DHT plugin does not answer ${name}`))
    t.deepEqual(errors, [])
  })
}

test('every kind of request there is has its row', t => {
  t.deepEqual(Object.keys(kinds).toSorted(), Object.keys(DHTRequestType).toSorted())
})

test('a plugin that is an object with a state of its own is called as one', async t => {
  class Store implements DhtPlugin {
    readonly #value = VALUE
    getValue (): Uint8Array { return this.#value }
  }
  const { queue } = await provided(t, new Store())
  t.deepEqual(await answer(queue, { type: GET_VALUE, key: KEY }), single({ value: VALUE }))
})

test('what is not found is an ERROR, and no providers are an empty series', async t => {
  const { queue, errors } = await provided(t, { findPeer: () => undefined, getPublicKey: async () => undefined, getValue: () => undefined, searchValue: () => [], findProviders: async function * () {} })
  t.deepEqual(await answer(queue, { type: DHTRequestType.FIND_PEER, peer: PEER_BYTES }), error('the peer is not known'))
  t.deepEqual(await answer(queue, { type: DHTRequestType.GET_PUBLIC_KEY, peer: PEER_BYTES }), error('the public key is not known'))
  t.deepEqual(await answer(queue, { type: GET_VALUE, key: KEY }), error('there is no value for the key'))
  t.deepEqual(await answer(queue, { type: SEARCH_VALUE, key: KEY }), series())
  t.deepEqual(await answer(queue, { type: FIND_PROVIDERS, cid: CID }), series())
  t.deepEqual(errors, [])
})

test('no more is sent than was asked for, twenty when nothing was said, and the method learns that it is enough', async t => {
  let ended = 0
  const endless = async function * <T> (item: T): AsyncGenerator<T> {
    try { for (;;) yield item } finally { ended++ }
  }
  const { queue } = await provided(t, { findProviders: () => endless({ peerId: PEER, addresses: [] }), getClosestPeers: ({ count }) => { t.true(count > 0); return endless(PEER) } })
  for (const [count, wanted] of [[1, 1], [3, 3], [0, 20], [-1, 20], [undefined, 20]] as const) {
    t.is((await answer(queue, { type: FIND_PROVIDERS, cid: CID, count })).series.length, wanted + 1)
    t.is((await answer(queue, { type: GET_CLOSEST_PEERS, key: KEY, count })).series.length, wanted + 1)
  }
  t.is(ended, 10)
})

for (const [what, msg, bytes] of [
  ['a peer ID that is none', '0x0102 is no peer ID: neither a key nor the SHA-256 of one', encodeFrame(encodeDHTRequest({ type: 0, peer: Uint8Array.of(1, 2) }))],
  ['a kind that nobody knows', 'unknown DHT request type 9', encodeFrame(encodeDHTRequest({ type: 9 }))],
  ['what is no message', /^these 1 bytes are no DHTRequest: /, Uint8Array.of(1, 0xff)],
  ['a message without a type', /^these 0 bytes are no DHTRequest: /, Uint8Array.of(0)],
  ['a frame over the limit', 'a frame of 4194305 bytes is over the limit of 4194304', Uint8Array.of(0x81, 0x80, 0x80, 0x02)],
  ['a length that never ends', /^a frame's length takes more than 4 bytes/, new Uint8Array(64).fill(0xff)]
] as const) {
  test(`${what} is an ERROR, and the next question is answered`, async t => {
    const { queue, errors } = await provided(t, { findPeer: () => { t.fail('called'); return undefined }, getValue: () => VALUE })
    const { response, series: rest } = await answerOn(await askBytes(queue, bytes))
    t.is(response.type, ResponseType.ERROR)
    if (typeof msg === 'string') t.is(response.error?.msg, msg)
    else t.regex(response.error?.msg ?? '', msg)
    t.deepEqual(rest, [])
    t.deepEqual(await answer(queue, { type: GET_VALUE, key: KEY }), single({ value: VALUE }))
    t.deepEqual(errors, [])
  })
}

test('a question that comes a byte at a time, and one with more behind it, are questions', async t => {
  const { queue } = await provided(t, { getValue: () => VALUE })
  const question = encodeFrame(encodeDHTRequest({ type: GET_VALUE, key: KEY }))
  const slow = await askBytes(queue, question.subarray(0, 1))
  for (const byte of question.subarray(1)) {
    await new Promise(setImmediate)
    slow.write(Uint8Array.of(byte))
  }
  t.deepEqual(await answerOn(slow), single({ value: VALUE }))
  t.deepEqual(await answerOn(await askBytes(queue, Buffer.concat([question, new Uint8Array(1000)]))), single({ value: VALUE }))
})

test('a P2pdError is the answer in its own words, cut where they are long; of anything else the asker hears nothing', async t => {
  const fault = new Error('secret of the plugin')
  const { queue, errors } = await provided(t, {
    getValue: async () => { throw new P2pdError('ERR_DENIED', 'this key is not yours') },
    putValue: () => { throw new P2pdError('ERR_LIMIT', 'x'.repeat(10 * MAX_FRAME_BYTES)) },
    searchValue: () => { throw fault },
    // oxlint-disable-next-line require-yield
    findProviders: async function * () { throw fault }
  })
  t.deepEqual(await answer(queue, { type: GET_VALUE, key: KEY }), error('this key is not yours'))
  t.deepEqual(await answer(queue, { type: PUT_VALUE, key: KEY, value: VALUE }), error('x'.repeat(512)))
  t.deepEqual(errors, [])
  t.deepEqual(await answer(queue, { type: SEARCH_VALUE, key: KEY }), error('the DHT plugin failed'))
  t.deepEqual(await answer(queue, { type: FIND_PROVIDERS, cid: CID }), error('the DHT plugin failed'))
  t.deepEqual(errors, [fault, fault])
})

test('what fails after the first value ends the series, and the plugin’s author is told', async t => {
  const faults = [new Error('late'), new P2pdError('ERR_LIMIT', 'late')]
  let next = 0
  const { queue, errors } = await provided(t, { searchValue: async function * () { yield VALUE; throw faults[next++] } })
  t.deepEqual(await answer(queue, { type: SEARCH_VALUE, key: KEY }), series({ value: VALUE }))
  t.deepEqual(await answer(queue, { type: SEARCH_VALUE, key: KEY }), series({ value: VALUE }))
  t.deepEqual(errors, faults)
})

test('values that no message can hold: an ERROR where it is the first, the END of a series, and text is no value', async t => {
  const huge = new Uint8Array(MAX_FRAME_BYTES)
  const { queue, errors } = await provided(t, {
    getValue: ({ key }) => key.length === 0 ? 'dGV4dA==' as unknown as Uint8Array : huge,
    searchValue: () => [VALUE, huge, VALUE]
  })
  t.regex((await answer(queue, { type: GET_VALUE, key: KEY })).response.error?.msg ?? '', /^a frame of \d+ bytes is over the limit/)
  t.deepEqual(errors, [])
  t.deepEqual(await answer(queue, { type: SEARCH_VALUE, key: KEY }), series({ value: VALUE }))
  t.deepEqual(await answer(queue, { type: GET_VALUE, key: new Uint8Array(0) }), error('the DHT plugin failed'))
  t.deepEqual(errors.map(fault => (fault as Error).name), ['P2pdError', 'TypeError'])
})

test('the largest value there can be goes through whole', async t => {
  const largest = new Uint8Array(MAX_FRAME_BYTES - 16).fill(7)
  const { queue } = await provided(t, { getValue: () => largest })
  t.deepEqual((await answer(queue, { type: GET_VALUE, key: KEY })).response.dht?.value, largest)
})

test('to the byte: one answer is a Response; of a series the Response says BEGIN, and the rest is bare', async t => {
  const { queue } = await provided(t, { getValue: () => VALUE, searchValue: () => [VALUE] })
  const hex = async (type: number): Promise<string> => {
    const socket = await ask(queue, { type, key: KEY })
    const bytes = await buffer(socket)
    socket.end()
    return bytes.toString('hex')
  }
  t.is(await hex(GET_VALUE), ['0b', '0800', '2a07', '0801', '1a03010203'].join(''))
  t.is(await hex(SEARCH_VALUE), ['06', '0800', '2a02', '0800', '07', '0801', '1a03010203', '02', '0802'].join(''))
})
