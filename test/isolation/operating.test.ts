/**
 * docs/OPERATING.md does what it says: its commands are run as they stand, in their order, as root, on a machine that is a
 * mount namespace of its own; what they print is what the document shows (`...` stands for anything).
 */
import test from 'ava'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const BLOCK = /```(sh run|text)\n(.*?)```/gs

interface Step { readonly commands: string, readonly shown: string | undefined }

function stepsOf (document: string): Step[] {
  const steps: Step[] = []
  for (const [, kind, body = ''] of document.matchAll(BLOCK)) {
    const last = steps.at(-1)
    if (kind === 'sh run') steps.push({ commands: body, shown: undefined })
    else if (last !== undefined) steps[steps.length - 1] = { ...last, shown: body }
  }
  return steps
}

/** Nothing of this machine is written: its own /etc, and empty directories where p2pd and its log would be. */
const MACHINE = `
set -e
scratch=/run
mount -t tmpfs own /run
cp -a /etc "$scratch/etc"
mkdir -p "$scratch/opt/p2pd" "$scratch/empty"
mount --bind '${ROOT}' "$scratch/opt/p2pd"
mount --rbind "$scratch/opt" /opt
mount --bind "$scratch/etc" /etc
rm -rf /etc/p2pd
for directory in /run /var/lib /var/log /home /root /tmp; do mount -t tmpfs own "$directory"; done
chmod 1777 /tmp
export PATH=/opt/p2pd/bin:$PATH
cd /
`

/** Where a pattern's lines are found in the output, in their order; a line `...` is any number of lines. */
function matches (output: string, pattern: string): boolean {
  const escape = (line: string): string => line.split('...').map(part => part.trim().replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(/\s+/g, '\\s+')).join('[^\\n]*')
  const source = pattern.trimEnd().split('\n').map(line => line.trim() === '...' ? '(?:[^\\n]*\\n)*?' : `[^\\n]*${escape(line)}[^\\n]*\\n`).join('')
  return new RegExp(`^${source}`, 'm').test(`${output}\n`)
}

test('a machine with three apps, from install to audit', t => {
  const steps = stepsOf(readFileSync(`${ROOT}/docs/OPERATING.md`, 'utf8'))
  t.true(steps.length > 10)
  const script = `${MACHINE}\nset -m\n${steps.map(({ commands }, i) => `echo '=== ${i}'\n${commands}`).join('\n')}\necho '=== end'\n`
  const { stdout, stderr, status } = spawnSync('unshare', ['--mount', '--pid', '--fork', '--mount-proc', '--kill-child', 'bash', '-c', script], { encoding: 'utf8', timeout: 120_000 })
  t.is(status, 0, `${stdout}\n${stderr}`)
  const printed = stdout.split(/^=== .*\n/m).slice(1)
  t.is(printed.length, steps.length + 1)
  for (const [i, { commands, shown }] of steps.entries()) {
    if (shown !== undefined) t.true(matches(printed[i] ?? '', shown), `${commands}\nprinted\n${printed[i]}\nand the document shows\n${shown}`)
  }
})
