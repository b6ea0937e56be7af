/** STREAM_ACCEPT and policy: who may wait, and what becomes of those that wait when that changes. */
import test from 'ava'
import { text } from 'node:stream/consumers'
import { P2pdClient } from '../../src/client/index.ts'
import { World, eventually } from '../integration/world.ts'

const MANIFEST = 'host: { listen: [/ip4/127.0.0.1/tcp/0] }\n'
const ALL = 'permit (principal, action, resource);'

test('a program that waits for what a new policy denies is told within a second, and what else it waits for comes to it, to the last stream', async t => {
  await using world = new World({ a: MANIFEST, b: MANIFEST }, { 'all.cedar': ALL })
  await world.start()
  await using a = new P2pdClient({ path: world.socketOf('a') })
  await using b = new P2pdClient({ path: world.socketOf('b') })
  const { peerId, addresses } = await b.identify()
  await a.connect(peerId, addresses)
  const errors: string[] = []
  await using _ = await b.handle(['/doomed/1', '/spared/1'], ({ stream, protocol }) => { stream.end(protocol) }, {
    onError: error => { errors.push(error instanceof Error ? error.message : String(error)) }
  })
  const opens = async (protocol: string): Promise<string> => {
    const { stream } = await a.openStream(peerId, protocol)
    stream.end()
    return await text(stream)
  }
  t.is(await opens('/doomed/1'), '/doomed/1')

  const over = new AbortController()
  const spared = (async () => {
    const answers: string[] = []
    while (!over.signal.aborted) answers.push(await opens('/spared/1').catch(String))
    return answers
  })()
  world.decree('forbid.cedar', '@id("no-doomed") forbid (principal == Tenant::"b", action == Action::"handleStream", resource == Protocol::"/doomed/1");')
  await world.reload()
  const since = performance.now()
  await eventually('the report', () => errors, ({ length }) => length > 0)
  t.true(performance.now() - since < 1_000, 'within a second')
  t.deepEqual(errors, ['handleStream denied on Protocol /doomed/1'])
  await t.throwsAsync(opens('/doomed/1'), { message: /speaks none of/ })
  over.abort()
  const answers = await spared
  t.true(answers.length > 0)
  t.true(answers.every(answer => answer === '/spared/1'), answers.join(' '))
  t.is(await opens('/spared/1'), '/spared/1')
  const revoked = world.audit().filter(({ event }) => event === 'revoked')
  t.true(revoked.length > 0)
  t.true(revoked.every(({ tenant, action, resource, policy }) => tenant === 'b' && action === 'handleStream' && resource === 'Protocol /doomed/1' && policy === 'no-doomed'))

  world.decree('forbid.cedar', ALL)
  await world.reload()
  await eventually('what is allowed again', async () => await opens('/doomed/1').catch(() => ''), answer => answer === '/doomed/1')
})
