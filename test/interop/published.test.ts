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

async function passes (t: ExecutionContext, binary: string): Promise<void> {
  // Each test is there once for asyncio and once for trio; the daemon cannot tell them apart.
  const { stdout } = await run(interpreter, [
    '-m', 'pytest', '-q', '-p', 'published', '-p', 'no:cacheprovider', '-W', 'ignore::pytest.PytestUnknownMarkWarning',
    '-k', 'asyncio', ...PUBLISHED_TESTS.map(name => `${publishedTests}::${name}`)
  ], {
    cwd: dirname(publishedTests),
    env: { ...env, PATH: [dirname(binary), process.env['PATH']].join(delimiter) },
    deadlineMs: DEADLINE_MS
  })
  t.regex(stdout, new RegExp(`^${PUBLISHED_TESTS.length} passed`, 'm'), stdout)
}

test.serial('go-libp2p-daemon passes the published tests here', t => passes(t, programs.daemon))

test.serial('our daemon passes the published tests', t => passes(t, P2PD))
