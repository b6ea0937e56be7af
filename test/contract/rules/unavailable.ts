/** What this daemon does not provide is answered, so that a client that asks for it is not left waiting. */
import { message } from '../../helpers/protobuf.ts'
import { unknownPeer } from '../../helpers/addresses.ts'
import * as requests from '../../helpers/requests.ts'
import { isError, isOk, isUsable, type Suite } from '../suite.ts'

const { CONNMANAGER, DHT, PEERSTORE_OR_UPGRADE, PUBSUB } = requests.TYPE
const PEER = unknownPeer()

const dht = (type: number): Buffer => requests.request(DHT, [5, message([1, type], [2, PEER], [3, 'cid'], [4, 'key'], [5, 'value'], [6, 3])])
const pubsub = (type: number): Buffer => requests.request(PUBSUB, [8, message([1, type], [2, 'topic'], [3, 'data'])])
const connManager = (type: number): Buffer => requests.request(CONNMANAGER, [6, message([1, type], [2, PEER], [3, 'tag'], [4, 1])])

export function unavailable ({ test, differs }: Suite): void {
  test('every DHT request is an ERROR on a daemon without a DHT, and the connection goes on', async (t, scene) => {
    const connection = await scene.dial()
    for (let type = 0; type <= 9; type++) isError(t, await connection.ask(dht(type)), /DHT/, `type ${type}`)
    isError(t, await connection.ask(requests.request(DHT)))
    await isUsable(t, connection)
  })

  test('every pubsub request is an ERROR on a daemon without pubsub, and the connection goes on', async (t, scene) => {
    const connection = await scene.dial()
    for (let type = 0; type <= 4; type++) isError(t, await connection.ask(pubsub(type)), /pubsub/i, `type ${type}`)
    isError(t, await connection.ask(requests.request(PUBSUB)))
    await isUsable(t, connection)
  })

  differs('a-connection-manager', {
    ours: [['every request of the connection manager is an ERROR on a daemon without one, and the connection goes on', async (t, scene) => {
      const connection = await scene.dial()
      for (let type = 0; type <= 3; type++) isError(t, await connection.ask(connManager(type)), /connection manager/, `type ${type}`)
      await isUsable(t, connection)
    }]],
    theirs: [['requests of the connection manager are OK, also when it does nothing', async (t, scene) => {
      const connection = await scene.dial()
      for (let type = 0; type <= 2; type++) isOk(t, await connection.ask(connManager(type)), `type ${type}`)
      isError(t, await connection.ask(connManager(3)))
      await isUsable(t, connection)
    }]]
  })

  differs('closes-in-silence', {
    ours: [['type 9, in either dialect, is an ERROR on a daemon without it, and the connection goes on', async (t, scene) => {
      const connection = await scene.dial()
      isError(t, await connection.ask(requests.request(PEERSTORE_OR_UPGRADE)))
      for (let type = 0; type <= 3; type++) {
        isError(t, await connection.ask(requests.request(PEERSTORE_OR_UPGRADE, [9, message([1, type], [2, PEER])])), /\w/, `type ${type}`)
      }
      isError(t, await connection.ask(requests.request(PEERSTORE_OR_UPGRADE, [9, 'junk'])))
      await isUsable(t, connection)
    }]],
    theirs: []
  })
}
