import test from 'ava'
import type { ClassicOptions } from '../../src/config/classicFlags.ts'
import { parseClassicFlags } from '../../src/config/classicFlags.ts'
import { CLASSIC_FLAGS } from '../../src/config/classicTable.ts'
import { classicUsage } from '../../src/config/classicUsage.ts'
import { faultsOf } from './world.ts'

const DEFAULTS: ClassicOptions = {
  listen: '/unix/tmp/p2pd.sock',
  quiet: false,
  hostAddrs: ['/ip4/0.0.0.0/tcp/0', '/ip6/::/tcp/0'],
  announceAddrs: [],
  noListen: false,
  echo: true,
  warnings: [],
  help: false
}

const rows: Array<[title: string, argv: string[], differs: Partial<ClassicOptions>]> = [
  ['without flags there is Go\'s default', [], {}],
  ['a Unix socket in Go\'s form', ['-listen', '/unix/run/my p2pd.sock'], { listen: '/unix/run/my p2pd.sock' }],
  ['a Unix socket in JavaScript\'s form', ['-listen=/unix/%2Frun%2Fmy%20p2pd.sock'], { listen: '/unix/run/my p2pd.sock' }],
  ['a percent sign in Go\'s form is one', ['-listen=/unix/tmp/%2Fa.sock'], { listen: '/unix/tmp/%2Fa.sock' }],
  ['the longest socket path that fits', [`-listen=/unix/${'p'.repeat(106)}`], { listen: `/unix/${'p'.repeat(106)}` }],
  ['control over TCP on loopback', ['-listen=/ip4/127.0.0.1/tcp/0'], { listen: '/ip4/127.0.0.1/tcp/0' }],
  ['control over TCP on another loopback address', ['-listen=/ip4/127.1.2.3/tcp/7'], { listen: '/ip4/127.1.2.3/tcp/7' }],
  ['control over TCP on IPv6 loopback', ['-listen=/ip6/0:0:0:0:0:0:0:1/tcp/7'], { listen: '/ip6/::1/tcp/7' }],
  ['quiet', ['-q'], { quiet: true }],
  ['an identity from a file', ['-id', 'my.key'], { idFile: 'my.key' }],
  ['an empty identity is none, as in Go', ['-id='], {}],
  ['one address to listen on', ['-hostAddrs=/ip4/127.0.0.1/tcp/0'], { hostAddrs: ['/ip4/127.0.0.1/tcp/0'] }],
  ['several addresses to listen on', ['-hostAddrs', '/ip4/127.0.0.1/tcp/0,/ip6/::1/tcp/4001'], { hostAddrs: ['/ip4/127.0.0.1/tcp/0', '/ip6/::1/tcp/4001'] }],
  ['empty addresses are the default, as in Go', ['-hostAddrs=', '-announceAddrs='], {}],
  ['addresses to announce may be names', ['-announceAddrs=/dns4/example.com/tcp/1,/ip4/1.2.3.4/udp/1/quic-v1'],
    { announceAddrs: ['/dns4/example.com/tcp/1', '/ip4/1.2.3.4/udp/1/quic-v1'] }],
  ['listening on nothing', ['-noListenAddrs'], { noListen: true, hostAddrs: [] }],
  ['listening on nothing wins, and says so', ['-noListenAddrs=1', '-hostAddrs=/ip4/127.0.0.1/tcp/0'],
    { noListen: true, hostAddrs: [], warnings: ['-hostAddrs: has no effect with -noListenAddrs'] }],
  ['no echo', ['-echo=false'], { echo: false }],
  ['what Go ignores is ignored, and named', ['-q', 'true', '-listen=/unix/x.sock'],
    { quiet: true, warnings: ['everything from "true" on is ignored: it is no flag, and ends them (a boolean is written -flag=false)'] }],
  ['TLS asked for is a warning', ['-tls=true'], { warnings: ['-tls: TLS is not offered; connections are secured with noise'] }],
  ['QUIC asked for is a warning', ['-quic'], { warnings: ['-quic: QUIC is not offered; connections go over TCP'] }],
  ['TLS and QUIC turned off are what there is', ['-tls=false', '-quic=false', '-noise', '-plaintext=false', '-muxer=yamux'], {}],
  ['help', ['-h'], { help: true }],
  ['help, whatever else is wrong', ['-dht', '-listen=x', '--help'], { help: true, listen: '' }]
]

for (const [title, argv, differs] of rows) {
  test(`${title}: ${JSON.stringify(argv)}`, t => { t.deepEqual(parseClassicFlags(argv), { ...DEFAULTS, ...differs }) })
}

const later = (what: string): string => `${what} is not available in this version of p2pd; leave the flag out`

const LISTEN_RULE = 'cannot be listened on; a host listens on /ip4/ADDRESS/tcp/PORT or /ip6/ADDRESS/tcp/PORT'

const faultRows: Array<[argv: string[], ...faults: string[]]> = [
  [['-dht'], `-dht: ${later('the DHT')}`],
  [['-dhtServer=1'], `-dhtServer: ${later('the DHT')}`],
  [['-dhtClient'], `-dhtClient: ${later('the DHT')}`],
  [['-b'], `-b: ${later('connecting to bootstrap peers')}`],
  [['-pubsub=true', '-pubsubRouter=gossipsub'], `-pubsub: ${later('publish-subscribe')}`],
  [['-connManager=true', '-connLo=1', '-connHi=2', '-connGrace=0'], `-connManager: ${later('the connection manager')}`],
  [['-relay'], `-relay: ${later('circuit relay')}`],
  [['-relayHopLimit=3'], `-relayHopLimit: ${later('circuit relay')}`],
  [['-natPortMap'], `-natPortMap: ${later('mapping ports at a NAT')}`],
  [['-autonat'], `-autonat: ${later('AutoNAT')}`],
  [['-metricsAddr=127.0.0.1:9090'], `-metricsAddr: ${later('metrics over HTTP')}`],
  [['-idleTimeout=30s'], `-idleTimeout: ${later('stopping when no client is connected')}`],
  [['-pprof'], '-pprof: there is no Go program here to profile; leave the flag out'],
  [['-f=config.json'], '-f: configuration as JSON is not read; give the same settings as flags'],
  [['-i'], '-i: configuration as JSON is not read; give the same settings as flags'],
  [['-noise=false'], '-noise: noise is the only channel security here; it cannot be turned off'],
  [['-plaintext'], '-plaintext: connections without encryption are never made; leave the flag out'],
  [['-muxer=mplex'], '-muxer: the one muxer here is yamux'],
  [['-hostAddr=x'], '-hostAddr: unknown flag; did you mean -hostAddrs?'],

  [['-listen=/ip4/0.0.0.0/tcp/0'], '-listen: would let the network control this daemon; use /ip4/127.0.0.1/tcp/PORT or /unix/PATH, found "/ip4/0.0.0.0/tcp/0"'],
  [['-listen=/ip6/::/tcp/0'], '-listen: would let the network control this daemon; use /ip4/127.0.0.1/tcp/PORT or /unix/PATH, found "/ip6/::/tcp/0"'],
  [['-listen=/ip6/::ffff:127.0.0.1/tcp/0'], '-listen: would let the network control this daemon; use /ip4/127.0.0.1/tcp/PORT or /unix/PATH, found "/ip6/::ffff:127.0.0.1/tcp/0"'],
  [['-listen=/dns4/localhost/tcp/0'], '-listen: must be /unix/PATH or /ip4/127.0.0.1/tcp/PORT, found "/dns4/localhost/tcp/0"'],
  [['-listen=/ip4/127.0.0.1/udp/1'], '-listen: must be /unix/PATH or /ip4/127.0.0.1/tcp/PORT, found "/ip4/127.0.0.1/udp/1"'],
  [['-listen=/ip4/127.0.0.1/tcp/1/ws'], '-listen: must be /unix/PATH or /ip4/127.0.0.1/tcp/PORT, found "/ip4/127.0.0.1/tcp/1/ws"'],
  [['-listen='], '-listen: must be /unix/PATH or /ip4/127.0.0.1/tcp/PORT, found ""'],
  [['-listen=/tmp/p2pd.sock'], '-listen: is no multiaddr (Protocol tmp was unknown), found "/tmp/p2pd.sock"'],
  [['-listen=/unix/'], '-listen: must name a file, like /unix/tmp/p2pd.sock, found "/unix/"'],
  [['-listen=/unix/tmp/'], '-listen: must name a file, like /unix/tmp/p2pd.sock, found "/unix/tmp/"'],
  [['-listen=/unix/%2Ftmp%2'], '-listen: has a path that cannot be read, found "/unix/%2Ftmp%2"'],
  [['-listen=/unix/%2Ftmp%00'], '-listen: has a path that cannot be read, found "/unix/%2Ftmp%00"'],
  [[`-listen=/unix/${'p'.repeat(107)}`], `-listen: the path is too long: 108 bytes, Linux takes 107, found "/unix/${'p'.repeat(54)}…"`],

  [['-hostAddrs=/ip4/0.0.0.0/udp/0/quic-v1,/ip4/0.0.0.0/tcp/0'], `-hostAddrs: ${LISTEN_RULE}, found "/ip4/0.0.0.0/udp/0/quic-v1"`],
  [['-hostAddrs=/ip4/0.0.0.0/tcp/0,'], '-hostAddrs: is an empty address, found ""'],
  [['-announceAddrs=example.com'], '-announceAddrs: is no multiaddr (String multiaddr must start with "/"), found "example.com"'],

  [['-xyzzy', '-q=maybe', '-dht', '-listen=x', '-hostAddrs=y', '-announceAddrs=z'],
    '-xyzzy: unknown flag; p2pd -help lists them',
    '-q: must be true or false (or 1, 0, t, f), found "maybe"',
    `-dht: ${later('the DHT')}`,
    '-listen: is no multiaddr (String multiaddr must start with "/"), found "x"',
    '-hostAddrs: is no multiaddr (String multiaddr must start with "/"), found "y"',
    '-announceAddrs: is no multiaddr (String multiaddr must start with "/"), found "z"']
]

for (const [index, [argv, ...faults]] of faultRows.entries()) {
  test(`a wrong command line is refused with every reason: ${index + 1}: ${JSON.stringify(argv).slice(0, 60)}`, t => {
    t.deepEqual(faultsOf(() => parseClassicFlags(argv)), faults.map(fault => `argv: ${fault}`))
  })
}

test('what is refused when turned on may be turned off', t => {
  for (const flag of CLASSIC_FLAGS) {
    if (flag.status !== 'refused') continue
    const argv = [`-${flag.name}=${flag.accepted}`]
    t.deepEqual(parseClassicFlags(argv), DEFAULTS, argv[0])
  }
})

test('what has an effect only with something refused is accepted with any value', t => {
  const argv = ['-bootstrapPeers=x', '-connLo=0x10', '-connHi=-1', '-connGrace=1h30m', '-pubsubSign=f', '-gossipsubHeartbeatInterval=100ms', '-pprofPort=0', '-relayDataLimit=4294967296']
  t.deepEqual(parseClassicFlags(argv), DEFAULTS)
})

const clients: Array<[client: string, argv: string[], differs: Partial<ClassicOptions>]> = [
  ['nim-libp2p', ['-noInlinePeerID=true', '-noInlinePeerId=true', '-hostAddrs=/ip4/127.0.0.1/tcp/0', '-noise=true', '-quic=false', '-listen=/unix/tmp/nim-p2pd-1-1.sock'],
    { hostAddrs: ['/ip4/127.0.0.1/tcp/0'], listen: '/unix/tmp/nim-p2pd-1-1.sock' }],
  ['p2pclient for Python', ['-listen=/ip4/127.0.0.1/tcp/40000', '-hostAddrs=/ip4/127.0.0.1/tcp/0'],
    { listen: '/ip4/127.0.0.1/tcp/40000', hostAddrs: ['/ip4/127.0.0.1/tcp/0'] }],
  ['the interoperability tests of js-libp2p', ['-listen=/ip4/127.0.0.1/tcp/40000', '-hostAddrs=/ip4/127.0.0.1/tcp/0', '-noise=true', '-muxer=yamux', '-id=/tmp/key'],
    { listen: '/ip4/127.0.0.1/tcp/40000', hostAddrs: ['/ip4/127.0.0.1/tcp/0'], idFile: '/tmp/key' }],
  ['hivemind with all it can turn off turned off', ['-listen=/unix/tmp/hivemind-p2pd-x.sock', '-hostAddrs=/ip4/127.0.0.1/tcp/0', '-quic=0', '-tls=0', '-connManager=0', '-natPortMap=0', '-autonat=0', '-relay=0', '-relayHop=0', '-relayDiscovery=0', '-autoRelay=0', '-relayHopLimit=0', '-b=0', '-dht=0', '-idleTimeout=0s', '-persistentConnMaxMsgSize=4194304'],
    { listen: '/unix/tmp/hivemind-p2pd-x.sock', hostAddrs: ['/ip4/127.0.0.1/tcp/0'] }]
]

for (const [client, argv, differs] of clients) {
  test(`${client} gets its daemon, without a warning`, t => { t.deepEqual(parseClassicFlags(argv), { ...DEFAULTS, ...differs }) })
}

test('every flag is in the table once', t => {
  const names = CLASSIC_FLAGS.map(({ name }) => name)
  t.deepEqual(names, [...new Set(names)])
})

test('the usage has every flag, and an example that is a good command line', t => {
  const usage = classicUsage()
  for (const { name } of CLASSIC_FLAGS) t.regex(usage, new RegExp(`^  -${name}[ =]`, 'm'))
  const examples = [...usage.matchAll(/^  p2pd(.*)$/gm)].map(([, line = '']) => line.split(/ {2,}/)[0]?.trim() ?? '')
  t.is(examples.length, 3)
  for (const example of examples) t.deepEqual(parseClassicFlags(example === '' ? [] : example.split(' ')).warnings, [])
})

test('the usage says what is honoured and what is refused', t => {
  const usage = classicUsage()
  t.regex(usage, /^ {2}-listen TEXT +control socket: \/unix\/PATH, or TCP on a loopback address \(default \/unix\/tmp\/p2pd.sock\)$/m)
  t.regex(usage, /^ {2}-q +print nothing on stdout$/m)
  t.regex(usage, /^Refused unless the value is the one shown:$/m)
  t.regex(usage, /^ {2}-relay=false +circuit relay is not available in this version of p2pd; leave the flag out$/m)
})
