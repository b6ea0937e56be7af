import { existsSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import type { NewManifest } from '../../src/config/formatManifest.ts'
import { formatManifest } from '../../src/config/formatManifest.ts'
import { loadTenants } from '../../src/config/loadTenants.ts'
import { removeManifest, writeManifest } from '../../src/config/writeManifest.ts'
import { faultsOf, makeDir } from './world.ts'

const OPTIONS = { runDir: '/run/p2pd', uid: 0 }

test('a new manifest shows every choice, and what was not chosen as a comment', t => {
  t.is(formatManifest({ name: 'chat', user: 'alice', groups: ['messaging', 'b'] }), `# A tenant of p2pd. After a change: p2pctl reload
name: chat

# Who may connect. Left out: the user that runs p2pd.
app: { user: alice }

host:
  # Where other peers reach it. /ip4/127.0.0.1/tcp/0: only from this machine.
  listen: [/ip4/0.0.0.0/tcp/0]
  # on-demand: with the app's first connection. always: with p2pd.
  start: on-demand
  # How long it may be idle before it is stopped (on-demand only). 0: never.
  # idleStop: 10m

# Policies can be about a group instead of one tenant.
groups: [messaging, b]

# What it may do in the daemon's name, and on what; see README.md. Left out: nothing.
# blessed: [{ actions: [provideService, openStream], resources: [/search/], lifetime: 1h }]

# limits: { connections: 128, streams: 512, handlers: 64, controlConnections: 256, dialsPerSecond: 20, memory: 256MiB }
`)
})

test('a new manifest loads as the tenant it was made for', t => {
  const dir = join(makeDir(t), 'made/on/demand')
  const file = writeManifest(dir, { name: 'chat', uid: 1000, listen: ['/ip4/127.0.0.1/tcp/0'], idleStop: '90s', groups: ['a'] }, OPTIONS)
  t.is(file, join(dir, 'chat.yaml'))
  t.is(statSync(file).mode & 0o777, 0o644 & ~process.umask())
  writeManifest(dir, { name: 'indexer', start: 'always' }, OPTIONS)
  writeManifest(dir, { name: 'sensor', idleStop: '0', listen: [] }, OPTIONS)
  const [chat, indexer, sensor] = loadTenants(dir, OPTIONS)
  t.like(chat, { app: { uid: 1000 }, host: { listen: ['/ip4/127.0.0.1/tcp/0'], idleStopMs: 90_000 }, groups: ['a'] })
  t.like(indexer, { app: { uid: 0 }, host: { start: 'always' } })
  t.like(sensor, { host: { listen: [], idleStopMs: 0 } })
  t.deepEqual(readdirSync(dir), ['chat.yaml', 'indexer.yaml', 'sensor.yaml'])
})

test('what a new manifest shows as comments is what can be written there', t => {
  const text = formatManifest({ name: 'chat' }).replace(/^( *)# (app|idleStop|groups|blessed|limits): (?!.*alice)/gm, '$1$2: ')
  const dir = makeDir(t, { 'chat.yaml': text })
  t.like(loadTenants(dir, OPTIONS)[0], { groups: ['messaging'], blessed: [{ actions: ['provideService', 'openStream'], resources: ['/search/'], seconds: 3_600 }], limits: { handlers: 64 } })
})

test('a manifest that is there is not replaced, not even a link to nowhere', t => {
  const dir = makeDir(t, { 'chat.yaml': '# mine\nname: chat\n' })
  t.deepEqual(faultsOf(() => writeManifest(dir, { name: 'chat' }, OPTIONS), dir), ['chat.yaml: is there already; edit it, or remove the tenant first'])
  t.is(readFileSync(join(dir, 'chat.yaml'), 'utf8'), '# mine\nname: chat\n')
  symlinkSync('/nowhere/at/all', join(dir, 'b.yaml'))
  t.deepEqual(faultsOf(() => writeManifest(dir, { name: 'b' }, OPTIONS), dir), ['b.yaml: is there already; edit it, or remove the tenant first'])
  t.deepEqual(readdirSync(dir), ['b.yaml', 'chat.yaml'])
})

const NAME_RULE = 'must be lower-case letters, digits and dashes, a letter first, at most 32 in all'

const rows: Array<[manifest: NewManifest, fault: string]> = [
  [{ name: '../chat' }, `argv: name: ${NAME_RULE}, found "../chat"`],
  [{ name: 'a\nb' }, `argv: name: ${NAME_RULE}, found "a\\nb"`],
  [{ name: 'daemon' }, 'argv: name: is a name of p2pd itself; choose another, found "daemon"'],
  [{ name: 'chat', user: 'nobody-of-that-name' }, 'chat.yaml: app.user: there is no user "nobody-of-that-name" in /etc/passwd; create the user, or write its number: app: { uid: 1000 }'],
  [{ name: 'chat', user: 'x, uid: 0, y: z' }, 'chat.yaml: app.user: there is no user "x, uid: 0, y: z" in /etc/passwd; create the user, or write its number: app: { uid: 1000 }'],
  [{ name: 'chat', groups: ['a]\nname: b'] }, `chat.yaml: groups[0]: ${NAME_RULE}, found "a]\\nname: b"`],
  [{ name: 'chat', groups: ['#a'] }, `chat.yaml: groups[0]: ${NAME_RULE}, found "#a"`],
  [{ name: 'chat', idleStop: 'soon' }, 'chat.yaml: host.idleStop: must be a duration such as `90s`, `10m` or `2h`, or 0 for never, found "soon"'],
  [{ name: 'chat', listen: ['/ip4/0.0.0.0/udp/0'] }, 'chat.yaml: host.listen[0]: cannot be listened on; a host listens on /ip4/ADDRESS/tcp/PORT or /ip6/ADDRESS/tcp/PORT, found "/ip4/0.0.0.0/udp/0"']
]

for (const [index, [manifest, fault]] of rows.entries()) {
  test(`what would not load is not written: ${index + 1}`, t => {
    const dir = makeDir(t)
    t.deepEqual(faultsOf(() => writeManifest(dir, manifest, OPTIONS), dir), [fault])
    t.deepEqual(readdirSync(dir), [])
  })
}

test('a tenant is removed by its name, and one that is not there is a fault', t => {
  const dir = makeDir(t, { 'chat.yaml': 'name: chat' })
  t.is(removeManifest(dir, 'chat'), join(dir, 'chat.yaml'))
  t.false(existsSync(join(dir, 'chat.yaml')))
  t.deepEqual(faultsOf(() => removeManifest(dir, 'chat'), dir), ['chat.yaml: there is no such tenant'])
  t.deepEqual(faultsOf(() => removeManifest(dir, '../../etc/passwd'), dir), [`argv: name: ${NAME_RULE}, found "../../etc/passwd"`])
})
