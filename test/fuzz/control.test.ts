/**
 * A tenant's control socket under random and damaged frames.
 *
 * P2PD_FUZZ_FRAMES sets how many (200,000), P2PD_FUZZ_SEED repeats a run, and P2PD_FUZZ_CASE with it a single connection.
 *
 * Memory is what the kernel says is resident (VmRSS) of the host's process. A tenth of the frames warms it up: code is
 * compiled, tables and buffers get their sizes, the tenant's handlers are registered up to their limit. What it has then is
 * compared with the end, when it has been quiet for a while: 200 bytes lost with each frame would show. Descriptors and the
 * daemon's own figures have to be exactly what they were.
 */
import { randomInt } from 'node:crypto'
import test from 'ava'
import { until, within } from '../helpers/deadlines.ts'
import { descriptorsOf, memoryOf } from '../helpers/memory.ts'
import { RawConnection } from '../helpers/rawConnection.ts'
import { identify } from '../helpers/requests.ts'
import { World } from '../helpers/world.ts'
import { fuzz } from './fuzzer.ts'

const { P2PD_FUZZ_SEED, P2PD_FUZZ_FRAMES, P2PD_FUZZ_CASE } = process.env
const SEED = P2PD_FUZZ_SEED === undefined ? randomInt(2 ** 32) : Number(P2PD_FUZZ_SEED)
const ONLY = P2PD_FUZZ_CASE === undefined ? undefined : Number(P2PD_FUZZ_CASE)
const FRAMES = ONLY === undefined ? Number(P2PD_FUZZ_FRAMES ?? 200_000) : 1

const PROBE_EACH_FRAMES = 500
const PROBE_DEADLINE_MS = 1_000
const MIB = 1024 * 1024
/** Between two looks at a heap that is collected when it likes. */
const MEMORY_SLACK_BYTES = 32 * MIB

test(`a host answers whatever is sent to it, and goes on (seed ${SEED})`, async t => {
  t.timeout(10 * 60_000)
  await using world = await World.create()
  // What a host does when it is asked too often is another test's; here it is to look at every frame.
  const unlimited = { requestsPerSecond: 1_000_000, streamsPerSecond: 1_000_000, dialsPerSecond: 1_000_000 }
  const daemon = await world.tenants({ fuzzed: { limits: unlimited } }, { P2PD_LOG: 'error' })
  const control = daemon.control('fuzzed')
  using steady = await RawConnection.to(control)
  await steady.ask(identify())
  const { pid } = await daemon.status('fuzzed')
  if (pid === undefined) throw new Error('the host does not run')
  const descriptors = descriptorsOf(pid)

  let [probed, slowest] = [0, 0]
  const probe = async (): Promise<void> => {
    const start = performance.now()
    using fresh = await RawConnection.to(control)
    await Promise.all([steady.ask(identify(), PROBE_DEADLINE_MS), fresh.ask(identify(), PROBE_DEADLINE_MS)])
    slowest = Math.max(slowest, performance.now() - start)
  }
  let warmBytes: number | undefined
  const start = performance.now()
  const sent = await fuzz({
    control,
    seed: SEED,
    frames: FRAMES,
    ...ONLY !== undefined && { first: ONLY },
    onProgress: async frames => {
      if (frames >= FRAMES / 10) warmBytes ??= memoryOf(pid).residentBytes
      if (frames < probed + PROBE_EACH_FRAMES) return
      probed = frames
      await within('IDENTIFY on two other connections', probe(), PROBE_DEADLINE_MS)
    }
  })
  const seconds = (performance.now() - start) / 1000

  await probe()
  const { pid: pidAfter, crashes } = await daemon.status('fuzzed')
  t.is(pidAfter, pid)
  t.is(crashes, 0)
  // Those that left without waiting are served to their end.
  await until('the descriptors of before', () => descriptorsOf(pid) <= descriptors)
  const { figures } = await daemon.status('fuzzed')
  t.like(figures, { streams: 0, connections: 0, controlConnections: 1 })
  const limit = (warmBytes ?? Infinity) + MEMORY_SLACK_BYTES
  await until('the memory of before', () => memoryOf(pid).residentBytes <= limit, 15_000).catch(() => {})
  const { residentBytes } = memoryOf(pid)
  t.true(residentBytes <= limit, `${Math.round((residentBytes - limit) / MIB)} MiB over`)
  t.is(daemon.child.stderr, '', 'errors in the log')
  t.log(`${sent.frames} frames on ${sent.cases} connections in ${seconds.toFixed(1)} s; IDENTIFY took at most ${Math.round(slowest)} ms; ${Math.round((warmBytes ?? 0) / MIB)} MiB resident when warm, ${Math.round(residentBytes / MIB)} at the end`)
})
