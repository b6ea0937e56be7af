/** A change of policy under load: what it denies ends at once, what it allows notices nothing. */
import test from 'ava'
import { join } from 'node:path'
import { until } from '../../helpers/deadlines.ts'
import { connect, streamHandler, streamOpen } from '../../helpers/requests.ts'
import { unix } from '../../helpers/addresses.ts'
import type { Exchanged } from '../children/orders.ts'
import { ALLOW_ALL, World, type Answer, type Program } from '../world.ts'
import { whoIs } from './scene.ts'

const [TALKER, TAKER] = [41001, 41002]
const STREAMS = 6
const KINDS = ['keep', 'drop-open', 'drop-accept'] as const
/** As long as it takes, at a rate that leaves the machine idle. */
const LONG = [Number.MAX_SAFE_INTEGER, 100, 'long'] as const
/** From the moment the new policy decides, which the answer to the reload says. */
const REVOKED_WITHIN_MS = 1000

/** A stream can be denied to the one who opens it and to the one it comes to; a handler, to the one who registered it. */
const DENY = `${ALLOW_ALL}
@id("no-open")
forbid (principal == Tenant::"talker", action == Action::"openStream", resource in ProtocolFamily::"/drop-open/");
@id("no-accept")
forbid (principal == Tenant::"taker", action == Action::"acceptStream", resource in ProtocolFamily::"/drop-accept/");
@id("no-handle")
forbid (principal == Tenant::"taker", action == Action::"handleStream", resource in ProtocolFamily::"/drop-handle/");
`

type Stream = Exchanged & { readonly opened: Answer, readonly kind: typeof KINDS[number] }

/** Where a test fails before it has waited for them all, that failure is the one to be seen. */
function begun (streams: Array<Promise<Stream>>): Array<Promise<Stream>> {
  for (const stream of streams) stream.catch(() => {})
  return streams
}

interface Scene { readonly world: World, readonly talker: Program, readonly handle: () => Promise<Answer>, readonly open: (kind: typeof KINDS[number], bytes?: number, pauseMs?: number, id?: string) => Promise<Stream> }

async function scene (): Promise<Scene> {
  const world = await World.start({ tenants: { talker: { uid: TALKER }, taker: { uid: TAKER } } })
  const [talker, taker] = await Promise.all([world.program(TALKER), world.program(TAKER)])
  const { id, addrs } = await whoIs(taker, world.socketOf('taker'))
  const path = join(world.homeOf(TAKER), 'h')
  await taker.listen('h', path, 0o755)
  const handle = async (): Promise<Answer> => await taker.askOne(world.socketOf('taker'), streamHandler(unix(path), '/drop-handle/1'))
  const answers = [await handle(), await taker.askOne(world.socketOf('taker'), streamHandler(unix(path), KINDS.map(kind => `/${kind}/1`)))]
  const connected = await talker.askOne(world.socketOf('talker'), connect(id, addrs))
  for (const { error } of [...answers, connected]) if (error !== '') throw new Error(error)
  return {
    world,
    talker,
    handle,
    open: async (kind, bytes = 1000, pauseMs = 0, name?: string) => ({ ...await talker.exchange(world.socketOf('talker'), streamOpen(id, `/${kind}/1`), bytes, pauseMs, name), kind })
  }
}

function isWhole ({ sent, text, end }: Stream): boolean {
  return end === 'end' && sent !== undefined && text === JSON.stringify(sent)
}

/** How many revocations the log tells of, those included that have no line of their own. */
function revocations (world: World, tenant: string, action: string): number {
  return world.audit().filter(line => line.event === 'revoked' && line.tenant === tenant && line.action === action).reduce((sum, { dropped = 1 }) => sum + dropped, 0)
}

test.serial('threat 34: a reload under load ends within a second all that the new policy denies, each with its audit line; the rest goes on, byte for byte', async t => {
  const { world, talker, handle, open } = await scene()
  await using _world = world
  const long = begun(KINDS.flatMap(kind => Array.from({ length: STREAMS }, async () => await open(kind, ...LONG))))
  await until('all streams to be open', async () => (await world.tenant('taker')).figures?.streams === long.length)
  // Short ones come and go meanwhile, so that some are asked for at the very moment of the change.
  const over = new AbortController()
  const short: Array<Stream & { begunAt: number }> = []
  const churn = KINDS.map(async kind => {
    while (!over.signal.aborted) {
      const begunAt = Date.now()
      short.push({ ...await open(kind), begunAt })
    }
  })
  await until('streams to come and go', () => short.length > 15)
  t.true(short.every(isWhole), 'all is allowed at first')

  world.writePolicy('all.cedar', DENY)
  const askedAt = Date.now()
  await world.reload()
  const reloadedAt = Date.now()
  t.log(`reloaded in ${reloadedAt - askedAt} ms`)
  await until('streams to come and go after the change', () => short.filter(({ begunAt }) => begunAt > reloadedAt).length > 30)
  over.abort()
  await Promise.all(churn)
  await talker.finish('long')

  for (const stream of await Promise.all(long)) {
    if (stream.kind === 'keep') {
      t.true(isWhole(stream))
      t.true(stream.endedAt > reloadedAt, 'it was open through the change')
    } else {
      t.false(isWhole(stream))
      t.true(stream.endedAt - reloadedAt <= REVOKED_WITHIN_MS, `${stream.kind}: ${stream.endedAt - reloadedAt} ms`)
    }
  }
  for (const stream of short) {
    if (stream.kind === 'keep') t.true(isWhole(stream))
    else if (stream.begunAt > reloadedAt) t.false(isWhole(stream), `${stream.kind} after the change`)
    if (stream.kind === 'drop-open' && stream.begunAt > reloadedAt) t.regex(stream.opened.error, /openStream denied on Protocol \/drop-open\/1/)
  }
  t.is((await world.tenant('taker')).figures?.handlers, KINDS.length, 'the handler it denies is gone')
  t.regex((await handle()).error, /handleStream denied on Protocol \/drop-handle\/1/)
  await world.audited('the reload', ({ event, action }) => event === 'reload' && action === 'apply')
  // At least those that were long: a short one may have been open, too.
  await until('an audit line for each', () => revocations(world, 'talker', 'openStream') >= STREAMS && revocations(world, 'taker', 'acceptStream') >= STREAMS && revocations(world, 'taker', 'handleStream') === 1)
  for (const { policy = '' } of world.audit().filter(({ event }) => event === 'revoked')) t.regex(policy, /^no-(open|accept|handle)$/)
})

test.serial('threat 34: a policy that does not load changes nothing under load: it is refused, the old one decides, and no stream notices', async t => {
  const { world, talker, open } = await scene()
  await using _world = world
  const long = begun(KINDS.flatMap(kind => Array.from({ length: 2 }, async () => await open(kind, ...LONG))))
  await until('all streams to be open', async () => (await world.tenant('taker')).figures?.streams === long.length)
  for (const broken of ['permit (principal, action', `${DENY}forbid (principal, action == Action::"noSuchAction", resource);`, `${DENY}forbid (principal, action, resource) when { context.noSuchThing };`]) {
    world.writePolicy('all.cedar', broken)
    await t.throwsAsync(world.reload(), { message: /all\.cedar/ })
  }
  await world.audited('a reload that was refused', ({ event, action }) => event === 'reload' && action === 'refuse')
  await talker.finish('long')
  for (const stream of await Promise.all(long)) t.true(isWhole(stream))
  t.true(isWhole(await open('drop-open')))
  t.deepEqual(world.audit().filter(({ event }) => event === 'revoked'), [])
})

test.serial('threat 34: between an old policy and a new one, changed to and fro, no request is judged by neither: what a reload has denied is denied until the next one', async t => {
  const { world, open } = await scene()
  await using _world = world
  for (let round = 0; round < 5; round++) {
    world.writePolicy('all.cedar', DENY)
    await world.reload()
    t.deepEqual((await Promise.all(KINDS.map(async kind => await open(kind)))).map(isWhole), [true, false, false])
    world.writePolicy('all.cedar', ALLOW_ALL)
    await world.reload()
    t.deepEqual((await Promise.all(KINDS.map(async kind => await open(kind)))).map(isWhole), [true, true, true])
  }
})
