import { lchownSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import type { Settings, SettingsSource } from '../../src/config/settings.ts'
import { resolveSettings } from '../../src/config/settings.ts'
import { faultsOf, makeDir } from './world.ts'

const NOWHERE: SettingsSource = { flags: {}, env: {}, uid: 0, cwd: '/nowhere', packageRoot: '/usr/lib/node_modules/p2pd' }
const ALICE: SettingsSource = { ...NOWHERE, uid: 1000, env: { HOME: '/home/alice' } }

const CHECKOUT = { 'package.json': '{ "name": "p2pd" }', 'tsconfig.json': '{}', 'tenants/chat.yaml': 'name: chat', 'policy/chat.cedar': '' }

const ownUid = process.getuid?.() ?? 0

const rows: Array<[title: string, source: SettingsSource, expected: Settings]> = [
  ['root has the system\'s places', NOWHERE, { tenantsDir: '/etc/p2pd/tenants', policyDir: '/etc/p2pd/policy', stateDir: '/var/lib/p2pd', runDir: '/run/p2pd', auditLevel: 'denials' }],
  ['the environment does not move the places of root', { ...NOWHERE, env: { HOME: '/root', XDG_STATE_HOME: '/x', XDG_RUNTIME_DIR: '/y' } },
    { tenantsDir: '/etc/p2pd/tenants', policyDir: '/etc/p2pd/policy', stateDir: '/var/lib/p2pd', runDir: '/run/p2pd', auditLevel: 'denials' }],
  ['a user has places below home and in /tmp', ALICE,
    { tenantsDir: '/home/alice/.config/p2pd/tenants', policyDir: '/home/alice/.config/p2pd/policy', stateDir: '/home/alice/.local/state/p2pd', runDir: '/tmp/p2pd-1000', auditLevel: 'denials' }],
  ['a user with XDG directories has places there', { ...ALICE, env: { HOME: '/home/alice', XDG_CONFIG_HOME: '/c', XDG_STATE_HOME: '/s', XDG_RUNTIME_DIR: '/run/user/1000' } },
    { tenantsDir: '/c/p2pd/tenants', policyDir: '/c/p2pd/policy', stateDir: '/s/p2pd', runDir: '/run/user/1000/p2pd', auditLevel: 'denials' }],
  ['relative and empty XDG directories are ignored', { ...ALICE, env: { HOME: '/home/alice', XDG_CONFIG_HOME: 'c', XDG_STATE_HOME: '', XDG_RUNTIME_DIR: './run' } },
    { tenantsDir: '/home/alice/.config/p2pd/tenants', policyDir: '/home/alice/.config/p2pd/policy', stateDir: '/home/alice/.local/state/p2pd', runDir: '/tmp/p2pd-1000', auditLevel: 'denials' }],
  ['flags win, and are relative to the working directory', { ...NOWHERE, cwd: '/here', flags: { tenants: 't', policy: './p', state: '../s', run: '/r/', passphraseFile: 'pass' } },
    { tenantsDir: '/here/t', policyDir: '/here/p', stateDir: '/s', runDir: '/r', passphraseFile: '/here/pass', auditLevel: 'denials' }],
  ['a user without a home can give every place', { ...ALICE, env: {}, flags: { tenants: '/t', policy: '/y', state: '/s', passphraseFile: '/p' } },
    { tenantsDir: '/t', policyDir: '/y', stateDir: '/s', runDir: '/tmp/p2pd-1000', passphraseFile: '/p', auditLevel: 'denials' }]
]

for (const [title, source, expected] of rows) {
  test(title, t => { t.deepEqual(resolveSettings(source), expected) })
}

const faultRows: Array<[title: string, source: SettingsSource, ...faults: string[]]> = [
  ['a user without a home is told what to give', { ...ALICE, env: {} },
    'argv: --tenants: needs a directory: neither XDG_CONFIG_HOME nor HOME is set',
    'argv: --policy: needs a directory: neither XDG_CONFIG_HOME nor HOME is set',
    'argv: --state: needs a directory: neither XDG_STATE_HOME nor HOME is set'],
  ['every fault in the flags is reported', { ...NOWHERE, flags: { tenants: '', policy: '', run: `/${'r'.repeat(64)}`, passphraseFile: 'b' } },
    'argv: --tenants: must not be empty',
    'argv: --policy: must not be empty',
    `argv: --run: must be at most 59 bytes, so that every socket in it has a path that Linux takes, found 65: /${'r'.repeat(64)}`]
]

for (const [title, source, ...faults] of faultRows) {
  test(title, t => { t.deepEqual(faultsOf(() => resolveSettings(source)), faults) })
}

test('the longest run directory that fits is taken', t => {
  t.is(resolveSettings({ ...NOWHERE, flags: { run: `/${'r'.repeat(58)}` } }).runDir.length, 59)
})

test('in a checkout its tenants are served by its policy, from any directory', t => {
  const dir = makeDir(t, CHECKOUT)
  for (const uid of [0, 1000]) {
    const source = { ...ALICE, uid, packageRoot: dir }
    const expected = { tenantsDir: join(dir, 'tenants'), policyDir: join(dir, 'policy') }
    t.like(resolveSettings(source), expected)
    t.like(resolveSettings({ ...source, cwd: dir }), expected)
  }
})

test('the checkout one stands in comes first when it is one\'s own', t => {
  const [here, running] = [makeDir(t, CHECKOUT), makeDir(t, CHECKOUT)]
  t.like(resolveSettings({ ...ALICE, uid: ownUid, cwd: here, packageRoot: running }), { tenantsDir: join(here, 'tenants'), policyDir: join(here, 'policy') })
})

test('the checkout one stands in is not served when it belongs to somebody else', t => {
  const dir = makeDir(t, CHECKOUT)
  const source = { ...ALICE, uid: ownUid + 1, cwd: dir }
  t.like(resolveSettings(source), { tenantsDir: '/home/alice/.config/p2pd/tenants', policyDir: '/home/alice/.config/p2pd/policy' })
})

for (const planted of ['tenants', 'policy']) {
  test(`a link to ${planted} somebody else has planted is not followed`, t => {
    if (ownUid !== 0) return t.pass('only root can make what belongs to another user')
    const own = makeDir(t, CHECKOUT)
    const dir = makeDir(t, CHECKOUT)
    rmSync(join(dir, planted), { recursive: true })
    symlinkSync(join(own, planted), join(dir, planted))
    lchownSync(join(dir, planted), 1000, -1)
    t.like(resolveSettings({ ...NOWHERE, cwd: dir }), { tenantsDir: '/etc/p2pd/tenants', policyDir: '/etc/p2pd/policy' })
  })
}

const noCheckouts: Array<[title: string, files: Record<string, string>]> = [
  ['an installed package is no checkout', { 'package.json': '{ "name": "p2pd" }', 'tenants/chat.yaml': '', 'policy/chat.cedar': '' }],
  ['another package is no checkout', { ...CHECKOUT, 'package.json': '{ "name": "other" }' }],
  ['a package.json that cannot be read makes no checkout', { ...CHECKOUT, 'package.json': '{' }],
  ['a package.json with nothing in it makes no checkout', { ...CHECKOUT, 'package.json': 'null' }],
  ['a checkout without tenants has none to serve', { 'package.json': '{ "name": "p2pd" }', 'tsconfig.json': '{}', 'policy/chat.cedar': '' }],
  ['a checkout without a policy is not served', { 'package.json': '{ "name": "p2pd" }', 'tsconfig.json': '{}', 'tenants/chat.yaml': '' }]
]

for (const [title, files] of noCheckouts) {
  test(title, t => {
    const dir = makeDir(t, files)
    t.is(resolveSettings({ ...NOWHERE, cwd: dir, packageRoot: dir }).tenantsDir, '/etc/p2pd/tenants')
  })
}
