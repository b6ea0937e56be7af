import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { loadTenants } from '../../src/config/loadTenants.ts'
import { faultsOf, makeDir } from './world.ts'

const OPTIONS = { runDir: '/run/p2pd', uid: 0 }

test('tenants come sorted by name, whatever the order of their files', t => {
  const dir = makeDir(t, { 'chat-2.yaml': 'name: chat-2', 'chat.yaml': 'name: chat', 'b.yaml': 'name: b' })
  t.deepEqual(loadTenants(dir, OPTIONS).map(({ name }) => name), ['b', 'chat', 'chat-2'])
})

test('what is no manifest is left alone', t => {
  const dir = makeDir(t, {
    'chat.yaml': 'name: chat',
    'README.md': '# no',
    'schema.json': '{}',
    'chat.yaml~': '[',
    'chat.yaml.bak': '[',
    '.chat.yaml': '[',
    '.chat.yaml.swp': '['
  })
  symlinkSync('nowhere', join(dir, '.#chat.yaml'))
  t.is(loadTenants(dir, OPTIONS).length, 1)
})

test('a link to a manifest is read', t => {
  const dir = makeDir(t, { 'data/x': 'name: chat' })
  symlinkSync('data/x', join(dir, 'chat.yaml'))
  t.deepEqual(loadTenants(dir, OPTIONS).map(({ name }) => name), ['chat'])
})

test('every fault of every file is reported at once', t => {
  const dir = makeDir(t, {
    'a.yaml': 'name: b\nlimits: { streams: 0 }',
    'b.yaml': 'name: b',
    'c.yaml': 'name: [',
    'd.yml': 'name: d',
    'E.YAML': 'name: e',
    'Chat.yaml': 'name: chat',
    'latin.yaml': Buffer.from('name: caf\xe9', 'latin1'),
    'large.yaml': 'a'.repeat(1024 * 1024)
  })
  mkdirSync(join(dir, 'dir.yaml'))
  symlinkSync('nowhere', join(dir, 'dangling.yaml'))
  execFileSync('mkfifo', [join(dir, 'fifo.yaml')])
  t.deepEqual(faultsOf(() => loadTenants(dir, OPTIONS), dir), [
    'Chat.yaml: name: must be what the file is called; rename one of them, found "chat"',
    'E.YAML: is not read; rename it to E.yaml',
    'a.yaml: limits.streams: must be at least 1, found 0',
    'a.yaml: name: must be what the file is called; rename one of them, found "b"',
    'c.yaml: 1:8: Flow sequence in block collection must be sufficiently indented and end with a ]',
    'd.yml: is not read; rename it to d.yaml',
    "dangling.yaml: cannot be read (ENOENT: no such file or directory, open 'dangling.yaml')",
    'dir.yaml: is no regular file',
    'fifo.yaml: is no regular file',
    'large.yaml: must be at most 65536 bytes, found 1048576',
    'latin.yaml: is no UTF-8 text'
  ])
})

test('a manifest of exactly the largest size is read', t => {
  const text = 'name: chat\n'
  const dir = makeDir(t, { 'chat.yaml': text + '#'.repeat(65536 - text.length) })
  t.is(loadTenants(dir, OPTIONS).length, 1)
})

test('a directory that is not there or is a file says what to do; one without tenants has none', t => {
  const dir = makeDir(t, { 'README.md': '', file: '' })
  t.deepEqual(loadTenants(dir, OPTIONS), [])
  t.deepEqual(faultsOf(() => loadTenants(join(dir, 'none'), OPTIONS), dir), ['none: no such directory; make it with a first tenant: p2pctl tenant add chat'])
  t.deepEqual(faultsOf(() => loadTenants(join(dir, 'file'), OPTIONS), dir), ['file: is no directory'])
})

test('a tenant whose socket path is too long is a fault, and one byte less is not', t => {
  const dir = makeDir(t, { 'chat.yaml': 'name: chat' })
  const runDir = `/${'r'.repeat(107 - '/chat/as-daemon.sock'.length - 1)}`
  t.is(loadTenants(dir, { ...OPTIONS, runDir }).length, 1)
  t.deepEqual(faultsOf(() => loadTenants(dir, { ...OPTIONS, runDir: `${runDir}r` }), dir), [
    `chat.yaml: name: the path of its socket is too long: 108 bytes, Linux takes 107; choose a shorter name or --run directory, found ${runDir}r/chat/as-daemon.sock`
  ])
})

test('users are found in the passwd file, the first of two lines counts, and broken lines are passed over', t => {
  const dir = makeDir(t, {
    'tenants/chat.yaml': 'name: chat\napp: { user: alice }',
    passwd: 'root:x:0:0:root:/root:/bin/sh\nbroken\n:x:5:5\nalice:x:1000:1000::/home/alice:/bin/sh\nalice:x:0:0::/:/bin/sh\n'
  })
  const [chat] = loadTenants(join(dir, 'tenants'), { ...OPTIONS, passwdFile: join(dir, 'passwd') })
  t.deepEqual(chat?.app, { user: 'alice', uid: 1000 })
})

test('a machine without a passwd file has no users with names', t => {
  const dir = makeDir(t, { 'chat.yaml': 'name: chat\napp: { user: root }' })
  t.deepEqual(faultsOf(() => loadTenants(dir, { ...OPTIONS, passwdFile: join(dir, 'none') }), dir), [
    'chat.yaml: app.user: there is no user "root" in /etc/passwd; create the user, or write its number: app: { uid: 1000 }'
  ])
})

test('root takes no manifest that everyone may write, and no directory', t => {
  const dir = makeDir(t, { 'chat.yaml': 'name: chat' })
  chmodSync(join(dir, 'chat.yaml'), 0o666)
  t.deepEqual(faultsOf(() => loadTenants(dir, OPTIONS), dir), [
    'chat.yaml: can be written by every user of this machine; take that right away: chmod o-w'
  ])
  t.is(loadTenants(dir, { ...OPTIONS, uid: 1000 }).length, 1)
  chmodSync(dir, 0o777)
  t.deepEqual(faultsOf(() => loadTenants(dir, OPTIONS), dir), [
    'DIR: can be written by every user of this machine; take that right away: chmod o-w'
  ])
})
