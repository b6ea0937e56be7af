/** STREAM_ACCEPT: waiting on a control connection for an inbound stream, instead of being dialled for it. */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { until } from '../../helpers/deadlines.ts'
import { fieldsOf, frame, message, type Field } from '../../helpers/protobuf.ts'
import type { RawConnection } from '../../helpers/rawConnection.ts'
import * as requests from '../../helpers/requests.ts'
import { ResponseType } from '../../../src/wire/codec.ts'
import type { Opened, Scene } from '../scene.ts'
import { endsInSilence, isError, isOk, isUsable, type Claim, type Suite } from '../suite.ts'

const STREAM_ACCEPT = 100
const KIB = 1024
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

export function streamAccept (...protocols: Array<string | Uint8Array>): Buffer {
  return requests.request(STREAM_ACCEPT, [STREAM_ACCEPT, message(...protocols.map((protocol): Field => [1, protocol]))])
}

/** A connection of b's that waits. */
export async function waiting (scene: Scene, ...protocols: string[]): Promise<RawConnection> {
  const connection = await scene.dial(scene.b)
  const { type, error } = await connection.ask(streamAccept(...protocols))
  if (type !== ResponseType.OK) throw new Error(`STREAM_ACCEPT was answered: ${error?.msg}`)
  return connection
}

/** Whether peers are told that nobody speaks it. */
export async function isUnhandled (scene: Scene, protocol: string): Promise<boolean> {
  const { id } = await scene.identity(scene.b)
  using connection = await scene.dial()
  return (await connection.ask(requests.streamOpen(id, protocol))).type === ResponseType.ERROR
}

/** The protocol of the stream that the connection has become; what else it is told of is looked at in a test of its own. */
export async function taken (connection: RawConnection, deadlineMs?: number): Promise<string | undefined> {
  const { type, error, streamInfo } = await connection.response(deadlineMs)
  if (type !== ResponseType.OK) throw new Error(`told while it waited: ${error?.msg}`)
  return streamInfo?.proto
}

/** A new stream, and that it is the waiting connection which has it. */
export async function meets (scene: Scene, protocol: string, waiter: RawConnection): Promise<Opened> {
  const opened = await scene.open(protocol)
  const token = randomBytes(8)
  await opened.stream.write(token)
  await taken(waiter)
  if (!(await waiter.read(token.length)).equals(token)) throw new Error('another stream\'s bytes')
  return opened
}

const CLAIMS: readonly Claim[] = [
  ['a program that waits is told OK at once, and OK with a StreamInfo when a stream is there, which the connection then is', async (t, scene) => {
    const protocol = scene.protocol()
    await scene.disconnected()
    await scene.connected()
    const waiter = await scene.dial(scene.b)
    await waiter.send(streamAccept(protocol))
    t.is((await waiter.readFrame()).toString('hex'), '0800')
    const { stream, info } = await scene.open(protocol)
    t.is(info.proto, protocol)
    await stream.write('then the stream')
    stream.end()
    const [type, streamInfo, ...more] = fieldsOf(await waiter.readFrame())
    t.deepEqual([type?.number, type?.value, streamInfo?.number, more], [1, 0n, 3, []])
    const [peer, addr, proto] = fieldsOf(streamInfo?.value as Buffer)
    t.deepEqual(peer?.value, Buffer.from((await scene.identity(scene.a)).id))
    t.regex(Buffer.from(addr?.value as Buffer).toString('hex'), await scene.comesFrom(scene.a))
    t.is(String(proto?.value), protocol)
    t.is(String(await waiter.readToEnd()), 'then the stream')
    await waiter.write('and an answer after its end')
    waiter.end()
    t.is(String(await stream.readToEnd()), 'and an answer after its end')
  }],

  ['bytes go both ways at once and arrive as they were, also those written behind the request', async (t, scene) => {
    const protocol = scene.protocol()
    await scene.connected()
    const [there, early, late] = [randomBytes(1024 * KIB), randomBytes(300 * KIB), randomBytes(1024 * KIB)]
    const waiter = await scene.dial(scene.b)
    const writing = waiter.write(Buffer.concat([frame(streamAccept(protocol)), early]))
    isOk(t, await waiter.response())
    const { stream } = await scene.open(protocol)
    t.is(await taken(waiter), protocol)
    const [, , back, received] = await Promise.all([
      stream.write(there),
      writing.then(async () => { await waiter.write(late) }),
      stream.read(early.length + late.length),
      waiter.read(there.length)
    ])
    t.is(sha256(back), sha256(Buffer.concat([early, late])))
    t.is(sha256(received), sha256(there))
  }],

  ['requests before it on the connection are answered, also sent in one packet with it', async (t, scene) => {
    const protocol = scene.protocol()
    await scene.connected()
    const waiter = await scene.dial(scene.b)
    await waiter.write(Buffer.concat([frame(requests.identify()), frame(requests.request(42)), frame(streamAccept(protocol))]))
    t.not((await waiter.response()).identify, undefined)
    isError(t, await waiter.response())
    isOk(t, await waiter.response())
    await meets(scene, protocol, waiter)
  }],

  ['a connection may wait for several protocols, and brings one stream', async (t, scene) => {
    const [one, other] = [scene.protocol(), scene.protocol()]
    await scene.connected()
    const [first, second] = [await waiting(scene, one, other), await waiting(scene, one, other)]
    await meets(scene, other, first)
    await meets(scene, one, second)
    t.is(first.available, 0)
  }],

  ['a stream that is reset ends with an end of file for a program that waited for it', async (t, scene) => {
    const protocol = scene.protocol()
    await scene.connected()
    const waiter = await waiting(scene, protocol)
    await meets(scene, protocol, waiter)
    const { id } = await scene.identity(scene.b)
    await scene.ok(requests.disconnect(id))
    await endsInSilence(t, waiter)
  }],

  ['what is no request to wait is an ERROR, and the connection goes on', async (t, scene) => {
    const connection = await scene.dial(scene.b)
    const good = scene.protocol()
    for (const [request, words] of [
      [requests.request(STREAM_ACCEPT), /missing parameters/],
      [streamAccept(), /proto/],
      [streamAccept(good, ''), /proto/],
      [streamAccept(good, 'x'.repeat(257)), /proto/],
      [streamAccept(good, Buffer.from([0x2f, 0xff])), /proto/],
      [streamAccept(good, '/ipfs/id/1.0.0'), /denied/]
    ] as const) isError(t, await connection.ask(request), words, request.toString('hex').slice(0, 40))
    await isUsable(t, connection)
    await scene.connected()
    t.true(await isUnhandled(scene, good), 'none of them, when one is refused')
  }],

  ['a program that ends its waiting, by half-closing or by going, is not waited for: peers are told that nobody speaks its protocol', async (t, scene) => {
    await scene.connected()
    for (const leave of ['end', 'destroy'] as const) {
      const protocol = scene.protocol()
      const waiter = await waiting(scene, protocol)
      waiter[leave]()
      if (leave === 'end') await endsInSilence(t, waiter)
      await until('nobody speaks it', async () => await isUnhandled(scene, protocol))
    }
  }],

  ['what a program has sent ahead of a stream that does not come is no request', async (t, scene) => {
    const waiter = await waiting(scene, scene.protocol())
    await waiter.write(frame(requests.identify()))
    waiter.end()
    await endsInSilence(t, waiter)
  }],

  ['no stream is given to a program that has gone: the next one that waits has it', async (t, scene) => {
    const protocol = scene.protocol()
    const { id } = await scene.connected()
    const pid = await scene.b.pid()
    for (let round = 0; round < 30; round++) {
      const [leaving, staying] = [await waiting(scene, protocol), await waiting(scene, protocol)]
      const stream = await scene.dial()
      // Whatever b hears first when it goes on, the program had gone before.
      process.kill(pid, 'SIGSTOP')
      await stream.send(requests.streamOpen(id, protocol))
      if (round % 2 === 0) leaving.destroy()
      else leaving.end()
      await once(leaving.socket, round % 2 === 0 ? 'close' : 'finish')
      process.kill(pid, 'SIGCONT')
      isOk(t, await stream.response())
      await stream.write(String(round))
      stream.end()
      t.is(await taken(staying), protocol, `round ${round}`)
      t.is(String(await staying.readToEnd()), String(round))
      t.is(leaving.available, 0)
      staying.destroy()
      await endsInSilence(t, stream)
    }
  }]
]

export function accepting ({ differs }: Suite): void {
  differs('no-waiting-for-streams', {
    ours: CLAIMS,
    theirs: [['STREAM_ACCEPT is not known: it ends the connection without a word', async (t, scene) => {
      const connection = await scene.dial()
      await connection.send(streamAccept(scene.protocol()))
      await endsInSilence(t, connection)
    }]]
  })
}
