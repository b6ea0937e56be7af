/**
 * The integration tests the Python client was published with, unmodified, with our binary as the `p2pd` on PATH: their
 * authors' idea of a drop-in. They launch it with go-libp2p-daemon's flags, parse its stdout and end it with SIGTERM.
 */
import { delimiter, dirname } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { P2PD } from './daemons.ts'
import { run } from './processes.ts'
import { goPrograms, python } from './toolchain.ts'

const programs = await goPrograms()
const { interpreter, publishedTests, env } = await python()

/** Four daemons a test, started one after another. */
const DEADLINE_MS = 10 * 60_000

/** Those of identify, connections and streams. The connection manager's, the DHT's and pubsub's join when their flags work. */
const PUBLISHED_TESTS = [
  'test_client_identify_unix_socket',
  'test_client_identify',
  'test_client_connect_success',
  'test_client_connect_failure',
  'test_connect_safe',
  'test_client_list_peers',
  'test_client_disconnect',
  'test_client_stream_open_success',
  'test_client_stream_open_failure',
  'test_client_stream_handler_success',
  'test_client_stream_handler_failure'
]

/**
 * Asks one daemon in the same instant whether it has noticed that the other one hung up. On a busy machine every third run
 * of go-libp2p-daemon has not; ours has.
 */
const RACES_WITH_GO = 'test_client_disconnect'
const GO_ATTEMPTS = 10

async function pass (t: ExecutionContext, binary: string, tests: readonly string[]): Promise<void> {
  // Each test is there once for asyncio and once for trio; the daemon cannot tell them apart.
  const { stdout } = await run(interpreter, [
    '-m', 'pytest', '-q', '-p', 'published', '-p', 'no:cacheprovider', '-W', 'ignore::pytest.PytestUnknownMarkWarning',
    '-k', 'asyncio', ...tests.map(name => `${publishedTests}::${name}`)
  ], {
    cwd: dirname(publishedTests),
    env: { ...env, PATH: [dirname(binary), process.env['PATH']].join(delimiter) },
    deadlineMs: DEADLINE_MS
  })
  t.regex(stdout, new RegExp(`^${tests.length} passed`, 'm'), stdout)
}

test.serial('go-libp2p-daemon passes the published tests here', async t => {
  await pass(t, programs.daemon, PUBLISHED_TESTS.filter(name => name !== RACES_WITH_GO))
  for (let attempt = 1; ; attempt++) {
    try {
      return await pass(t, programs.daemon, [RACES_WITH_GO])
    } catch (error) {
      if (attempt === GO_ATTEMPTS) throw error
      t.log(`${RACES_WITH_GO}: attempt ${attempt} lost the race`)
    }
  }
})

test.serial('our daemon passes the published tests', t => pass(t, P2PD, PUBLISHED_TESTS))
