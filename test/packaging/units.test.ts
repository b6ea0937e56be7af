/** The unit files: that systemd takes them, that they say what the programs do, and that nothing is left open by a slip. */
import test from 'ava'
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { frontDeskPath } from '../../src/config/runPaths.ts'
import { resolveSettings } from '../../src/config/settings.ts'
import { newSealingKey } from '../../src/keystore/sealingKey.ts'
import { Unit } from './unit.ts'

const ROOT = join(import.meta.dirname, '../..')
const ANALYZE = 'systemd-analyze'
const UNITS = join(ROOT, 'packaging/systemd')
const service = new Unit(join(UNITS, 'p2pd.service'))
const socket = new Unit(join(UNITS, 'p2pd.socket'))

/** What p2pd is run with, without the program. */
const serveArguments = (service.values('Service', 'ExecStart')[0] ?? '').split(' ').slice(1)

/** Names of the directives we use, spelled right: systemd only warns about one it does not know, and goes on without it. */
const KNOWN: Record<string, readonly string[]> = {
  Unit: ['Description', 'After', 'Wants', 'StartLimitIntervalSec', 'StartLimitBurst'],
  Service: [
    'Type', 'ExecStart', 'ExecReload', 'Restart', 'RestartSec', 'RestartPreventExitStatus', 'TimeoutStartSec', 'TimeoutStopSec', 'KillMode', 'OOMPolicy',
    'ConfigurationDirectory', 'StateDirectory', 'StateDirectoryMode', 'RuntimeDirectory', 'RuntimeDirectoryPreserve', 'UMask', 'Environment', 'LimitNOFILE',
    'TasksMax', 'LimitCORE', 'Delegate', 'CapabilityBoundingSet', 'NoNewPrivileges', 'ProtectSystem', 'ReadOnlyPaths', 'ProtectHome', 'PrivateDevices', 'PrivateIPC',
    'PrivateMounts', 'ProtectClock', 'ProtectHostname', 'ProtectKernelLogs', 'ProtectKernelModules', 'ProtectKernelTunables', 'RestrictAddressFamilies',
    'RestrictNamespaces', 'RestrictRealtime', 'RestrictSUIDSGID', 'LockPersonality', 'SystemCallArchitectures', 'SystemCallErrorNumber', 'SystemCallFilter'
  ],
  Socket: ['ListenStream', 'FileDescriptorName', 'SocketMode', 'DirectoryMode', 'Backlog', 'RemoveOnStop'],
  Install: ['WantedBy', 'Also']
}

/** Those that may be there more than once. */
const LISTS = ['SystemCallFilter', 'Environment']

test('every line of the units is one that systemd knows, once', t => {
  for (const unit of [service, socket]) {
    t.deepEqual(unit.strays, [])
    t.deepEqual(unit.directives.filter(({ section, name }) => KNOWN[section]?.includes(name) !== true), [])
    const names = unit.directives.map(({ section, name }) => `${section} ${name}`).filter(name => !LISTS.some(list => name.endsWith(` ${list}`)))
    t.deepEqual(names.filter((name, i) => names.indexOf(name) !== i), [])
  }
})

test('systemd itself takes the units and finds little left open, where there is a systemd to ask', t => {
  const version = spawnSync(ANALYZE, ['--version'], { encoding: 'utf8' })
  const [, number = '0'] = /^systemd (\d+)/.exec(version.stdout ?? '') ?? []
  // Before 250 it cannot judge files that are not installed. What is said of the lines above holds all the same.
  if (version.error !== undefined || Number(number) < 250) return t.is(service.strays.length + socket.strays.length, 0)
  const directory = mkdtempSync(join(tmpdir(), 'p2pd-'))
  t.teardown(() => { rmSync(directory, { recursive: true, force: true }) })
  const file = join(directory, 'p2pd.service')
  // It looks whether the programs are there.
  writeFileSync(file, readFileSync(join(UNITS, 'p2pd.service'), 'utf8').replaceAll('=/usr/bin/', `=${join(ROOT, 'bin')}/`))
  cpSync(join(UNITS, 'p2pd.socket'), join(directory, 'p2pd.socket'))
  const verified = spawnSync(ANALYZE, ['verify', '--man=no', '--recursive-errors=no', file, join(directory, 'p2pd.socket')], { encoding: 'utf8' })
  t.is(verified.status, 0, verified.stderr)
  t.false(verified.stderr.includes('p2pd'), verified.stderr)
  const judged = spawnSync(ANALYZE, ['security', '--offline=true', '--no-pager', file], { encoding: 'utf8' })
  const [, exposure = '10'] = /Overall exposure level for p2pd\.service: ([\d.]+)/.exec(judged.stdout) ?? []
  t.true(Number(exposure) <= 3, judged.stdout)
  const [, told = ''] = /\*\*([\d.]+), OK\*\* \(systemd 252/.exec(readFileSync(join(UNITS, 'README.md'), 'utf8')) ?? []
  if (number === '252') t.is(told, exposure)
})

test('the directories are those the programs take for root by default', t => {
  const flags = Object.fromEntries(Array.from({ length: (serveArguments.length - 1) / 2 }, (_, i) => [serveArguments[2 * i + 1], serveArguments[2 * i + 2]]))
  const settings = resolveSettings({ flags: {}, env: {}, uid: 0, cwd: '/', packageRoot: '/usr/lib/node_modules/p2pd' })
  t.deepEqual(flags, { '--tenants': settings.tenantsDir, '--policy': settings.policyDir, '--state': settings.stateDir, '--run': settings.runDir })
  t.deepEqual(service.values('Service', 'StateDirectory').map(name => `/var/lib/${name}`), [settings.stateDir])
  t.deepEqual(service.values('Service', 'RuntimeDirectory').map(name => `/run/${name}`), [settings.runDir])
  t.deepEqual(service.values('Service', 'ConfigurationDirectory').map(name => `/etc/${name}/tenants`), [settings.tenantsDir])
  t.deepEqual(service.values('Service', 'ExecReload').map(line => line.split(' ').slice(1)), [['reload', '--run', settings.runDir]])
  t.deepEqual(socket.values('Socket', 'ListenStream'), [frontDeskPath(settings.runDir)])
})

test('p2pd has every flag that it is started with', t => {
  const help = execFileSync(join(ROOT, 'bin/p2pd'), ['serve', '--help'], { encoding: 'utf8' })
  t.is(serveArguments[0], 'serve')
  for (const flag of serveArguments.filter(argument => argument.startsWith('--'))) t.true(help.includes(`  ${flag} `), flag)
})

test('the front desk is open to all, kept while p2pd restarts, and known to p2pd by its name', t => {
  t.deepEqual(socket.values('Socket', 'SocketMode'), ['0666'])
  t.deepEqual(socket.values('Socket', 'FileDescriptorName'), ['p2pd'])
  t.deepEqual(service.values('Service', 'RuntimeDirectoryPreserve'), ['yes'])
  for (const name of ['Wants', 'After']) t.true(service.words('Unit', name).includes('p2pd.socket'))
  t.deepEqual(service.values('Install', 'Also'), ['p2pd.socket'])
})

test('it has the rights it needs and no others', t => {
  t.deepEqual(service.words('Service', 'CapabilityBoundingSet').sort(), ['CAP_CHOWN', 'CAP_KILL', 'CAP_SETGID', 'CAP_SETUID'])
  t.deepEqual(service.words('Service', 'RestrictAddressFamilies').sort(), ['AF_INET', 'AF_INET6', 'AF_NETLINK', 'AF_UNIX'])
  for (const name of [
    'NoNewPrivileges', 'PrivateDevices', 'PrivateIPC', 'PrivateMounts', 'ProtectClock', 'ProtectHostname', 'ProtectKernelLogs', 'ProtectKernelModules',
    'ProtectKernelTunables', 'RestrictNamespaces', 'RestrictRealtime', 'RestrictSUIDSGID', 'LockPersonality'
  ]) t.deepEqual(service.values('Service', name), ['yes'], name)
  t.deepEqual(service.values('Service', 'ProtectSystem'), ['strict'])
  t.deepEqual(service.values('Service', 'StateDirectoryMode'), ['0700'])
  t.deepEqual(service.values('Service', 'LimitCORE'), ['0'])
  t.deepEqual(service.words('Service', 'SystemCallFilter'), ['@system-service', '~@aio', '@keyring', '@memlock', '@resources'])
})

test('nothing keeps it from what it is for: apps’ sockets anywhere, users as they are, the network, compiled JavaScript', t => {
  for (const name of ['PrivateTmp', 'PrivateUsers', 'PrivateNetwork', 'ProtectProc', 'ProcSubset', 'ProtectControlGroups', 'MemoryDenyWriteExecute', 'DynamicUser', 'User', 'IPAddressDeny', 'InaccessiblePaths']) {
    t.deepEqual(service.values('Service', name), [], name)
  }
  t.deepEqual(service.values('Service', 'ProtectHome'), ['read-only'])
  // What it writes lies in its own directories; where it tries sockets out, too.
  t.deepEqual(service.values('Service', 'Environment'), ['TMPDIR=/run/p2pd'])
})

test('a wrong configuration is not tried again and again, a crash is', t => {
  t.deepEqual(service.values('Service', 'Restart'), ['on-failure'])
  t.deepEqual(service.values('Service', 'RestartPreventExitStatus'), ['2'])
  t.deepEqual(service.values('Service', 'OOMPolicy'), ['continue'])
})

test('the credential that the unit names is the one the keystore reads', async t => {
  const text = readFileSync(join(UNITS, 'p2pd.service'), 'utf8')
  const [, name = ''] = /^#LoadCredentialEncrypted=([^:]+):/m.exec(text) ?? []
  t.true(text.includes(`systemd-creds encrypt --name=${name} `))
  const directory = mkdtempSync(join(tmpdir(), 'p2pd-'))
  t.teardown(() => { rmSync(directory, { recursive: true, force: true }) })
  writeFileSync(join(directory, name), Buffer.alloc(32, 7))
  const { from, key } = await newSealingKey({ stateDir: join(directory, 'state'), env: { CREDENTIALS_DIRECTORY: directory } })
  t.is(from, join(directory, name))
  t.deepEqual(Buffer.from(key), Buffer.alloc(32, 7))
})
