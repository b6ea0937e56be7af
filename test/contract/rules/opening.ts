/** STREAM_OPEN: which protocol, which peer, what is said of it; and the bytes right at its edges. */
import { unknownPeer } from '../../helpers/addresses.ts'
import { frame } from '../../helpers/protobuf.ts'
import * as requests from '../../helpers/requests.ts'
import type { Scene } from '../scene.ts'
import { endsInSilence, isError, isOk, isUsable, type Suite } from '../suite.ts'

export function opening ({ test, differs }: Suite): void {
  test('STREAM_OPEN with several protocols is answered with the one that the peer speaks', async (t, scene) => {
    const [other, spoken] = [scene.protocol(), scene.protocol()]
    await scene.handler(spoken)
    t.is((await scene.open([other, spoken])).info.proto, spoken)
  })

  const severalSpoken = async (scene: Scene): Promise<{ first: string, others: string[], chosen: string }> => {
    const [known, first] = [scene.protocol(), scene.protocol()]
    await scene.handler(known)
    await scene.open(known)
    await scene.handler(first)
    return { first, others: [known], chosen: (await scene.open([scene.protocol(), first, known])).info.proto }
  }
  differs('prefers-what-it-has-heard-of', {
    ours: [['STREAM_OPEN with several protocols that the peer speaks is answered with the first of them', async (t, scene) => {
      const { first, chosen } = await severalSpoken(scene)
      t.is(chosen, first)
    }]],
    theirs: [['STREAM_OPEN with several protocols that the peer speaks is answered with any of them', async (t, scene) => {
      const { first, others, chosen } = await severalSpoken(scene)
      t.true([first, ...others].includes(chosen))
    }]]
  })

  test('STREAM_OPEN with no protocol the peer speaks is an ERROR, and the connection goes on', async (t, scene) => {
    const { id } = await scene.connected()
    const connection = await scene.dial()
    isError(t, await connection.ask(requests.streamOpen(id, [scene.protocol(), scene.protocol()])))
    await isUsable(t, connection)
  })

  test('STREAM_OPEN without a protocol is an ERROR', async (t, scene) => {
    const { id } = await scene.connected()
    isError(t, await scene.ask(requests.streamOpen(id, [])))
  })

  test('STREAM_OPEN to a peer that nobody knows is an ERROR, and the connection goes on', async (t, scene) => {
    const connection = await scene.dial()
    isError(t, await connection.ask(requests.streamOpen(unknownPeer(), '/x')))
    await isUsable(t, connection)
  })

  test('STREAM_OPEN to the host itself is an ERROR', async (t, scene) => {
    const { id } = await scene.identity(scene.a)
    isError(t, await scene.ask(requests.streamOpen(id, '/x')))
  })

  test('STREAM_OPEN dials a peer that it was connected to before', async (t, scene) => {
    const protocol = scene.protocol()
    const listener = await scene.handler(protocol)
    const { id } = await scene.disconnected()
    const { stream, info } = await scene.open(protocol)
    t.deepEqual(info.peer, id)
    await stream.write('x')
    const inbound = await listener.next()
    await inbound.streamInfo()
    t.is(String(await inbound.read(1)), 'x')
  })

  test('STREAM_OPEN is answered with the address it is connected at, which is one that IDENTIFY has, or its name where the daemon connects the two', async (t, scene) => {
    const protocol = scene.protocol()
    await scene.disconnected()
    await scene.handler(protocol)
    const { id } = await scene.identity(scene.b)
    const { info } = await scene.open(protocol)
    t.deepEqual(info.peer, id)
    t.true((await scene.reachedAt(scene.b)).includes(Buffer.from(info.addr).toString('hex')))
  })

  test('STREAM_OPEN may come after other requests on its connection', async (t, scene) => {
    const protocol = scene.protocol()
    const listener = await scene.handler(protocol)
    const connection = await scene.dial()
    isOk(t, await connection.ask(requests.identify()))
    isError(t, await connection.ask(requests.streamOpen(unknownPeer(), protocol)))
    await scene.open(protocol, connection)
    await connection.write('late')
    const inbound = await listener.next()
    await inbound.streamInfo()
    t.is(String(await inbound.read(4)), 'late')
  })

  test('what the peer says first comes right behind the answer, and none of it is lost', async (t, scene) => {
    const protocol = scene.protocol()
    const listener = await scene.handler(protocol)
    const { id } = await scene.identity(scene.b)
    const connection = await scene.dial()
    await connection.send(requests.streamOpen(id, protocol))
    const greeting = await listener.next()
    await greeting.streamInfo()
    await greeting.write('welcome')
    greeting.end()
    isOk(t, await connection.response())
    t.is(String(await connection.readToEnd()), 'welcome')
  })

  const behind = (protocol: string, id: Uint8Array): Buffer => Buffer.concat([frame(requests.streamOpen(id, protocol)), Buffer.from('early')])
  differs('loses-bytes-behind-a-request', {
    ours: [['bytes written together with the request are the first of the stream', async (t, scene) => {
      const protocol = scene.protocol()
      const listener = await scene.handler(protocol)
      const { id } = await scene.identity(scene.b)
      const connection = await scene.dial()
      await connection.write(behind(protocol, id))
      isOk(t, await connection.response())
      await connection.write(' and late')
      connection.end()
      const inbound = await listener.next()
      await inbound.streamInfo()
      t.is(String(await inbound.readToEnd()), 'early and late')
    }]],
    theirs: [['bytes written together with the request are lost', async (t, scene) => {
      const protocol = scene.protocol()
      const listener = await scene.handler(protocol)
      const { id } = await scene.identity(scene.b)
      const connection = await scene.dial()
      await connection.write(behind(protocol, id))
      isOk(t, await connection.response())
      await connection.write(' and late')
      const inbound = await listener.next()
      await inbound.streamInfo()
      t.is(String(await inbound.read(9)), ' and late')
    }]]
  })

  test('STREAM_OPEN\'s timeout is in seconds, and ends the waiting for a peer that hangs', async (t, scene) => {
    const { id } = await scene.connected()
    const pid = await scene.b.pid()
    const connection = await scene.dial()
    process.kill(pid, 'SIGSTOP')
    try {
      const start = Date.now()
      isError(t, await connection.ask(requests.streamOpen(id, scene.protocol(), 1)))
      const tookMs = Date.now() - start
      t.true(tookMs > 900 && tookMs < 4_000, `${tookMs} ms`)
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    await isUsable(t, connection)
  })

  test('a stream that is opened and ended at once is announced, and ends', async (t, scene) => {
    const protocol = scene.protocol()
    const listener = await scene.handler(protocol)
    const { stream } = await scene.open(protocol)
    stream.end()
    const inbound = await listener.next()
    t.is((await inbound.streamInfo()).proto, protocol)
    await endsInSilence(t, inbound)
  })
}
