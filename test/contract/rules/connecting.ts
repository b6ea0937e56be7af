/** CONNECT: when it is OK, when it is not, and how long it may take. */
import type { ExecutionContext } from 'ava'
import { socketBytes, tcp, unknownPeer, unknownRsaPeer, withPeer } from '../../helpers/addresses.ts'
import { isPendingAfter, until } from '../../helpers/deadlines.ts'
import * as requests from '../../helpers/requests.ts'
import type { Scene } from '../scene.ts'
import { isError, isOk, isUsable, type Suite } from '../suite.ts'

/** Below the ports that the system gives out, and nobody listens there on a machine that tests run on. */
const NOBODY = tcp('127.0.0.1', 9)

async function peersOf (scene: Scene, side = scene.a): Promise<string[]> {
  const { peers } = await scene.ok(requests.listPeers(), side)
  return peers.map(({ id }) => Buffer.from(id).toString('hex'))
}

async function isConnected (t: ExecutionContext, scene: Scene): Promise<void> {
  const { id } = await scene.identity(scene.b)
  t.deepEqual(await peersOf(scene), [Buffer.from(id).toString('hex')])
}

export function connecting ({ test, differs }: Suite): void {
  test('CONNECT at an address of the peer is OK, and from then on each lists the other', async (t, scene) => {
    const [a, b] = [await scene.identity(scene.a), await scene.identity(scene.b)]
    const [atA, atB] = [await scene.dial(scene.a), await scene.dial(scene.b)]
    for (let round = 0; round < 10; round++) {
      await scene.disconnected()
      isOk(t, await atA.ask(requests.connect(b.id, b.addrs)))
      // The other side first: it has had the least time to know.
      t.deepEqual((await atB.ask(requests.listPeers())).peers.map(({ id }) => id), [a.id], `round ${round}: the other side`)
      t.deepEqual((await atA.ask(requests.listPeers())).peers.map(({ id }) => id), [b.id], `round ${round}: where it was asked`)
    }
  })

  test('CONNECT to a peer that is connected already is OK, wherever it says that the peer is', async (t, scene) => {
    const { id, addrs } = await scene.connected()
    for (const addresses of [addrs, [], [NOBODY]]) isOk(t, await scene.ask(requests.connect(id, addresses)))
    await isConnected(t, scene)
  })

  test('CONNECT takes an address with the peer\'s id at its end', async (t, scene) => {
    const { id, addrs } = await scene.disconnected()
    isOk(t, await scene.ask(requests.connect(id, addrs.map(addr => withPeer(addr, id)))))
    await isConnected(t, scene)
  })

  test('CONNECT tries the next address when one does not answer', async (t, scene) => {
    const { id, addrs } = await scene.disconnected()
    isOk(t, await scene.ask(requests.connect(id, [NOBODY, ...addrs])))
    await isConnected(t, scene)
  })

  test('CONNECT takes 256 addresses', async (t, scene) => {
    const { id, addrs } = await scene.disconnected()
    const dead = Array.from({ length: 256 - addrs.length }, (_, i) => tcp(`127.0.1.${i}`, 9))
    isOk(t, await scene.ask(requests.connect(id, [...dead, ...addrs])))
    await isConnected(t, scene)
  })

  test('CONNECT without addresses finds a peer that it was connected to before', async (t, scene) => {
    await scene.connected()
    const { id } = await scene.disconnected()
    isOk(t, await scene.ask(requests.connect(id)))
    await isConnected(t, scene)
  })

  test('CONNECT without addresses to a peer that nobody knows is an ERROR, and the connection goes on', async (t, scene) => {
    const connection = await scene.dial()
    for (const peer of [unknownPeer(), unknownRsaPeer()]) isError(t, await connection.ask(requests.connect(peer)))
    await isUsable(t, connection)
  })

  test('CONNECT where nobody listens is an ERROR at once', async (t, scene) => {
    const connection = await scene.dial()
    isError(t, await connection.ask(requests.connect(unknownPeer(), [NOBODY]), 3_000))
    await isUsable(t, connection)
  })

  test('CONNECT to an address where another peer answers is an ERROR, and nobody is connected', async (t, scene) => {
    const { addrs } = await scene.disconnected()
    const connection = await scene.dial()
    isError(t, await connection.ask(requests.connect(unknownPeer(), addrs)))
    await isUsable(t, connection)
    t.deepEqual(await peersOf(scene), [])
    await until('b to see that it was not meant', async () => (await peersOf(scene, scene.b)).length === 0)
  })

  test('CONNECT to the host itself is an ERROR', async (t, scene) => {
    const { id, addrs } = await scene.identity(scene.a)
    isError(t, await scene.ask(requests.connect(id, addrs)))
  })

  test('CONNECT\'s timeout is in seconds, and ends a dial that nobody answers', async (t, scene) => {
    const { address } = await scene.blackHole()
    const connection = await scene.dial()
    const start = Date.now()
    isError(t, await connection.ask(requests.connect(unknownPeer(), [socketBytes(address)], 1)))
    const tookMs = Date.now() - start
    t.true(tookMs > 900 && tookMs < 4_000, `${tookMs} ms`)
    await isUsable(t, connection)
  })

  differs('five-seconds-for-a-local-dial', {
    slow: true,
    ours: [['CONNECT has 60 seconds when it names no timeout, and as long when that is 0 or less', async (t, scene) => {
      const { address } = await scene.blackHole()
      // Longer than any of the ten seconds that libraries have as a default for parts of a dial.
      await Promise.all([undefined, 0, -1, 30].map(async timeout => {
        const connection = await scene.dial()
        const answered = connection.ask(requests.connect(unknownPeer(), [socketBytes(address)], timeout), 60_000)
        t.true(await isPendingAfter(12_000, answered), `timeout ${timeout}`)
        answered.catch(() => {})
      }))
    }]],
    theirs: [['CONNECT gives up an address of this machine after 5 seconds', async (t, scene) => {
      const { address } = await scene.blackHole()
      const connection = await scene.dial()
      const start = Date.now()
      isError(t, await connection.ask(requests.connect(unknownPeer(), [socketBytes(address)]), 15_000))
      const tookMs = Date.now() - start
      t.true(tookMs > 4_500 && tookMs < 12_000, `${tookMs} ms`)
    }]]
  })

  differs('dials-on-without-a-client', {
    ours: [['CONNECT is given up when its client goes', async (t, scene) => {
      if ('port' in scene.a.control) {
        t.pass('over TCP one that has gone looks like one that has only ended its writing')
        return
      }
      const hole = await scene.blackHole()
      const connection = await scene.dial()
      await connection.send(requests.connect(unknownPeer(), [socketBytes(hole.address)], 30))
      const dialled = await hole.next()
      connection.destroy()
      // What the dialler had said by then, and the end of it.
      await t.notThrowsAsync(dialled.readToEnd(4_000))
    }]],
    theirs: [['CONNECT goes on when its client has gone', async (t, scene) => {
      const hole = await scene.blackHole()
      const connection = await scene.dial()
      await connection.send(requests.connect(unknownPeer(), [socketBytes(hole.address)], 30))
      const dialled = await hole.next()
      connection.destroy()
      t.true(await isPendingAfter(2_000, dialled.readToEnd(60_000)))
    }]]
  })
}
