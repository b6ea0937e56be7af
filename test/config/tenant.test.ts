import test from 'ava'
import { formatFault } from '../../src/errors.ts'
import type { Machine, TenantOrFaults, TenantSpec } from '../../src/config/tenant.ts'
import { parseTenant } from '../../src/config/tenant.ts'

const ROOT: Machine = { uid: 0, users: () => new Map([['alice', 1000], ['nobody', 65534]]) }
const ALICE: Machine = { uid: 1000, users: () => new Map([['alice', 1000], ['bob', 1001]]) }

function parse (text: string, machine = ROOT): TenantOrFaults {
  return parseTenant(text, 'chat.yaml', 'chat', machine)
}

function specOf (text: string, machine = ROOT): TenantSpec | undefined {
  const result = parse(text, machine)
  return 'spec' in result ? result.spec : undefined
}

function faultsOf (text: string, machine = ROOT): string[] {
  const result = parse(text, machine)
  return 'faults' in result ? result.faults.map(formatFault) : []
}

test('a manifest with only a name has every default', t => {
  t.deepEqual(specOf('name: chat\n'), {
    name: 'chat',
    app: { uid: 0 },
    host: { listen: ['/ip4/0.0.0.0/tcp/0'], local: true, start: 'on-demand', idleStopMs: 600_000 },
    groups: [],
    blessed: [],
    limits: {
      connections: 128, streams: 512, handlers: 64, controlConnections: 256, requestsPerSecond: 1000, dialsPerSecond: 20, streamsPerSecond: 500,
      bytesPerSecond: 0, buffered: 33_554_432, descriptors: 1152, memoryBytes: 268_435_456,
      inbound: { streams: 384, streamsPerPeer: 256, connectionsPerPeer: 8, connectionsPerSubnet: 64, reserved: 16 }
    }
  })
})

test('a manifest with every key says exactly that', t => {
  t.deepEqual(specOf(`
name: chat
app: { user: alice }
host: { listen: [/ip4/127.0.0.1/tcp/4001, /ip6/::1/tcp/0], local: false, start: on-demand, idleStop: 1.5h }
groups: [messaging, a-1]
blessed: [{ actions: [provideService, openStream], resources: [/search/, /find/1.0.0], lifetime: 90s }, { actions: [listPeers], resources: [own] }]
limits:
  { connections: 1, streams: 2, handlers: 3, controlConnections: 4, requestsPerSecond: 5, dialsPerSecond: 6, streamsPerSecond: 7, bytesPerSecond: 1MiB,
    buffered: 2MiB, descriptors: 300, memory: 1GiB, inbound: { streams: 8, streamsPerPeer: 9, connectionsPerPeer: 10, connectionsPerSubnet: 11, reserved: 0 } }
`), {
    name: 'chat',
    app: { uid: 1000, user: 'alice' },
    host: { listen: ['/ip4/127.0.0.1/tcp/4001', '/ip6/::1/tcp/0'], local: false, start: 'on-demand', idleStopMs: 5_400_000 },
    groups: ['messaging', 'a-1'],
    blessed: [
      { actions: ['provideService', 'openStream'], resources: ['/search/', '/find/1.0.0'], seconds: 90 },
      { actions: ['listPeers'], resources: ['own'], seconds: 3_600 }
    ],
    limits: {
      connections: 1, streams: 2, handlers: 3, controlConnections: 4, requestsPerSecond: 5, dialsPerSecond: 6, streamsPerSecond: 7,
      bytesPerSecond: 1_048_576, buffered: 2_097_152, descriptors: 300, memoryBytes: 1_073_741_824,
      inbound: { streams: 8, streamsPerPeer: 9, connectionsPerPeer: 10, connectionsPerSubnet: 11, reserved: 0 }
    }
  })
})

test('two tenants do not share the lists of their defaults', t => {
  const [one, two] = [specOf('name: chat'), specOf('name: chat')]
  one?.host.listen.push('/ip4/127.0.0.1/tcp/1')
  t.deepEqual(two?.host.listen, ['/ip4/0.0.0.0/tcp/0'])
})

const goodRows: Array<[title: string, text: string, check: (spec: TenantSpec) => unknown, expected: unknown]> = [
  ['idleStop 0 is never', 'host: { idleStop: 0 }', ({ host }) => host.idleStopMs, 0],
  ['idleStop 0s is never', 'host: { idleStop: 0s }', ({ host }) => host.idleStopMs, 0],
  ['idleStop takes milliseconds', 'host: { idleStop: 250ms }', ({ host }) => host.idleStopMs, 250],
  ['a host that is always there is never idle', 'host: { start: always }', ({ host }) => host.idleStopMs, 0],
  ['start: always may say idleStop: 0', 'host: { start: always, idleStop: 0 }', ({ host }) => host.idleStopMs, 0],
  ['a host may listen nowhere', 'host: { listen: [] }', ({ host }) => host.listen, []],
  ['an app may be a number', 'app: { uid: 1234 }', ({ app }) => app, { uid: 1234 }],
  ['the least memory is taken', 'limits: { memory: 64MiB }', ({ limits }) => limits.memoryBytes, 67_108_864],
  ['a quoted value is the same value', 'groups: ["messaging"]', ({ groups }) => groups, ['messaging']],
  ['a key may be quoted', '"groups": [a]', ({ groups }) => groups, ['a']]
]

for (const [title, text, check, expected] of goodRows) {
  test(title, t => {
    const spec = specOf(`name: chat\n${text}\n`)
    t.deepEqual(spec && check(spec), expected, faultsOf(`name: chat\n${text}\n`).join('\n'))
  })
}

test('a byte order mark and carriage returns make no difference', t => {
  t.deepEqual(specOf('\uFEFFname: chat\r\ngroups:\r\n  - a\r\n'), specOf('name: chat\ngroups: [a]\n'))
})

const LISTEN_RULE = 'cannot be listened on; a host listens on /ip4/ADDRESS/tcp/PORT or /ip6/ADDRESS/tcp/PORT'
const NAME_RULE = 'must be lower-case letters, digits and dashes, a letter first, at most 32 in all'
const NOBODY = 'uid 65534 is what the kernel shows for everyone it does not know, so nobody can be told by it'

const faultRows: Array<[text: string, ...faults: string[]]> = [
  ['', 'is empty; a manifest begins with `name: chat`'],
  ['# nothing but a comment\n', 'is empty; a manifest begins with `name: chat`'],
  ['---\n...\n', 'is empty; a manifest begins with `name: chat`'],
  ['just text', 'must be a mapping (`key: value` lines), found "just text"'],
  ['- name: chat', 'must be a mapping (`key: value` lines), found a list'],
  ['groups: [a]', 'name: is missing'],
  ['name:', 'name: is there without a value; give it one or leave it out'],
  ['name: 12', 'name: must be text, found 12'],
  ['name: Chat', `name: ${NAME_RULE}, found "Chat"`],
  ['name: "chat\\nuid"', `name: ${NAME_RULE}, found "chat\\nuid"`],
  ['name: "chat\\n"', `name: ${NAME_RULE}, found "chat\\n"`],
  ['name: ../chat', `name: ${NAME_RULE}, found "../chat"`],
  ['name: "\\u202Echat"', `name: ${NAME_RULE}, found "\\u202echat"`],
  ['name: "a\\e[31m\\x9b"', `name: ${NAME_RULE}, found "a\\u001b[31m\\u009b"`],
  [`name: ${'a'.repeat(33)}`, `name: ${NAME_RULE}, found "${'a'.repeat(33)}"`],
  [`name: ${'a'.repeat(1000)}`, `name: ${NAME_RULE}, found "${'a'.repeat(60)}…"`],
  ['name: daemon', 'name: is a name of p2pd itself; choose another, found "daemon"'],
  ['name: admin', 'name: is a name of p2pd itself; choose another, found "admin"'],
  ['name: bob', 'name: must be what the file is called; rename one of them, found "bob"'],

  ['name: chat\nlimit: {}', 'limit: unknown key; did you mean `limits`?'],
  ['name: chat\nGroups: []', 'Groups: unknown key; did you mean `groups`?'],
  ['name: chat\nlisten: []', 'listen: unknown key; did you mean `host.listen`?'],
  ['name: chat\nxyzzy: 1', 'xyzzy: unknown key; there are: name, app, host, groups, blessed, limits'],
  ['name: chat\nlimits: { stream: 1 }', 'limits.stream: unknown key; did you mean `streams`?'],
  ['name: chat\nhost: { listens: 1 }', 'host.listens: unknown key; did you mean `listen`?'],
  ['name: chat\n"a\\nb: c": 1', '"a\\nb: c": unknown key; there are: name, app, host, groups, blessed, limits'],
  ['name: chat\n__proto__: { uid: 0 }', '__proto__: unknown key; there are: name, app, host, groups, blessed, limits'],
  ['name: chat\nlimits: { __proto__: { streams: 9 } }', 'limits.__proto__: unknown key; there are: connections, streams, handlers, controlConnections, requestsPerSecond, dialsPerSecond, streamsPerSecond, bytesPerSecond, buffered, descriptors, memory, inbound'],
  ['name: chat\nconstructor: 1', 'constructor: unknown key; there are: name, app, host, groups, blessed, limits'],

  ['name: chat\napp: alice', 'app: must be a mapping (`key: value` lines), found "alice"'],
  ['name: chat\napp: {}', 'app: must have exactly one of `user` and `uid`'],
  ['name: chat\napp: { user: alice, uid: 1000 }', 'app: must have exactly one of `user` and `uid`'],
  ['name: chat\napp: { user: 1000 }', 'app.user: must be text, found 1000'],
  ['name: chat\napp: { user: "" }', 'app.user: must not be empty, found ""'],
  ['name: chat\napp: { uid: -1 }', 'app.uid: must be at least 0, found -1'],
  ['name: chat\napp: { uid: 4294967295 }', 'app.uid: must be at most 4294967294, found 4294967295'],
  ['name: chat\napp: { uid: 1.5 }', 'app.uid: must be a whole number, found 1.5'],
  ['name: chat\napp: { uid: alice }', 'app.uid: must be a whole number, found "alice"'],
  ['name: chat\napp: { user: carol }', 'app.user: there is no user "carol" in /etc/passwd; create the user, or write its number: app: { uid: 1000 }'],
  ['name: chat\napp: { uid: 65534 }', `app.uid: ${NOBODY}`],
  ['name: chat\napp: { user: nobody }', `app.user: ${NOBODY}`],

  ['name: chat\nhost:', 'host: is there without a value; give it one or leave it out'],
  ['name: chat\nhost: { listen: /ip4/0.0.0.0/tcp/0 }', 'host.listen: must be a list, found "/ip4/0.0.0.0/tcp/0"'],
  ['name: chat\nhost: { listen: [/ip4/0.0.0.0/udp/0/quic-v1] }', `host.listen[0]: ${LISTEN_RULE}, found "/ip4/0.0.0.0/udp/0/quic-v1"`],
  ['name: chat\nhost: { listen: [/ip4/0.0.0.0/tcp/0, /ip4/0.0.0.0/tcp/0/ws] }', `host.listen[1]: ${LISTEN_RULE}, found "/ip4/0.0.0.0/tcp/0/ws"`],
  ['name: chat\nhost: { listen: [/dns4/localhost/tcp/0] }', `host.listen[0]: ${LISTEN_RULE}, found "/dns4/localhost/tcp/0"`],
  ['name: chat\nhost: { listen: [/ip4/0.0.0.0] }', `host.listen[0]: ${LISTEN_RULE}, found "/ip4/0.0.0.0"`],
  ['name: chat\nhost: { listen: [""] }', 'host.listen[0]: is an empty address, found ""'],
  ['name: chat\nhost: { listen: [/ip4/300.0.0.1/tcp/0] }', 'host.listen[0]: is no multiaddr (Invalid IPv4 address "300.0.0.1"), found "/ip4/300.0.0.1/tcp/0"'],
  ['name: chat\nhost: { listen: [/ip4/0.0.0.0/tcp/70000] }', 'host.listen[0]: is no multiaddr (Value must be smaller than or equal to 65535), found "/ip4/0.0.0.0/tcp/70000"'],
  ['name: chat\nhost: { listen: [0.0.0.0:80] }', 'host.listen[0]: is no multiaddr (String multiaddr must start with "/"), found "0.0.0.0:80"'],
  ['name: chat\nhost: { local: sometimes }', 'host.local: must be true or false, found "sometimes"'],
  ['name: chat\nhost: { start: allways }', 'host.start: must be on-demand or always, found "allways"; did you mean always?'],
  ['name: chat\nhost: { start: sometimes }', 'host.start: must be on-demand or always, found "sometimes"'],
  ['name: chat\nhost: { idleStop: 10 }', 'host.idleStop: must be a duration such as `90s`, `10m` or `2h`, or 0 for never, found 10'],
  ['name: chat\nhost: { idleStop: "10" }', 'host.idleStop: must be a duration such as `90s`, `10m` or `2h`, or 0 for never, found "10"'],
  ['name: chat\nhost: { idleStop: -1m }', 'host.idleStop: must be a duration such as `90s`, `10m` or `2h`, or 0 for never, found "-1m"'],
  ['name: chat\nhost: { idleStop: 1ms }', 'host.idleStop: must be from 100ms to 24d, or 0 for never, found "1ms"'],
  ['name: chat\nhost: { idleStop: 25d }', 'host.idleStop: must be from 100ms to 24d, or 0 for never, found "25d"'],
  ['name: chat\nhost: { start: always, idleStop: 10m }', 'host.idleStop: has no meaning with `start: always`; leave one of them out'],

  ['name: chat\ngroups: messaging', 'groups: must be a list, found "messaging"'],
  ['name: chat\ngroups: [a, B]', `groups[1]: ${NAME_RULE}, found "B"`],
  ['name: chat\ngroups: [[a]]', 'groups[0]: must be text, found a list'],

  ['name: chat\nlimits: { streams: 0 }', 'limits.streams: must be at least 1, found 0'],
  ['name: chat\nlimits: { streams: 1.5 }', 'limits.streams: must be a whole number, found 1.5'],
  ['name: chat\nlimits: { streams: "12" }', 'limits.streams: must be a whole number, found "12"'],
  ['name: chat\nlimits: { streams: .inf }', 'limits.streams: must be a whole number, found Infinity'],
  ['name: chat\nlimits: { streams: .nan }', 'limits.streams: must be a whole number, found NaN'],
  ['name: chat\nlimits: { handlers: 1000001 }', 'limits.handlers: must be at most 1000000, found 1000001'],
  ['name: chat\nlimits: { memory: 256 }', 'limits.memory: must be text, found 256'],
  ['name: chat\nlimits: { memory: 256MB }', 'limits.memory: must be a size such as `256MiB` or `1GiB`, found "256MB"'],
  ['name: chat\nlimits: { memory: 63MiB }', 'limits.memory: must be from 64MiB to 1024GiB, found "63MiB"'],
  ['name: chat\nlimits: { memory: 2000GiB }', 'limits.memory: must be from 64MiB to 1024GiB, found "2000GiB"'],

  ['name: bob\napp: { user: carol }\nhost: { start: now }\nlimits: { streams: 0, stream: 1 }\nx: 1',
    'host.start: must be on-demand or always, found "now"',
    'limits.streams: must be at least 1, found 0',
    'limits.stream: unknown key; did you mean `streams`?',
    'x: unknown key; there are: name, app, host, groups, blessed, limits',
    'name: must be what the file is called; rename one of them, found "bob"',
    'app.user: there is no user "carol" in /etc/passwd; create the user, or write its number: app: { uid: 1000 }']
]

for (const [index, [text, ...faults]] of faultRows.entries()) {
  test(`a wrong manifest is refused with every reason: ${index + 1}: ${JSON.stringify(text.slice(0, 60))}`, t => {
    t.deepEqual(faultsOf(text), faults.map(fault => `chat.yaml: ${fault}`))
  })
}

test('without root, the own user is an app, by number and by name', t => {
  t.deepEqual(specOf('name: chat', ALICE)?.app, { uid: 1000 })
  t.deepEqual(specOf('name: chat\napp: { uid: 1000 }', ALICE)?.app, { uid: 1000 })
  t.deepEqual(specOf('name: chat\napp: { user: alice }', ALICE)?.app, { uid: 1000, user: 'alice' })
})

test('without root, another user as an app is a fault that says root is needed', t => {
  const because = 'needs p2pd to run as root; without root only its own user (uid 1000) can be an app'
  t.deepEqual(faultsOf('name: chat\napp: { user: bob }', ALICE), [`chat.yaml: app.user: ${because}, found "bob"`])
  t.deepEqual(faultsOf('name: chat\napp: { uid: 0 }', ALICE), [`chat.yaml: app.uid: ${because}, found 0`])
})

test('the users of the machine are read only for a manifest that names one', t => {
  let reads = 0
  const machine: Machine = { uid: 0, users: () => { reads++; return new Map() } }
  parse('name: chat\napp: { uid: 1 }', machine)
  t.is(reads, 0)
  parse('name: chat\napp: { user: x }', machine)
  t.is(reads, 1)
})
