/**
 * Our own TypeScript client against go-libp2p-daemon. The tests are the client's, test/client/go.test.ts, and skip themselves
 * where there is no Go daemon; here there is one, so here they have to run.
 */
import { join } from 'node:path'
import test from 'ava'
import { run } from './processes.ts'
import { goPrograms, ROOT } from './toolchain.ts'

const { daemon } = await goPrograms()

test('our TypeScript client works with go-libp2p-daemon', async t => {
  const { stdout } = await run(process.execPath, [
    join(ROOT, 'node_modules/ava/entrypoints/cli.mjs'), '--tap', 'test/client/go.test.ts'
  ], { cwd: ROOT, env: { P2PD_GO_DAEMON: daemon }, deadlineMs: 5 * 60_000 })
  t.regex(stdout, /^# pass [1-9]/m, stdout)
  t.notRegex(stdout, /# SKIP|# TODO|^# skip/m, stdout)
})
