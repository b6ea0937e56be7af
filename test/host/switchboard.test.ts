/** Who a host believes to have made a connection to a neighbour. */
import test from 'ava'
import type { Socket } from 'node:net'
import type { LocalEnd } from '../../src/local/switchboard.ts'
import type { SupervisorLink } from '../../src/host/supervisorLink.ts'
import { SupervisorSwitchboard } from '../../src/host/switchboard.ts'
import { localAddress } from '../../src/host/neighbours.ts'
import { socketPair } from '../../src/os/socketPair.ts'

const PEER = '12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8'

function hostOf (supervisorPid: number): { switchboard: SupervisorSwitchboard, ends: readonly Socket[] } {
  const ends = socketPair() // made by this process: that is what the kernel says of both ends
  const link = { reach: async () => ends[0], visitor: () => ends[0] } as unknown as SupervisorLink
  return { switchboard: new SupervisorSwitchboard(link, supervisorPid, () => 'chat'), ends }
}

async function visited (switchboard: SupervisorSwitchboard): Promise<LocalEnd[]> {
  const came: LocalEnd[] = []
  await switchboard.listen(localAddress('own'), end => { came.push(end) })
  switchboard.visit({ kind: 'visited', descriptor: 0, tenant: 'chat', peerId: PEER })
  return came
}

test('a connection that the supervisor made is the neighbour\'s that it names', async t => {
  const dialling = hostOf(process.pid)
  const { remotePeer } = await dialling.switchboard.dial(localAddress('chat').encapsulate(`/p2p/${PEER}`), { signal: new AbortController().signal })
  t.is(remotePeer.toString(), PEER)
  const visitedHost = hostOf(process.pid)
  t.deepEqual((await visited(visitedHost.switchboard)).map(({ remotePeer: peer }) => peer.toString()), [PEER])
  for (const end of [...dialling.ends, ...visitedHost.ends]) end.destroy()
})

test('one that any other process made is closed and nobody\'s, whichever way it came', async t => {
  const dialling = hostOf(process.pid + 1)
  await t.throwsAsync(dialling.switchboard.dial(localAddress('chat').encapsulate(`/p2p/${PEER}`), { signal: new AbortController().signal }), { code: 'ERR_DENIED', message: /was made by process \d+, which is not the supervisor/ })
  t.true(dialling.ends[0]?.destroyed)
  const visitedHost = hostOf(process.pid + 1)
  t.deepEqual(await visited(visitedHost.switchboard), [])
  t.true(visitedHost.ends[0]?.destroyed)
  for (const end of [...dialling.ends, ...visitedHost.ends]) end.destroy()
})
