/** Handlers that wait, with real daemons: bursts, hosts that are killed, and what a waiting program keeps alive. */
import test from 'ava'
import { createHash, randomBytes, randomInt } from 'node:crypto'
import { buffer, text } from 'node:stream/consumers'
import { P2pdClient, type PeerStream } from '../../src/client/index.ts'
import { World, eventually } from '../integration/world.ts'

const ROOMY = `
host: { listen: [/ip4/127.0.0.1/tcp/0] }
limits: { streams: 4096, controlConnections: 4096, requestsPerSecond: 100000, dialsPerSecond: 100000, streamsPerSecond: 100000 }
`
const PROTOCOL = '/hash/1'
const NAME_BYTES = 16
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Takes in what comes and answers its hash; how often each stream came, by the random bytes it begins with. */
class Hasher {
  readonly seen = new Map<string, number>()

  readonly listener = async ({ stream }: PeerStream): Promise<void> => {
    const bytes = await buffer(stream)
    const name = bytes.toString('hex', 0, NAME_BYTES)
    if (bytes.length < NAME_BYTES) return // cut off before it said which it is
    this.seen.set(name, (this.seen.get(name) ?? 0) + 1)
    stream.end(sha256(bytes))
  }
}

class Pair implements AsyncDisposable {
  readonly world = new World({ a: ROOMY, b: ROOMY })
  readonly a = new P2pdClient({ path: this.world.socketOf('a') })
  readonly b = new P2pdClient({ path: this.world.socketOf('b') })
  #peerB = ''

  async connect (): Promise<void> {
    const { peerId, addresses } = await this.b.identify()
    this.#peerB = peerId
    await this.a.connect(peerId, addresses)
  }

  /** A stream of random bytes from a to b, which answers their hash. Its name, and whether the answer was right. */
  async send (): Promise<{ name: string, isRight: boolean }> {
    const bytes = randomBytes(NAME_BYTES + randomInt(32 * 1024))
    const name = bytes.toString('hex', 0, NAME_BYTES)
    try {
      const { stream } = await this.a.openStream(this.#peerB, PROTOCOL)
      stream.end(bytes)
      return { name, isRight: await text(stream) === sha256(bytes) }
    } catch {
      return { name, isRight: false }
    }
  }

  async [Symbol.asyncDispose] (): Promise<void> {
    await Promise.all([this.a.close(), this.b.close()])
    await this.world[Symbol.asyncDispose]()
  }
}

async function pair (): Promise<Pair> {
  const made = new Pair()
  try {
    await made.world.start()
    await made.connect()
    return made
  } catch (error) {
    await made[Symbol.asyncDispose]()
    throw error
  }
}

test('two thousand short streams, two hundred at once, come to a program that waits, each once and whole', async t => {
  await using hosts = await pair()
  const hasher = new Hasher()
  const errors: unknown[] = []
  await using _ = await hosts.b.handle(PROTOCOL, hasher.listener, { onError: error => { errors.push(error) } })
  for (let burst = 0; burst < 10; burst++) {
    const sent = await Promise.all(Array.from({ length: 200 }, async () => await hosts.send()))
    t.true(sent.every(({ isRight }) => isRight), hosts.world.log)
  }
  t.is(hasher.seen.size, 2_000)
  t.true([...hasher.seen.values()].every(times => times === 1))
  t.deepEqual(errors, [])
  await eventually('streams', () => hosts.world.tenants(), tenants => tenants.every(({ figures }) => figures?.streams === 0))
})

test('a host that is killed again and again loses the streams it had, and no other; none comes twice, and its program waits again by itself', async t => {
  await using hosts = await pair()
  const hasher = new Hasher()
  const errors: unknown[] = []
  await using _ = await hosts.b.handle(PROTOCOL, hasher.listener, { onError: error => { errors.push(error) } })
  const answered = new Set<string>()
  const enough = new AbortController()
  const keepSending = async (): Promise<void> => {
    while (!enough.signal.aborted) {
      const { name, isRight } = await hosts.send()
      if (isRight) answered.add(name)
      else await hosts.connect().catch(() => {}) // it is gone, or back at another port
    }
  }
  const sending = Promise.all(Array.from({ length: 20 }, keepSending))
  for (let kill = 0; kill < 4; kill++) {
    const before = answered.size
    await eventually('streams that come', () => answered.size, size => size > before + 50, 60_000)
    if (kill === 3) break
    process.kill((await hosts.world.tenant('b')).pid ?? 0, 'SIGKILL')
    await hosts.world.admin('POST', '/v1/tenants/b/restart') // no back-off
  }
  enough.abort()
  await sending
  t.true([...answered].every(name => hasher.seen.get(name) === 1))
  t.true([...hasher.seen.values()].every(times => times === 1))
  t.true((await hosts.send()).isRight)
  t.deepEqual(errors, [])
})

test('a host stays for a program that waits, and goes when that has gone', async t => {
  await using world = new World({ a: 'host: { listen: [/ip4/127.0.0.1/tcp/0], idleStop: 300ms }\n' })
  await world.start()
  await using client = new P2pdClient({ path: world.socketOf('a') })
  await client.handle('/x/1', () => {})
  const { pid } = await world.tenant('a')
  await new Promise(resolve => { setTimeout(resolve, 1_000) }) // for what must not happen
  t.like(await world.tenant('a'), { state: 'running', pid })
  t.is((await world.tenant('a')).figures?.handlers, 1)
  await client.close()
  await eventually('state', () => world.tenant('a'), ({ state }) => state === 'stopped')
  t.is((await world.tenant('a')).crashes, 0)
})
