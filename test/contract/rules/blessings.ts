/** What a tenant shows to others of its blessings, and what they are told of it when they ask the daemon. */
import { until } from '../../helpers/deadlines.ts'
import { frame, message } from '../../helpers/protobuf.ts'
import type { RawConnection } from '../../helpers/rawConnection.ts'
import { verifyBlessing } from '../../../src/blessing/verify.ts'
import { decodePeerId } from '../../../src/wire/peers.ts'
import type { DaemonSuite } from '../daemonContract.ts'
import { BLESSING_STATUS, blessing as blessingRequest, type DaemonScene } from '../daemonScene.ts'
import { endsInSilence, isError, isUsable } from '../suite.ts'

const UNKNOWN = '080010001800'

async function envelopes (scene: DaemonScene): Promise<readonly Uint8Array[]> {
  return (await scene.ok(blessingRequest())).blessing?.envelopes ?? []
}

async function status (scene: DaemonScene, question: Uint8Array): Promise<RawConnection> {
  const { stream } = await scene.call(BLESSING_STATUS)
  await stream.write(question)
  return stream
}

async function statusOf (scene: DaemonScene, grant: string): Promise<string> {
  const stream = await status(scene, frame(message([1, Buffer.from(grant, 'hex')])))
  return (await stream.readFrame()).toString('hex')
}

export function blessings ({ test }: DaemonSuite): void {
  test('a tenant shows an envelope for each blessing of the daemon\'s that stands, good for itself and for nobody else', async (t, scene) => {
    const connection = await scene.dial()
    isError(t, await connection.ask(blessingRequest()), /blessing/)
    await isUsable(t, connection)
    const ids = [await scene.bless(['provideService'], ['/contract/']), await scene.bless(['openStream', 'connect'], ['*'])]
    const issuer = decodePeerId(await scene.daemon())
    const remotePeer = decodePeerId((await scene.identity(scene.a)).id)
    const shown = await envelopes(scene)
    const wanted = [{ action: 'provideService', resource: '/contract/x/1.0.0' }, { action: 'openStream', resource: '/any/1.0.0' }] as const
    const verified = await Promise.all(shown.map(async (envelope, i) => {
      const right = wanted[i] ?? { action: '', resource: '' }
      await t.throwsAsync(verifyBlessing(envelope, { issuer, remotePeer: issuer, ...right }), { code: 'ERR_DENIED' })
      await t.throwsAsync(verifyBlessing(envelope, { issuer, remotePeer, action: 'listPeers', resource: 'own' }), { code: 'ERR_DENIED' })
      return await verifyBlessing(envelope, { issuer, remotePeer, ...right })
    }))
    t.deepEqual(verified.map(({ grant }) => grant), ids)
    await scene.unbless(ids[0])
    t.is((await envelopes(scene)).length, 1)
  })

  test('BLESSING is answered the same in the daemon\'s name, and on as-daemon.sock', async (t, scene) => {
    await scene.bless(['listPeers'], ['own'])
    const shown = await envelopes(scene)
    t.is(shown.length, 1)
    t.deepEqual((await scene.ok(await scene.inItsName(blessingRequest()))).blessing?.envelopes, shown)
    t.deepEqual((await (await scene.dialAsDaemon()).ask(blessingRequest())).blessing?.envelopes, shown)
  })

  test('the daemon says whether a blessing stands, to whoever knows its grant, until it is taken back', async (t, scene) => {
    const id = await scene.bless(['listPeers'], ['own'])
    t.regex(await statusOf(scene, id), /^080110[0-9a-f]{2,6}18[0-9a-f]{10}$/)
    t.is(await statusOf(scene, '00'.repeat(16)), UNKNOWN)
    t.is(await statusOf(scene, id.slice(2)), UNKNOWN, 'a part of one')
    await scene.unbless(id)
    t.is(await statusOf(scene, id), UNKNOWN)
  })

  test('the daemon answers one question about a blessing on a stream, and ends it', async (t, scene) => {
    const question = frame(message([1, Buffer.alloc(16, 7)]))
    const stream = await status(scene, Buffer.concat([question, question]))
    t.is((await stream.readToEnd()).toString('hex'), `06${UNKNOWN}`)
  })

  test('what is no question about a blessing ends the stream without an answer, and the daemon goes on', async (t, scene) => {
    for (const nonsense of [frame(message([2, 'x'])), Buffer.from('41', 'hex'), Buffer.from('ffffffff', 'hex'), frame(Buffer.alloc(0))]) {
      await endsInSilence(t, await status(scene, nonsense), nonsense.toString('hex'))
    }
    const half = await status(scene, frame(message([1, Buffer.alloc(16)])).subarray(0, 5))
    half.end()
    await endsInSilence(t, half)
    await until('an answer', async () => await statusOf(scene, '00'.repeat(16)) === UNKNOWN)
  })
}
