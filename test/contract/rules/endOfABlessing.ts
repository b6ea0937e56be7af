/** When a blessing is taken back: what it alone had allowed ends, at once, and nothing else. */
import { existsSync } from 'node:fs'
import type { ExecutionContext } from 'ava'
import { until, within } from '../../helpers/deadlines.ts'
import * as requests from '../../helpers/requests.ts'
import type { DaemonSuite } from '../daemonContract.ts'
import { services, streamAccept, type DaemonScene } from '../daemonScene.ts'
import { endsInSilence, isError, isOk, isUsable } from '../suite.ts'

/** From the operator's command to the end of everything: a second is promised, and as much again is for a machine that does other things. */
const ENDED_MS = 2_000

async function takenBack (scene: DaemonScene, id: string | undefined, ends: Array<() => Promise<void>>): Promise<void> {
  const both = Promise.all([scene.unbless(id), ...ends.map(async end => { await end() })])
  await within('the end of what was blessed', both, ENDED_MS)
}

async function isServed (scene: DaemonScene, protocol: string): Promise<boolean> {
  return (await scene.ok(services(), scene.b)).services?.services.some(({ proto }) => proto === protocol) ?? false
}

async function isAlive (t: ExecutionContext, { from, to }: { from: { write (bytes: string): Promise<void> }, to: { read (length: number): Promise<Buffer> } }): Promise<void> {
  await from.write('still')
  t.is(String(await to.read(5)), 'still')
}

export function endOfABlessing ({ test }: DaemonSuite): void {
  test('a stream that was taken in the daemon\'s name ends for both sides when the blessing is taken back', async (t, scene) => {
    await scene.bless(['provideService'], ['/contract/'])
    const { stream, provider } = await scene.called(scene.protocol())
    await stream.write('before')
    t.is(String(await provider.read(6)), 'before')
    await takenBack(scene, undefined, [async () => { await endsInSilence(t, stream) }, async () => { await endsInSilence(t, provider) }])
  })

  test('a stream that was opened in the daemon\'s name ends for both sides when the blessing is taken back', async (t, scene) => {
    const protocol = scene.protocol()
    await scene.bless(['openStream'], [protocol])
    const waiter = await scene.dial(scene.b)
    isOk(t, await waiter.ask(streamAccept(protocol)))
    const opener = await scene.dial()
    isOk(t, await opener.ask(await scene.inItsName(requests.streamOpen((await scene.identity(scene.b)).id, protocol))))
    isOk(t, await waiter.response())
    await takenBack(scene, undefined, [async () => { await endsInSilence(t, opener) }, async () => { await endsInSilence(t, waiter) }])
  })

  test('a program that waits in the daemon\'s name gets an ERROR when the blessing is taken back, and its connection goes on', async (t, scene) => {
    const protocol = scene.protocol()
    await scene.bless(['provideService'], [protocol])
    const waiter = await scene.providing(protocol)
    await takenBack(scene, undefined, [async () => { isError(t, await waiter.response()) }])
    await isUsable(t, waiter)
    isError(t, await waiter.ask(await scene.inItsName(streamAccept(protocol))), /has no blessing/)
    await t.throwsAsync(scene.call(protocol), { message: /no provider/ })
  })

  test('a handler in the daemon\'s name is removed when the blessing is taken back, with the streams it was brought', async (t, scene) => {
    const protocol = scene.protocol()
    await scene.bless(['provideService'], [protocol])
    const listener = await scene.listen()
    await scene.ok(await scene.inItsName(requests.streamHandler(listener.bytes, protocol)))
    const { stream } = await scene.call(protocol)
    const inbound = await listener.next()
    await inbound.streamInfo()
    await takenBack(scene, undefined, [async () => { await endsInSilence(t, stream) }, async () => { await endsInSilence(t, inbound) }])
    await until('it is no service any more', async () => !await isServed(scene, protocol), ENDED_MS)
    await scene.bless(['provideService'], [protocol])
    t.false(await isServed(scene, protocol), 'a new blessing brings nothing back')
  })

  test('connections to as-daemon.sock end with the last blessing, also those that wait, and the daemon\'s socket is gone', async (t, scene) => {
    const protocol = scene.protocol()
    const first = await scene.bless(['provideService'], [protocol])
    await scene.bless(['listPeers'], ['own'])
    const [idle, waiter] = [await scene.dialAsDaemon(), await scene.dialAsDaemon()]
    isOk(t, await idle.ask(requests.identify()))
    isOk(t, await waiter.ask(streamAccept(protocol)))
    await takenBack(scene, first, [async () => { isError(t, await waiter.response(), /denied/) }])
    for (const connection of [idle, waiter]) isOk(t, await connection.ask(requests.listPeers()), 'by the other blessing')
    isOk(t, await waiter.ask(requests.identify()))
    await takenBack(scene, undefined, [async () => { await endsInSilence(t, idle) }, async () => { await endsInSilence(t, waiter) }])
    t.false(existsSync(scene.asDaemonPath))
  })

  test('what another blessing covers in the daemon\'s name goes on when one is taken back', async (t, scene) => {
    const protocol = scene.protocol()
    const [one, other] = [await scene.bless(['provideService'], [protocol]), await scene.bless(['provideService'], ['/contract/'])]
    const { stream, provider } = await scene.called(protocol)
    const waiter = await scene.providing(protocol)
    await scene.unbless(one)
    await isAlive(t, { from: stream, to: provider })
    await scene.unbless(other)
    await Promise.all([stream, provider].map(async connection => { await endsInSilence(t, connection) }))
    isError(t, await waiter.response())
  })

  test('a connection that CONNECT made in the daemon\'s name is the daemon\'s, and stays', async (t, scene) => {
    await scene.bless(['connect'], ['*'])
    const { id } = await scene.identity(scene.b)
    await scene.ok(await scene.inItsName(requests.connect(id)))
    await scene.unbless()
    await scene.bless(['listPeers'], ['own'])
    const { peers } = await scene.ok(await scene.inItsName(requests.listPeers()))
    t.true(peers.some(peer => Buffer.compare(peer.id, id) === 0))
  })
}
