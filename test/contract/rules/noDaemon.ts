/** What a daemon without an identity of its own answers to whoever asks for it: a clear ERROR, and the connection goes on. */
import { frame, message } from '../../helpers/protobuf.ts'
import { unknownPeer } from '../../helpers/addresses.ts'
import * as requests from '../../helpers/requests.ts'
import { blessing, onBehalfOf, services, streamAccept } from '../daemonScene.ts'
import { isError, isOk, isUsable, type Suite } from '../suite.ts'

const NO_IDENTITY = /this daemon has no identity of its own/

export function noDaemon ({ test }: Suite): void {
  test('every request in the name of a daemon that there is not is an ERROR that says so, and is not done in any other name', async (t, scene) => {
    const protocol = scene.protocol()
    const connection = await scene.dial(scene.b)
    const { id } = await scene.identity(scene.a)
    for (const request of [
      requests.identify(), requests.listPeers(), requests.connect(id), requests.disconnect(id), requests.streamOpen(id, protocol),
      requests.streamHandler((await scene.listen()).bytes, protocol), streamAccept(protocol), services(), blessing(),
      requests.request(requests.TYPE.DHT, [5, message([1, 5], [4, 'key'])])
    ]) isError(t, await connection.ask(onBehalfOf(unknownPeer(), request)), NO_IDENTITY, request.toString('hex').slice(0, 20))
    await isUsable(t, connection)
    await scene.connected()
    const opener = await scene.dial()
    isError(t, await opener.ask(requests.streamOpen((await scene.identity(scene.b)).id, protocol)), /\w/, 'a handler in its own name')
  })

  test('a daemon that there is not has no services and gives no blessings: both are an ERROR', async (t, scene) => {
    const connection = await scene.dial()
    for (const request of [services(), blessing()]) isError(t, await connection.ask(request), NO_IDENTITY)
    await isUsable(t, connection)
  })

  test('the name of a daemon that is no peer ID is an ERROR', async (t, scene) => {
    const connection = await scene.dial()
    for (const name of [Buffer.alloc(0), Buffer.from('12D3KooW'), Buffer.alloc(38)]) isError(t, await connection.ask(onBehalfOf(name, requests.identify())), /is no peer ID/)
    await isUsable(t, connection)
  })

  test('requests in the name of a daemon that there is not stand in line with the others', async (t, scene) => {
    const connection = await scene.dial()
    const mine = requests.identify()
    await connection.write(Buffer.concat([mine, onBehalfOf(unknownPeer(), mine), services(), mine].map(request => frame(request))))
    isOk(t, await connection.response())
    isError(t, await connection.response(), NO_IDENTITY)
    isError(t, await connection.response(), NO_IDENTITY)
    t.not((await connection.response()).identify, undefined)
  })
}
