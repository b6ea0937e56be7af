/** DISCONNECT and what LIST_PEERS says around it. */
import { unknownPeer } from '../../helpers/addresses.ts'
import { until } from '../../helpers/deadlines.ts'
import type { RawConnection } from '../../helpers/rawConnection.ts'
import * as requests from '../../helpers/requests.ts'
import { isOk, type Suite } from '../suite.ts'

export function disconnecting ({ test }: Suite): void {
  test('DISCONNECT is OK also when there is no connection', async (t, scene) => {
    const { id } = await scene.disconnected()
    isOk(t, await scene.ask(requests.disconnect(id)))
    isOk(t, await scene.ask(requests.disconnect(unknownPeer())))
  })

  test('from DISCONNECT\'s answer on the peer is not listed, and a moment later neither is this one at the peer, whoever dialled', async (t, scene) => {
    const [a, b] = [await scene.identity(scene.a), await scene.identity(scene.b)]
    const [atA, atB] = [await scene.dial(scene.a), await scene.dial(scene.b)]
    const list = async (side: RawConnection): Promise<number> => (await side.ask(requests.listPeers())).peers.length
    await scene.disconnected()
    for (let round = 0; round < 10; round++) {
      const dialler = round % 2 === 0 ? { at: atA, to: b } : { at: atB, to: a }
      isOk(t, await dialler.at.ask(requests.connect(dialler.to.id, dialler.to.addrs)))
      for (const side of [atA, atB]) await until('both to know of their connection', async () => await list(side) === 1)
      isOk(t, await atA.ask(requests.disconnect(b.id)))
      t.is(await list(atA), 0, `round ${round}`)
      await until('the end of the connection at the other side', async () => await list(atB) === 0, 1_000)
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
