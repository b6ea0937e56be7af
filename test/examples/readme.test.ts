/** The example's README does what it says: its commands are run as they stand, with directories of the test's own. */
import test from 'ava'
import { spawn } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { World } from '../integration/world.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const README = readFileSync(join(ROOT, 'examples/dht-plugin/README.md'), 'utf8')

/** What the operator has when the README begins: the tenants and policies that p2pd comes with. */
function shipped (directory: string, ending: RegExp): Record<string, string> {
  const names = readdirSync(join(ROOT, directory)).filter(name => ending.test(name))
  return Object.fromEntries(names.map(name => [name, readFileSync(join(ROOT, directory, name), 'utf8')]))
}

test('an operator blesses the store, tenants put and find through it, and unbless ends it', async t => {
  const manifests = Object.entries(shipped('tenants', /\.yaml$/)).map(([name, manifest]) => [name.replace('.yaml', ''), manifest.replace(/^name: .*$/m, '')])
  await using world = new World(Object.fromEntries(manifests) as Record<string, string>, shipped('policy', /\.(cedar|yaml)$/))
  await world.start()
  const p2pctl = `bin/p2pctl --state ${world.stateDir} --run ${world.runDir}`
  const section = /## Run it\n(.*?)\nFor good/s.exec(README)?.[1] ?? ''
  const commands = [...section.matchAll(/^ {4}(.*)$/gm)].map(([, command = '']) => command
    .replaceAll(/\bbin\/p2pctl/g, p2pctl)
    .replaceAll('/run/p2pd', world.runDir)
    .replace(/ policy\/$/, ` ${world.policyDir}/`)
    // What a person's typing takes longer than.
    .replace(/ &$/, ` &\nplugin=$!; trap 'kill $plugin; wait $plugin' EXIT; until ${p2pctl} services | grep -q /p2pd/plugin/dht; do sleep 0.1; done`))
  t.is(commands.filter(command => command.startsWith('ask ')).length, 5)
  const lastly = `${commands.find(command => command.startsWith('ask ') && command.includes(' get '))?.replace(/#.*/, '') ?? ''} || echo "ended: $?"`
  const shell = spawn('sh', ['-c', [...commands, lastly].join('\n')], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  // The whole group: the plugin would go on without its shell.
  const end = (): void => { try { process.kill(-(shell.pid ?? 0), 'SIGKILL') } catch {} }
  const late = setTimeout(end, 60_000)
  t.teardown(() => { clearTimeout(late); end() })
  const [out, err] = await Promise.all([text(shell.stdout), text(shell.stderr)])
  t.regex(out, /^hello$/m, err)
  t.regex(out, /^12D3KooW\w+ 0x[0-9a-f]+$/m, err)
  t.regex(out, /^p2pd\/plugin\/dht +\/p2pd\/plugin\/dht\/1\.0\.0 +store +\d+$/m)
  t.regex(err, /^this key is 12D3KooW\w+'s: use one under \/mine\/12D3KooW\w+\/$/m)
  t.regex(err, /no provider: nobody serves \/p2pd\/plugin\/dht\/1\.0\.0/)
  t.regex(out, /^ended: 1$/m)
})

test('every file that the README names is there, and every file is named', t => {
  const files = readdirSync(join(ROOT, 'examples/dht-plugin')).filter(name => name !== 'README.md')
  t.deepEqual(files.filter(name => !README.includes(`\`${name}\``)), [])
})
