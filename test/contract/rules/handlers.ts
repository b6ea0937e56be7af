/** STREAM_HANDLER: how a stream is brought to its handler, and how long a handler lives. */
import { networkInterfaces } from 'node:os'
import { relative } from 'node:path'
import { until } from '../../helpers/deadlines.ts'
import { unix } from '../../helpers/addresses.ts'
import { fieldsOf, frame } from '../../helpers/protobuf.ts'
import * as requests from '../../helpers/requests.ts'
import type { SocketAddress } from '../../helpers/addresses.ts'
import { endsInSilence, isError, isOk, isUsable, type Suite } from '../suite.ts'

const HAS_IPV6_LOOPBACK = Object.values(networkInterfaces()).flat().some(address => address?.address === '::1')

/** Where a program may listen; undefined: a path of the test's own. */
const PLACES: Array<readonly [what: string, address: SocketAddress | undefined]> = [
  ['a Unix socket', undefined],
  ['TCP on 127.0.0.1', { host: '127.0.0.1', port: 0 }],
  ['TCP on another loopback address', { host: '127.0.0.2', port: 0 }],
  ...HAS_IPV6_LOOPBACK ? [['TCP on ::1', { host: '::1', port: 0 }] as const] : []
]

export function handlers ({ test, differs }: Suite): void {
  for (const [what, address] of PLACES) {
    test(`a stream is brought to a handler that listens on ${what}`, async (t, scene) => {
      const protocol = scene.protocol()
      const listener = await scene.handler(protocol, address)
      const { stream } = await scene.open(protocol)
      await stream.write('hello')
      const inbound = await listener.next()
      t.is((await inbound.streamInfo()).proto, protocol)
      t.is(String(await inbound.read(5)), 'hello')
    })
  }

  test('what comes first is a bare StreamInfo: the peer, where it is, and the protocol', async (t, scene) => {
    const protocol = scene.protocol()
    await scene.disconnected()
    const listener = await scene.handler(protocol)
    const { stream } = await scene.open(protocol)
    await stream.write('then the stream')
    stream.end()
    const inbound = await listener.next()
    const [peer, addr, proto, ...more] = fieldsOf(await inbound.readFrame())
    t.deepEqual([peer?.number, addr?.number, proto?.number], [1, 2, 3])
    t.deepEqual(more, [])
    t.deepEqual(peer?.value, Buffer.from((await scene.identity(scene.a)).id))
    // Where a dialled from, without a's id: an IPv4 address and a port, where it was over the network.
    t.regex(Buffer.isBuffer(addr?.value) ? addr.value.toString('hex') : '', await scene.comesFrom(scene.a))
    t.is(String(proto?.value), protocol)
    t.is(String(await inbound.readToEnd()), 'then the stream')
  })

  test('one registration may name several protocols', async (t, scene) => {
    const protocols = [scene.protocol(), scene.protocol()]
    const listener = await scene.handler(protocols)
    for (const protocol of protocols) {
      await scene.open(protocol)
      t.is((await (await listener.next()).streamInfo()).proto, protocol)
    }
  })

  test('a handler outlives the control connection that registered it', async (t, scene) => {
    const protocol = scene.protocol()
    const listener = await scene.listen()
    await scene.connected()
    const control = await scene.dial(scene.b)
    isOk(t, await control.ask(requests.streamHandler(listener.bytes, protocol)))
    control.end()
    await endsInSilence(t, control)
    await scene.open(protocol)
    t.is((await (await listener.next()).streamInfo()).proto, protocol)
  })

  test('a handler is registered also for a client that goes without reading the answer', async (t, scene) => {
    const protocol = scene.protocol()
    const listener = await scene.listen()
    const { id } = await scene.connected()
    const control = await scene.dial(scene.b)
    await control.write(frame(requests.streamHandler(listener.bytes, protocol)))
    control.destroy()
    const connection = await scene.dial()
    await until('the handler', async () => (await connection.ask(requests.streamOpen(id, protocol))).type === 0)
    t.is((await (await listener.next()).streamInfo()).proto, protocol)
  })

  test('a handler may be registered before its program listens', async (t, scene) => {
    const protocol = scene.protocol()
    const path = scene.path()
    await scene.connected()
    isOk(t, await scene.ask(requests.streamHandler(unix(path), protocol), scene.b))
    const listener = await scene.listen({ path })
    await scene.open(protocol)
    t.is((await (await listener.next()).streamInfo()).proto, protocol)
  })

  differs('paths-with-their-slash', {
    ours: [['a path without its first slash, as the Python client sends it, is the absolute path', async (t, scene) => {
      const [protocol, unheard] = [scene.protocol(), scene.protocol()]
      const listener = await scene.listen()
      const path = 'path' in listener.address ? listener.address.path : ''
      await scene.connected()
      isOk(t, await scene.ask(requests.streamHandler(unix(path.slice(1)), protocol), scene.b))
      await scene.open(protocol)
      t.is((await (await listener.next()).streamInfo()).proto, protocol)
      // And never one from where the daemon was started.
      await scene.ask(requests.streamHandler(unix(relative(process.cwd(), path)), unheard), scene.b)
      await scene.open(unheard).then(async ({ stream }) => { await endsInSilence(t, stream) }, () => {})
      t.is(listener.accepted, 1)
    }]],
    theirs: [['a path without its first slash is an ERROR', async (t, scene) => {
      isError(t, await scene.ask(requests.streamHandler(unix(scene.path().slice(1)), scene.protocol())))
    }]]
  })

  test('a handler may go and come back', async (t, scene) => {
    const protocol = scene.protocol()
    const listener = await scene.handler(protocol)
    await listener.stopListening()
    // Refused or ended, as the case may be, but over before it comes back.
    await scene.open(protocol).then(async ({ stream }) => await stream.readToEnd()).catch(() => {})
    const back = await scene.listen(listener.address)
    const { stream } = await scene.open(protocol)
    await stream.write('again')
    const inbound = await back.next()
    await inbound.streamInfo()
    t.is(String(await inbound.read(5)), 'again')
  })

  test('the connection goes on after STREAM_HANDLER, refused or not', async (t, scene) => {
    const connection = await scene.dial()
    isOk(t, await connection.ask(requests.streamHandler(unix(scene.path()), scene.protocol())))
    isError(t, await connection.ask(requests.request(requests.TYPE.STREAM_HANDLER)))
    await isUsable(t, connection)
  })
}
