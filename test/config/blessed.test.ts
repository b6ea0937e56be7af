/** What may be written down as a blessing: in a manifest, as options of p2pctl, and in a request. */
import test from 'ava'
import { DAEMON_ACTIONS } from '../../src/blessing/scope.ts'
import { whyNoScope } from '../../src/blessing/scopeRules.ts'
import { blessingKey } from '../../src/config/blessed.ts'
import { parseBlessFlags, parseBlessing } from '../../src/config/blessingRequest.ts'
import { parseTenant, type TenantSpec } from '../../src/config/tenant.ts'
import { formatFault } from '../../src/errors.ts'
import { faultsOf } from './world.ts'

const ED25519 = '12D3KooWD4jcTQh3jA1tLtwNm1Yomp7vZZi5vYW68FWfEYKMg9Cv'
const RSA = 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'
const SECP256K1 = '16Uiu2HAmLhLvBoYaoZfaMUKuibM6ac163GwKY74c5kiSLg5KvLpY'

/** The tenant that a manifest with these lines under `blessed:` declares, or its faults. */
function declared (blessed: unknown): TenantSpec | string[] {
  const result = parseTenant(JSON.stringify({ name: 'chat', blessed }), 'chat.yaml', 'chat', { uid: 0, users: () => new Map() })
  return 'spec' in result ? result.spec : result.faults.map(formatFault).map(line => line.replace('chat.yaml: ', ''))
}

/** One entry: `openStream on /a/`. */
function entry (text: string): { actions: string[], resources: string[] } {
  const [actions = '', resources = ''] = text.split(' on ')
  return { actions: actions.split(' '), resources: resources.split(' ') }
}

for (const [text, what] of [
  ['openStream provideService on /search/', 'all that begin so'],
  ['openStream on /search/1.0.0', 'a protocol'],
  ['provideService on /', 'every protocol'],
  ['connect disconnect on ' + [ED25519, RSA, SECP256K1].join(' '), 'peers with any kind of key'],
  ['listPeers on own', 'the daemon\'s own host'],
  [`${DAEMON_ACTIONS.join(' ')} on *`, 'everything'],
  [`connect openStream on ${ED25519} /a/`, 'a peer, and protocols beside it'],
  [`openStream on /${'a'.repeat(255)}`, 'the longest protocol']
] as const) {
  test(`a blessing may be for ${what}, and what is taken here is what the daemon signs`, t => {
    t.deepEqual((declared([entry(text)]) as TenantSpec).blessed, [{ ...entry(text), seconds: 3_600 }])
    t.is(whyNoScope(entry(text)), undefined)
  })
}

test('lifetimes are from a minute to a day, in seconds, and an hour when nothing is said', t => {
  const of = (lifetime?: string): unknown => (declared([{ ...entry('openStream on /a/'), lifetime }]) as TenantSpec).blessed[0]?.seconds
  t.deepEqual([undefined, '1m', '60s', '1.5h', '24h', '1d', '61.999s'].map(of), [3_600, 60, 60, 5_400, 86_400, 86_400, 61])
})

test('a word that is there twice counts once', t => {
  t.deepEqual((declared([entry('openStream openStream on /a/ /b/ /a/')]) as TenantSpec).blessed, [{ actions: ['openStream'], resources: ['/a/', '/b/'], seconds: 3_600 }])
})

const RULE = 'must be a protocol such as `/search/1.0.0`, `/search/` for all that begin so, a peer ID (12D3KooW..., Qm...), `own` or `*`'
const TERM = 'must be from 1m to 24h: it is renewed for as long as it stands here'

const faultRows: Array<[entry: object, ...faults: string[]]> = [
  [{}, 'actions: is missing', 'resources: is missing'],
  [{ actions: [], resources: [] }, 'actions: must not be empty', 'resources: must not be empty'],
  [{ actions: 'openStream', resources: '/a/' }, 'actions: must be a list, found "openStream"', 'resources: must be a list, found "/a/"'],
  [entry('openstream on /a/'), 'actions[0]: must be connect or disconnect or listPeers or openStream or provideService, found "openstream"; did you mean openStream?'],
  [entry('publish on /a/'), 'actions[0]: must be connect or disconnect or listPeers or openStream or provideService, found "publish"'],
  [{ actions: Array.from({ length: 17 }, () => 'openStream'), resources: ['*'] }, 'actions: must have at most 16'],
  [{ actions: ['openStream'], resources: Array.from({ length: 65 }, (_, i) => `/${i}/`) }, 'resources: must have at most 64'],
  [entry('openStream on search'), `resources[0]: ${RULE}, found "search"`],
  [{ actions: ['openStream'], resources: ['/a', ''] }, `resources[1]: ${RULE}, found ""`],
  [{ actions: ['openStream'], resources: ['/a '] }, `resources[0]: ${RULE}, found "/a "`],
  [{ actions: ['openStream'], resources: ['/a\u202e'] }, `resources[0]: ${RULE}, found "/a\\u202e"`],
  [{ actions: ['openStream'], resources: [7] }, 'resources[0]: must be text, found 7'],
  [entry(`openStream on /${'a'.repeat(256)}`), `resources[0]: ${RULE}, found "/${'a'.repeat(59)}…"`],
  [entry(`connect on ${ED25519.slice(0, -1)}`), `resources[0]: must be a resource, and as a peer ID it cannot be read ("${ED25519.slice(0, -1)}" is no peer ID: `],
  [entry('connect on bafzaajaiaejcapcwuqsyc7pi3ycn4qqvbpfszsubymz3rl6rbi4qxcbhgfqr4ilh'), 'resources[0]: must be written as p2pd prints it: 12D3KooW'],
  [entry('connect openStream on /a/'), 'actions[0]: is done on a peer ID, and there is none among the resources; add it there, or leave the action out, found "connect"'],
  [entry('listPeers on /a/'),
    'actions[0]: is done on `own`, and there is none among the resources; add it there, or leave the action out, found "listPeers"',
    'resources[0]: is of use for openStream or provideService, and that is not among the actions; add it there, or leave the resource out, found "/a/"'],
  [entry('openStream on /a/ own'), 'resources[1]: is of use for listPeers, and that is not among the actions; add it there, or leave the resource out, found "own"'],
  [{ ...entry('openStream on /a/'), lifetime: '25h' }, `lifetime: ${TERM}, found "25h"`],
  [{ ...entry('openStream on /a/'), lifetime: '59s' }, `lifetime: ${TERM}, found "59s"`],
  [{ ...entry('openStream on /a/'), lifetime: '1 hour' }, 'lifetime: must be a duration such as `15m` or `1h`, found "1 hour"'],
  [{ ...entry('openStream on /a/'), lifetime: 0 }, 'lifetime: must be text, found 0'],
  [{ ...entry('openStream on /a/'), lifetime: null }, 'lifetime: is there without a value; give it one or leave it out'],
  [{ ...entry('openStream on /a/'), action: [] }, 'action: unknown key; did you mean `actions`?'],
  [{ ...entry('openStream on /a/'), seconds: 60 }, 'seconds: unknown key; there are: actions, resources, lifetime']
]

for (const [index, [written, ...faults]] of faultRows.entries()) {
  test(`a wrong entry is refused with every reason: ${index + 1}: ${JSON.stringify(written).slice(0, 60)}`, t => {
    const found = declared([entry('openStream on /good/'), written])
    if (!Array.isArray(found)) return t.fail('it was taken')
    t.is(found.length, faults.length, found.join('\n'))
    for (const [i, fault] of faults.entries()) t.true(found[i]?.startsWith(`blessed[1].${fault}`), found[i])
  })
}

test('two entries that say the same are one too many, in whatever order they say it', t => {
  const entries = [entry('openStream provideService on /a/ /b/'), entry('openStream on /a/'), { ...entry('provideService openStream on /b/ /a/'), lifetime: '60m' }]
  t.deepEqual(declared(entries), ['blessed[2]: says the same as blessed[0]; leave one of them out'])
  t.is((declared([entries[0], { ...entries[2], lifetime: '30m' }]) as TenantSpec).blessed.length, 2, 'for another time it is another')
})

test('a tenant has at most 16 entries', t => {
  const many = (count: number): object[] => Array.from({ length: count }, (_, i) => entry(`openStream on /${i}/`))
  t.is((declared(many(16)) as TenantSpec).blessed.length, 16)
  t.deepEqual(declared(many(17)), ['blessed: must have at most 16'])
  t.deepEqual(declared({ actions: [] }), ['blessed: must be a list, found a mapping'])
})

test('the options of p2pctl bless are named in their faults, all at once', t => {
  t.deepEqual(parseBlessFlags({ ...entry('openStream on /a/'), lifetime: '90m' }), { ...entry('openStream on /a/'), seconds: 5_400 })
  t.deepEqual(faultsOf(() => parseBlessFlags({ actions: ['openStreams'], resources: ['x'], lifetime: '2d' })), [
    'argv: --action: must be connect or disconnect or listPeers or openStream or provideService, found "openStreams"; did you mean openStream?',
    `argv: --resource: ${RULE}, found "x"`,
    'argv: --for: must be from 1m to 24h: one that is to last longer belongs in the manifest, under `blessed`, and is renewed then, found "2d"'
  ])
})

test('a request is looked at like anything from outside', t => {
  const good = { ...entry('openStream on /a/'), seconds: 60 }
  t.deepEqual(parseBlessing(good), good)
  for (const [value, fault] of [
    [undefined, 'request: is missing'],
    [[], 'request: must be a mapping (`key: value` lines), found a list'],
    [{ ...good, seconds: 59 }, 'request: seconds: must be at least 60, found 59'],
    [{ ...good, seconds: 86_401 }, 'request: seconds: must be at most 86400, found 86401'],
    [{ ...good, seconds: 60.5 }, 'request: seconds: must be a whole number, found 60.5'],
    [{ ...good, tenant: 'victim' }, 'request: tenant: unknown key; there are: actions, resources, seconds'],
    [JSON.parse('{"__proto__":{"seconds":60},"actions":["openStream"],"resources":["/a/"]}'), 'request: seconds: is missing']
  ] as const) t.is(faultsOf(() => parseBlessing(value))[0], fault)
  for (const wrong of [
    { actions: ['fly'] }, { resources: [] }, { actions: Array.from({ length: 17 }, () => 'openStream') }, { resources: Array.from({ length: 65 }, (_, i) => `/${i}`) },
    { resources: [`/${'x'.repeat(256)}`] }, { resources: ['/\u202e'] }
  ]) t.regex(faultsOf(() => parseBlessing({ ...good, ...wrong }))[0] ?? '', /^request: (?:actions|resources)/)
})

test('what says the same has the same key, and nothing else has', t => {
  const { key, others } = { key: blessingKey({ ...entry('openStream connect on /a/ *'), seconds: 60 }), others: [entry('openStream on /a/ *'), entry('openStream connect on /a/'), entry('openStream on connect /a/ *')] }
  t.is(blessingKey({ ...entry('connect openStream on * /a/'), seconds: 60 }), key)
  for (const other of others) t.not(blessingKey({ ...other, seconds: 60 }), key)
  t.not(blessingKey({ ...entry('openStream connect on /a/ *'), seconds: 61 }), key)
})
