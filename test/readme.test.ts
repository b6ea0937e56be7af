/** The README's first screen does what it says: its commands are run as they stand, with directories of the test's own. */
import test from 'ava'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const README = readFileSync(join(ROOT, 'README.md'), 'utf8')
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> }

test('npm start serves the shipped tenants, and the demo sends a line from one to another', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'p2pd-'))
  const own = `--state ${directory}/state --run ${directory}/run`
  t.true(README.includes('npm ci && npm start'))
  const daemon = spawn('sh', ['-c', `exec ${scripts['start']} ${own}`], { cwd: ROOT, stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    let output = ''
    for await (const chunk of daemon.stdout as AsyncIterable<Buffer>) {
      output += chunk.toString()
      if (output.includes('"ready"')) break
    }
    for (const tenant of ['chat', 'indexer', 'sensor']) t.true(output.includes(`"name":"${tenant}"`), output)
    const demo = /```sh demo\n(.*?)```/s.exec(README)?.[1]?.replaceAll('bin/p2pctl ', `bin/p2pctl ${own} `) ?? ''
    t.regex(demo, /dial chat indexer/)
    const shell = spawn('sh', ['-c', demo], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'], timeout: 30_000 })
    t.is(await text(shell.stdout), 'hello from chat\n')
  } finally {
    daemon.kill('SIGTERM')
    if (daemon.exitCode === null) await once(daemon, 'exit')
    rmSync(directory, { recursive: true, force: true })
  }
})

test('every document that the README names is there', t => {
  const links = [...README.matchAll(/\]\(([^)#]+)\)/g)].map(([, link = '']) => link).filter(link => !link.includes('://'))
  t.true(links.length > 5)
  for (const link of links) t.notThrows(() => readFileSync(join(ROOT, link)), link)
})
