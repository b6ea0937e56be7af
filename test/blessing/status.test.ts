/** /p2pd/blessing-status/1.0.0: what is answered, and asking over real streams, of daemons that keep to it and ones that do not. */
import test from 'ava'
import { createLibp2p, type Libp2p } from 'libp2p'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { tcp } from '@libp2p/tcp'
import { lpStream } from '@libp2p/utils'
import type { PrivateKey, Stream } from '@libp2p/interface'
import type { Grant } from '../../src/blessing/grant.ts'
import { readOneFrame } from '../../src/blessing/oneFrame.ts'
import { statusAnswer } from '../../src/blessing/status.ts'
import { BLESSING_STATUS_PROTOCOL, askBlessingStatus, decodeStatusAnswer, encodeStatusQuestion } from '../../src/blessing/verify.ts'
import { until, within } from '../helpers/deadlines.ts'
import { frame, message } from '../helpers/protobuf.ts'
import { APP, DAEMONS } from './keys.ts'
import { NOW_S } from './right.ts'

const GRANT: Grant = {
  id: '00112233445566778899aabbccddeeff', tenant: 'indexer', tenantId: 'b1946ac92492d2347c6235b4d2611184', epoch: 7,
  notBefore: NOW_S, expires: NOW_S + 3_600, source: 'operator', actions: ['openStream'], resources: ['*']
}
const OTHER: Grant = { ...GRANT, id: 'f'.repeat(32), epoch: 300, expires: NOW_S + 60 }
const FALLEN = { stands: false, epoch: 0, expires: 0 }

const ROWS: Array<[name: string, grant: string, nowMs: number, answer: object]> = [
  ['one that stands', GRANT.id, NOW_S * 1000, { stands: true, epoch: 7, expires: NOW_S + 3_600 }],
  ['another one that stands', OTHER.id, NOW_S * 1000, { stands: true, epoch: 300, expires: NOW_S + 60 }],
  ['one in its last millisecond', OTHER.id, (NOW_S + 60) * 1000 - 1, { stands: true, epoch: 300, expires: NOW_S + 60 }],
  ['one that has expired', OTHER.id, (NOW_S + 60) * 1000, FALLEN],
  ['one that has not begun', GRANT.id, NOW_S * 1000 - 1, FALLEN],
  ['one that nobody has heard of', 'e'.repeat(32), NOW_S * 1000, FALLEN]
]

for (const [name, grant, nowMs, answer] of ROWS) {
  test(`asked about ${name}`, t => {
    t.deepEqual({ ...decodeStatusAnswer(statusAnswer(encodeStatusQuestion(grant), [GRANT, OTHER], nowMs)) }, answer)
  })
}

test('question and answer are these bytes', t => {
  const id = Buffer.from(GRANT.id, 'hex')
  t.deepEqual(Buffer.from(encodeStatusQuestion(GRANT.id)), message([1, id]))
  t.deepEqual(Buffer.from(statusAnswer(message([1, id]), [GRANT], NOW_S * 1000)), message([1, 1], [2, 7], [3, NOW_S + 3_600]))
  t.deepEqual(Buffer.from(statusAnswer(message([1, id]), [], NOW_S * 1000)), message([1, 0], [2, 0], [3, 0]))
})

test('a question that is none is not answered; one about half an id is about nothing', t => {
  for (const question of [Buffer.alloc(0), Buffer.from([0xff]), message([1, 7]), message([2, 'other'])]) {
    t.throws(() => statusAnswer(question, [GRANT], NOW_S * 1000), { code: 'ERR_MESSAGE' }, question.toString('hex'))
  }
  for (const id of [Buffer.from(GRANT.id.slice(0, 30), 'hex'), Buffer.from(GRANT.id), Buffer.alloc(0)]) {
    t.deepEqual({ ...decodeStatusAnswer(statusAnswer(message([1, id]), [GRANT], NOW_S * 1000)) }, FALLEN)
  }
})

test('what is no grant\'s id is not asked about', t => {
  for (const id of ['', GRANT.id.slice(1), GRANT.id.toUpperCase(), `0x${GRANT.id.slice(2)}`]) {
    t.throws(() => encodeStatusQuestion(id), { code: 'ERR_REQUEST' }, id)
  }
})

/** A daemon that answers as it is told to, and a peer that has a stream to it. */
class Nodes implements AsyncDisposable {
  readonly #nodes: Libp2p[] = []

  async ask (answer: (stream: Stream) => void | Promise<void>): Promise<Stream> {
    const daemon = await this.#node(DAEMONS.ed25519)
    await daemon.handle(BLESSING_STATUS_PROTOCOL, answer)
    return await (await this.#node(APP)).dialProtocol(daemon.getMultiaddrs(), BLESSING_STATUS_PROTOCOL)
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    await Promise.all(this.#nodes.map(async node => { await node.stop() }))
  }

  async #node (privateKey: PrivateKey): Promise<Libp2p> {
    const node = await createLibp2p({
      privateKey, addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] }, transports: [tcp()], connectionEncrypters: [noise()], streamMuxers: [yamux()]
    })
    this.#nodes.push(node)
    return node
  }
}

/** As a daemon's handler, with libp2p's own reading and writing of lengths. */
async function answerRightly (stream: Stream): Promise<void> {
  const framed = lpStream(stream)
  const question = await framed.read()
  await framed.write(statusAnswer(question.subarray(), [GRANT], NOW_S * 1000))
  await stream.close()
}

test('a daemon is asked over a stream, which is over then', async t => {
  await using nodes = new Nodes()
  const stream = await nodes.ask(answerRightly)
  t.deepEqual({ ...await askBlessingStatus(stream, GRANT.id) }, { stands: true, epoch: 7, expires: NOW_S + 3_600 })
  await until('the stream is closed', () => stream.status === 'closed')
})

test('an answer that comes a byte at a time is whole in the end', async t => {
  await using nodes = new Nodes()
  const stream = await nodes.ask(async remote => {
    for (const byte of frame(statusAnswer(encodeStatusQuestion(OTHER.id), [OTHER], NOW_S * 1000))) {
      remote.send(Uint8Array.of(byte))
      await new Promise(resolve => { setImmediate(resolve) })
    }
    await remote.close()
  })
  t.deepEqual({ ...await askBlessingStatus(stream, OTHER.id) }, { stands: true, epoch: 300, expires: NOW_S + 60 })
})

test('a daemon does not wait for a question that will not come', async t => {
  await using nodes = new Nodes()
  const read = Promise.withResolvers<Uint8Array>()
  const stream = await nodes.ask(remote => { readOneFrame(remote, 64, new AbortController().signal).then(read.resolve, read.reject) })
  stream.send(Uint8Array.of(18, 10))
  await stream.close()
  await t.throwsAsync(within('the daemon sees its end', read.promise), { code: 'ERR_CLOSED' })
})

test('a stream that ends while what negotiation put back waits in it has ended', async t => {
  await using nodes = new Nodes()
  const arrived = Promise.withResolvers<Stream>()
  const stream = await nodes.ask(arrived.resolve)
  await stream.close()
  const remote = await within('the stream arrives', arrived.promise)
  await until('its end is seen', () => remote.readableEnded)
  remote.unshift(Uint8Array.of(18, 10))
  const read = readOneFrame(remote, 64, new AbortController().signal)
  remote.abort(new Error('gone'))
  await t.throwsAsync(within('its end is seen again', read), { code: 'ERR_CLOSED' })
})

const WRONG: Array<[name: string, answer: (stream: Stream) => void | Promise<void>, code: string]> = [
  ['ends the stream instead', async remote => { await remote.close() }, 'ERR_CLOSED'],
  ['resets the stream instead', remote => { remote.abort(new Error('no')) }, 'ERR_CLOSED'],
  ['ends in the middle of its answer', async remote => { remote.send(Uint8Array.of(8, 8, 1)); await remote.close() }, 'ERR_CLOSED'],
  ['says more than an answer can have', remote => { remote.send(frame(Buffer.alloc(65))) }, 'ERR_FRAME'],
  ['never ends saying how long its answer is', remote => { remote.send(Buffer.alloc(100, 0xff)) }, 'ERR_FRAME'],
  ['says nothing in an answer', remote => { remote.send(Uint8Array.of(0)) }, 'ERR_MESSAGE'],
  ['says something else', remote => { remote.send(frame(Buffer.from('yes, it stands'))) }, 'ERR_MESSAGE']
]

for (const [name, answer, code] of WRONG) {
  test(`a daemon that ${name} has said nothing`, async t => {
    await using nodes = new Nodes()
    const stream = await nodes.ask(answer)
    await t.throwsAsync(askBlessingStatus(stream, GRANT.id), { name: 'P2pdError', code })
    t.not(stream.status, 'open')
  })
}

test('whoever asks can stop waiting', async t => {
  await using nodes = new Nodes()
  const heard = Promise.withResolvers<void>()
  const stream = await nodes.ask(async remote => {
    await lpStream(remote).read()
    heard.resolve()
  })
  const controller = new AbortController()
  const asked = askBlessingStatus(stream, GRANT.id, { signal: controller.signal })
  await within('the daemon hears it', heard.promise)
  controller.abort(new Error('had enough'))
  await t.throwsAsync(asked, { message: 'had enough' })
  t.is(stream.status, 'aborted')
})

test('a daemon that never answers is not waited for longer than is said', async t => {
  await using nodes = new Nodes()
  const stream = await nodes.ask(() => {})
  await t.throwsAsync(askBlessingStatus(stream, GRANT.id, { timeoutMs: 100 }), { code: 'ERR_TIMEOUT', message: /within 100 ms/ })
  t.is(stream.status, 'aborted')
})

test('who has stopped before does not ask', async t => {
  await using nodes = new Nodes()
  const stream = await nodes.ask(answerRightly)
  await t.throwsAsync(askBlessingStatus(stream, GRANT.id, { signal: AbortSignal.abort(new Error('too late')) }), { message: 'too late' })
  t.is(stream.status, 'aborted')
})

test('a stream that is over cannot be asked on', async t => {
  await using nodes = new Nodes()
  const stream = await nodes.ask(answerRightly)
  stream.abort(new Error('over'))
  await t.throwsAsync(askBlessingStatus(stream, GRANT.id), { code: 'ERR_CLOSED' })
})
