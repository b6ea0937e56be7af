/** Who is given which end of a pair of sockets, with tenants that only say whether they run. */
import test from 'ava'
import type { ToHost } from '../../src/link.ts'
import { P2pdError } from '../../src/errors.ts'
import { Introductions, type Asker, type Introduced } from '../../src/supervisor/introductions.ts'

/** What a process was told, descriptors among it. */
function recorder (): Asker & { readonly told: ToHost[] } {
  const told: ToHost[] = []
  return { told, send: message => { told.push(message) }, give: (_, announce) => { told.push(announce(told.length)); return true } }
}

interface Party extends Introduced { readonly told: ToHost[] }

function party (name: string, more: Partial<Introduced> & { readonly running?: () => Promise<void> } = {}): Party {
  const { told, give } = recorder()
  const { running = async () => {}, ...rest } = more
  return { name, peerId: `peer of ${name}`, tenant: { running, give }, isLocal: true, isDaemon: false, told, ...rest }
}

function among (parties: Introduced[]): Introductions {
  return new Introductions(peerId => parties.find(each => each.peerId === peerId))
}

test('each end is told who has the other', async t => {
  const [a, b, asker] = [party('a'), party('b'), recorder()]
  await among([a, b]).introduce(a, asker, 7, 'peer of b')
  t.deepEqual(asker.told, [{ kind: 'reached', id: 7, descriptor: 0, tenant: 'b', peerId: 'peer of b' }])
  t.deepEqual(b.told, [{ kind: 'visited', descriptor: 0, tenant: 'a', peerId: 'peer of a' }])
})

test('the answer goes to the process that asked, whichever its tenant has by then', async t => {
  const start = Promise.withResolvers<void>()
  const [a, b, daemon] = [party('a'), party('b'), party('daemon', { isDaemon: true, running: async () => { await start.promise } })]
  const [before, after] = [recorder(), recorder()]
  const introductions = among([a, b, daemon])
  const pending = introductions.introduce(a, before, 0, 'peer of daemon')
  await introductions.introduce(a, after, 0, 'peer of b')
  start.resolve()
  await pending
  t.deepEqual(after.told, [{ kind: 'reached', id: 0, descriptor: 0, tenant: 'b', peerId: 'peer of b' }])
  t.deepEqual(before.told, [{ kind: 'reached', id: 0, descriptor: 0, tenant: 'daemon', peerId: 'peer of daemon' }])
  t.deepEqual(a.told, [], 'nothing goes by the tenant')
})

for (const [what, name, change] of [
  ['the one that asked has another key', 'a', { peerId: 'a new key' }],
  ['the one asked for has another key', 'b', { peerId: 'a new key' }],
  ['the one that asked was declared anew', 'a', { tenant: party('a').tenant }],
  ['the one asked for was declared anew', 'b', { tenant: party('b').tenant }],
  ['the one that asked is gone', 'a', undefined],
  ['the one asked for is gone', 'b', undefined]
] as const) {
  test(`nobody is connected when, after a wait, ${what}`, async t => {
    const start = Promise.withResolvers<void>()
    const [a, b, asker] = [party('a'), party('b', { running: async () => { await start.promise } }), recorder()]
    const parties: Introduced[] = [a, b]
    const pending = among(parties).introduce(a, asker, 0, 'peer of b')
    const at = parties.findIndex(each => each.name === name)
    parties.splice(at, 1, ...change === undefined ? [] : [{ ...name === 'a' ? a : b, ...change }])
    start.resolve()
    await pending
    t.like(asker.told, { length: 1, 0: { kind: 'notReached', code: 'ERR_UNAVAILABLE', reason: 'one of the two has become another meanwhile: ask again' } })
    t.deepEqual([a.told, b.told], [[], []])
  })
}

test('what a neighbour\'s host says of its end is not for others; what the daemon\'s says is', async t => {
  const running = async (): Promise<void> => { throw new P2pdError('ERR_UNAVAILABLE', 'the host does not run: its own words') }
  const a = party('a')
  for (const [isDaemon, reason] of [[false, 'its host does not run now: a program of its own starts it, or `start: always` in its manifest'], [true, 'the host does not run: its own words']] as const) {
    const asker = recorder()
    await among([a, party('b', { isDaemon, running })]).introduce(a, asker, 0, 'peer of b')
    t.deepEqual(asker.told, [{ kind: 'notReached', id: 0, code: 'ERR_UNAVAILABLE', reason }])
  }
})

test('every tenant reaches the daemon; the daemon reaches those whose manifest lets neighbours in', async t => {
  for (const [isLocal, toDaemon, fromDaemon] of [[true, 'reached', 'reached'], [false, 'reached', 'notReached']] as const) {
    const [a, daemon] = [party('a', { isLocal }), party('daemon', { isDaemon: true })]
    const introductions = among([a, daemon])
    const [one, other] = [recorder(), recorder()]
    await introductions.introduce(a, one, 0, 'peer of daemon')
    await introductions.introduce(daemon, other, 0, 'peer of a')
    t.deepEqual([one.told[0]?.kind, other.told[0]?.kind], [toDaemon, fromDaemon])
  }
})
