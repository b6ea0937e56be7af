/** tenants/daemon.yaml: the daemon's own host, which is nobody's. */
import test from 'ava'
import { loadDeclarations, loadTenants } from '../../src/config/loadTenants.ts'
import { faultsOf, makeDir } from './world.ts'

const OPTIONS = { runDir: '/run/p2pd', uid: 1000 }

test('without a manifest of its own the daemon has every default, and is the user that p2pd runs as', t => {
  const { tenants, daemon } = loadDeclarations(makeDir(t, { 'chat.yaml': 'name: chat' }), OPTIONS)
  t.deepEqual(tenants.map(({ name }) => name), ['chat'])
  t.deepEqual(daemon, {
    name: 'daemon',
    app: { uid: 1000 },
    host: { listen: ['/ip4/0.0.0.0/tcp/0'], local: true, start: 'on-demand', idleStopMs: 600_000 },
    groups: [],
    blessed: [],
    limits: {
      connections: 512, streams: 4096, handlers: 256, controlConnections: 1024, requestsPerSecond: 4000, dialsPerSecond: 50, streamsPerSecond: 2000,
      bytesPerSecond: 0, buffered: 67_108_864, descriptors: 5888, memoryBytes: 536_870_912,
      inbound: { streams: 3072, streamsPerPeer: 512, connectionsPerPeer: 8, connectionsPerSubnet: 256, reserved: 64 }
    }
  })
})

test('its manifest says what is otherwise, and it is no tenant', t => {
  const dir = makeDir(t, {
    'chat.yaml': 'name: chat',
    'daemon.yaml': 'name: daemon\nhost: { listen: [/ip4/127.0.0.1/tcp/4001], start: always }\ngroups: [services]\nlimits: { streams: 10, inbound: { streamsPerPeer: 3 } }\n'
  })
  const { tenants, daemon } = loadDeclarations(dir, OPTIONS)
  t.deepEqual(tenants, loadTenants(dir, OPTIONS))
  t.deepEqual(tenants.map(({ name }) => name), ['chat'])
  t.like(daemon, {
    name: 'daemon', app: { uid: 1000 }, groups: ['services'], blessed: [],
    host: { listen: ['/ip4/127.0.0.1/tcp/4001'], local: true, start: 'always', idleStopMs: 0 },
    limits: { streams: 10, connections: 512, inbound: { streams: 8, streamsPerPeer: 3 } }
  })
})

const faultRows: Array<[text: string, ...faults: string[]]> = [
  ['', 'is empty; it begins with `name: daemon`'],
  ['name: daemon\napp: { uid: 1000 }', 'app: nobody can be the daemon\'s app; a program that is to act in its name is blessed, in its own tenant\'s manifest: blessed'],
  ['name: daemon\napp:', 'app: nobody can be the daemon\'s app; a program that is to act in its name is blessed, in its own tenant\'s manifest: blessed'],
  ['name: daemon\nblessed: []', 'blessed: the daemon needs no blessing to act in its own name; it belongs in the manifest of the tenant that is blessed'],
  ['groups: [a]', 'name: is missing'],
  ['name: chat', 'name: must be daemon, found "chat"'],
  ['name: daemon\nhost: { local: false }', 'host.local: must be true, found false'],
  ['name: daemon\nhost: { app: 1 }', 'host.app: unknown key; there are: listen, local, start, idleStop'],
  ['name: daemon\nlimit: {}', 'limit: unknown key; did you mean `limits`?'],
  ['name: daemon\nconstructor: 1', 'constructor: unknown key; there are: name, host, groups, limits'],
  ['name: daemon\nstreams: 1', 'streams: unknown key; did you mean `limits.streams`?'],
  ['name: daemon\nlimits: { streams: 0 }', 'limits.streams: must be at least 1, found 0'],
  ['name: daemon\nname: daemon', '2:1: the key name is here for the second time']
]

for (const [index, [text, ...faults]] of faultRows.entries()) {
  test(`a wrong manifest of the daemon is refused with every reason: ${index + 1}`, t => {
    const dir = makeDir(t, { 'daemon.yaml': text, 'chat.yaml': 'name: chat' })
    t.deepEqual(faultsOf(() => loadTenants(dir, OPTIONS), dir), faults.map(fault => `daemon.yaml: ${fault}`))
  })
}

test('no other file can declare the daemon', t => {
  const dir = makeDir(t, { 'chat.yaml': 'name: daemon', 'admin.yaml': 'name: admin' })
  t.deepEqual(faultsOf(() => loadTenants(dir, OPTIONS), dir), [
    'admin.yaml: name: is a name of p2pd itself; choose another, found "admin"',
    'chat.yaml: name: is a name of p2pd itself; choose another, found "daemon"'
  ])
})
