/**
 * A tenant's control socket under random and damaged frames, some of them in the daemon's name, for which the tenant is blessed.
 *
 * P2PD_FUZZ_FRAMES sets how many (200,000), P2PD_FUZZ_SEED repeats a run, and P2PD_FUZZ_CASE with it a single connection.
 *
 * Memory is what the kernel says is resident (VmRSS) of a host's process, the tenant's and the daemon's. A tenth of the frames warms it up: code is
 * compiled, tables and buffers get their sizes, the tenant's handlers are registered up to their limit. What it has then is
 * compared with the end, when it has been quiet for a while: 200 bytes lost with each frame would show. Descriptors and the
 * daemon's own figures have to be exactly what they were.
 */
import { randomInt } from 'node:crypto'
import test from 'ava'
import { generateKeyPairFromSeed, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { DAEMON_ACTIONS } from '../../src/blessing/scope.ts'
import { AdminClient } from '../../src/cli/adminClient.ts'
import { onBehalfOf } from '../contract/daemonScene.ts'
import { until, within } from '../helpers/deadlines.ts'
import { descriptorsOf, memoryOf } from '../helpers/memory.ts'
import { RawConnection } from '../helpers/rawConnection.ts'
import { disconnect, identify } from '../helpers/requests.ts'
import { World } from '../helpers/world.ts'
import { fuzz } from './fuzzer.ts'
import { DAEMON, DAEMON_SEED } from './values.ts'

const { P2PD_FUZZ_SEED, P2PD_FUZZ_FRAMES, P2PD_FUZZ_CASE } = process.env
const SEED = P2PD_FUZZ_SEED === undefined ? randomInt(2 ** 32) : Number(P2PD_FUZZ_SEED)
const ONLY = P2PD_FUZZ_CASE === undefined ? undefined : Number(P2PD_FUZZ_CASE)
const FRAMES = ONLY === undefined ? Number(P2PD_FUZZ_FRAMES ?? 200_000) : 1

const PROBE_EACH_FRAMES = 500
const PROBE_DEADLINE_MS = 1_000
const MIB = 1024 * 1024
/** Between two looks at a heap that is collected when it likes. */
const MEMORY_SLACK_BYTES = 32 * MIB

/** A host's process, and what it had before. */
interface Host { readonly name: string, readonly pid: number, readonly descriptors: number, warmBytes?: number }

type Row = Awaited<ReturnType<AdminClient['status']>>['tenants'][number]

test(`a host answers whatever is sent to it, and goes on (seed ${SEED})`, async t => {
  t.timeout(10 * 60_000)
  await using world = await World.create()
  // What a host does when it is asked too often is another test's; here it is to look at every frame.
  const unlimited = { requestsPerSecond: 1_000_000, streamsPerSecond: 1_000_000, dialsPerSecond: 1_000_000 }
  const daemon = await world.tenants({ daemon: { limits: unlimited }, fuzzed: { limits: unlimited } }, { P2PD_LOG: 'error' })
  const operator = new AdminClient('path' in daemon.admin ? daemon.admin.path : '')
  await operator.import('daemon', privateKeyToProtobuf(await generateKeyPairFromSeed('Ed25519', Buffer.alloc(32, DAEMON_SEED))), { replace: true })
  await operator.bless('fuzzed', { actions: [...DAEMON_ACTIONS], resources: ['*'], seconds: 3_600 })
  const rows = async (): Promise<Array<Omit<Row, 'isolation'>>> => {
    const { tenants, daemon: own } = await operator.status()
    return own === undefined ? tenants.slice() : [...tenants, own]
  }

  const control = daemon.control('fuzzed')
  using steady = await RawConnection.to(control)
  await steady.ask(identify())
  // Starts the daemon's host, too.
  t.deepEqual(Buffer.from((await steady.ask(onBehalfOf(DAEMON, identify()))).identify?.id ?? []), DAEMON)
  const hosts = (await rows()).map(({ name, pid }): Host => {
    if (pid === undefined) throw new Error(`the host of ${name} does not run`)
    return { name, pid, descriptors: descriptorsOf(pid) }
  })
  t.deepEqual(hosts.map(({ name }) => name), ['fuzzed', 'daemon'])

  let [probed, slowest] = [0, 0]
  const probe = async (): Promise<void> => {
    const start = performance.now()
    using fresh = await RawConnection.to(control)
    await Promise.all([steady.ask(identify(), PROBE_DEADLINE_MS), fresh.ask(identify(), PROBE_DEADLINE_MS)])
    slowest = Math.max(slowest, performance.now() - start)
  }
  const start = performance.now()
  const sent = await fuzz({
    control,
    seed: SEED,
    frames: FRAMES,
    ...ONLY !== undefined && { first: ONLY },
    onProgress: async frames => {
      if (frames >= FRAMES / 10) for (const host of hosts) host.warmBytes ??= memoryOf(host.pid).residentBytes
      if (frames < probed + PROBE_EACH_FRAMES) return
      probed = frames
      await within('IDENTIFY on two other connections', probe(), PROBE_DEADLINE_MS)
    }
  })
  const seconds = (performance.now() - start) / 1000

  await probe()
  // Hosts that were disconnected while both were asked for much may have met twice. Now they meet once, as before.
  await steady.ask(disconnect(DAEMON))
  await steady.ask(onBehalfOf(DAEMON, identify()))
  t.deepEqual((await rows()).map(({ name, pid, crashes }) => ({ name, pid, crashes })), hosts.map(({ name, pid }) => ({ name, pid, crashes: 0 })))
  const memory: string[] = []
  for (const { name, pid, descriptors, warmBytes = Infinity } of hosts) {
    // Those that left without waiting are served to their end.
    await until(`the descriptors of before in the host of ${name}`, () => descriptorsOf(pid) <= descriptors)
    const { figures } = (await rows()).find(row => row.name === name) ?? {}
    t.like(figures, { streams: 0, connections: 1, controlConnections: name === 'fuzzed' ? 1 : 0 }, name)
    const limit = warmBytes + MEMORY_SLACK_BYTES
    await until('the memory of before', () => memoryOf(pid).residentBytes <= limit, 15_000).catch(() => {})
    const { residentBytes } = memoryOf(pid)
    t.true(residentBytes <= limit, `${name}: ${Math.round((residentBytes - limit) / MIB)} MiB over`)
    memory.push(`${name} ${Math.round(warmBytes / MIB)} MiB resident when warm, ${Math.round(residentBytes / MIB)} at the end`)
  }
  t.is(daemon.child.stderr, '', 'errors in the log')
  t.log(`${sent.frames} frames on ${sent.cases} connections in ${seconds.toFixed(1)} s; IDENTIFY took at most ${Math.round(slowest)} ms; ${memory.join('; ')}`)
})
