/** DISCONNECT and what LIST_PEERS says around it. */
import { unknownPeer } from '../../helpers/addresses.ts'
import * as requests from '../../helpers/requests.ts'
import { isOk, type Suite } from '../suite.ts'

export function disconnecting ({ test }: Suite): void {
  test('DISCONNECT is OK also when there is no connection', async (t, scene) => {
    const { id } = await scene.disconnected()
    isOk(t, await scene.ask(requests.disconnect(id)))
    isOk(t, await scene.ask(requests.disconnect(unknownPeer())))
  })

  test('right after DISCONNECT neither side lists the other, whoever dialled', async (t, scene) => {
    const [a, b] = [await scene.identity(scene.a), await scene.identity(scene.b)]
    const [atA, atB] = [await scene.dial(scene.a), await scene.dial(scene.b)]
    for (let round = 0; round < 10; round++) {
      const dialler = round % 2 === 0 ? { at: atA, to: b } : { at: atB, to: a }
      isOk(t, await dialler.at.ask(requests.connect(dialler.to.id, dialler.to.addrs)))
      isOk(t, await atA.ask(requests.disconnect(b.id)))
      t.is((await atA.ask(requests.listPeers())).peers.length, 0, `round ${round}: where it was asked`)
      t.is((await atB.ask(requests.listPeers())).peers.length, 0, `round ${round}: at the other side`)
    }
  })

  test('DISCONNECT ends the streams, with an end of file on both sides', async (t, scene) => {
    const { opener, handler } = await scene.stream()
    await opener.write('one')
    t.is(String(await handler.read(3)), 'one')
    const { id } = await scene.identity(scene.b)
    isOk(t, await scene.ask(requests.disconnect(id)))
    t.is((await opener.readToEnd()).length, 0)
    t.is((await handler.readToEnd()).length, 0)
  })

  test('LIST_PEERS has one row for a peer with one connection', async (t, scene) => {
    const { id, addrs } = await scene.connected()
    const { peers } = await scene.ok(requests.listPeers())
    t.deepEqual(peers.map(peer => peer.id), [id])
    t.is(peers[0]?.addrs.length, 1)
    t.true(addrs.length > 0)
  })
}
