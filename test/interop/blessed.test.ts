/**
 * docs/BLESSED.md does what it says: its commands are run as they stand, in their order, as root with users of their own, on a
 * machine that is a mount, process and network namespace of its own; what they print is what the page shows.
 */
import test from 'ava'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Page, stepsOf } from './blessedPage.ts'
import { run } from './processes.ts'
import { goPrograms, ROOT } from './toolchain.ts'

/** It takes 15 s, most of it for starting sixty programs. */
const DEADLINE_MS = 3 * 60_000

/** What `p2pctl unbless` promises. */
const REVOKED_MS = 1_000

// So that the page's own build has all it needs in Go's caches: there is no network where it runs.
await goPrograms()

/**
 * Nothing of this machine is written: an /etc of its own, empty directories wherever the page puts something, no other ports.
 * It is put together under /run, which is then another one, too. What is printed to stderr is printed, as on a terminal.
 */
function machine ([modules = '', builds = '']: readonly string[]): string {
  return `
set -e
mount -t tmpfs own /run
cd /run
cp -a /etc etc
mkdir -p opt/p2pd opt/go/modules opt/go/builds
mount --bind '${ROOT}' opt/p2pd
mount --bind '${modules}' opt/go/modules
mount --bind '${builds}' opt/go/builds
mount --rbind opt /opt
mount --bind etc /etc
rm -rf /etc/p2pd
cd /
for directory in /run /var/lib /var/log /home /root /srv /tmp; do mount -t tmpfs own "$directory"; done
chmod 1777 /tmp
ip link set lo up
export PATH=/opt/p2pd/bin:$PATH GOMODCACHE=/opt/go/modules GOCACHE=/opt/go/builds GOPROXY=off GOFLAGS='-mod=readonly -trimpath -buildvcs=false'
exec 2>&1
`
}

const NOT_REFUSED = "echo 'and this was not refused'; exit 1"

interface AuditLine { readonly event: string, readonly tenant?: string, readonly actor?: string, readonly onBehalfOf?: string, readonly action?: string, readonly resource?: string, readonly peer?: string }

test('an app is blessed, serves in the daemon\'s name, proves it to another machine, and can no more once it is unblessed', async t => {
  if (process.geteuid?.() !== 0) throw new Error('this test needs root: the page is for operators, and its apps have users of their own')
  const steps = stepsOf(await readFile(join(ROOT, 'docs/BLESSED.md'), 'utf8'))
  t.true(steps.length > 20)
  const caches = (await run('go', ['env', 'GOMODCACHE', 'GOCACHE'], { deadlineMs: 60_000 })).stdout.trimEnd().split('\n')
  const blocks = steps.map(({ commands, isRefused }, i) => `echo '=== ${i}'\n${isRefused ? `if\n${commands}then ${NOT_REFUSED}; fi` : commands}`)
  const script = [machine(caches), ...blocks, "echo '=== audit'", 'cat /var/lib/p2pd/audit.jsonl'].join('\n')
  const { stdout } = await run('unshare', ['--mount', '--net', '--pid', '--fork', '--mount-proc', '--kill-child', 'bash', '-c', script], { deadlineMs: DEADLINE_MS })
  const printed = stdout.split(/^=== .*\n/m).slice(1)
  t.is(printed.length, steps.length + 1)

  const page = new Page()
  for (const [i, { commands, shown }] of steps.entries()) {
    if (shown !== undefined) t.true(page.matches(shown, printed[i] ?? ''), `${commands}\nprinted\n${printed[i]}\nand the page shows\n${shown}`)
  }
  const took = Number(/over after (\d+) ms/.exec(stdout)?.[1])
  t.log(`it was over after ${took} ms`)
  t.true(took < REVOKED_MS)

  // Who acted and for whom, by their names and not by what a table makes of them.
  const lines = (printed.at(-1) ?? '').trimEnd().split('\n').map(line => JSON.parse(line) as AuditLine)
  const inItsName = lines.filter(({ actor }) => actor !== undefined)
  t.true(inItsName.every(({ tenant, actor, onBehalfOf }) => tenant === 'daemon' && actor === 'indexer' && onBehalfOf === 'daemon'))
  for (const event of ['denied', 'handler', 'revoked']) t.true(inItsName.some(line => line.event === event), event)
  const kept = lines.filter(({ event }) => event === 'blessing').map(({ tenant, action }) => `${action} ${tenant}`)
  t.deepEqual(kept, ['give indexer', 'revoke indexer'])
})
