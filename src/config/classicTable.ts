/**
 * Every flag of go-libp2p-daemon, and of the hivemind fork of it, and what becomes of each here.
 *
 * - honoured: does what it did there.
 * - refused: any value but `accepted` is a fault. A program that asks for a DHT and gets a daemon without one fails later
 *   and elsewhere, so it is told at once.
 * - warned: any value but `accepted` is a line on stderr, and the daemon runs: what was asked for is not there, and nobody
 *   relies on it.
 * - ignored: nothing is lost, whatever the value; `why` says how that can be.
 *
 * `value` is Go's default, which is what the usage shows. It is not checked against `accepted`: a flag that was left out
 * asked for nothing.
 */
import type { GoType, GoValue } from './goValues.ts'

interface FlagBase {
  name: string
  type: GoType
  value: GoValue
}

export type ClassicFlag =
  | FlagBase & { status: 'honoured', help: string }
  | FlagBase & { status: 'refused' | 'warned', accepted: GoValue, why: string }
  | FlagBase & { status: 'ignored', why: string }

const LATER = 'is not available in this version of p2pd; leave the flag out'

const honoured = (name: string, type: GoType, value: GoValue, help: string): ClassicFlag =>
  ({ name, type, value, status: 'honoured', help })

const refused = (name: string, type: GoType, value: GoValue, accepted: GoValue, why: string): ClassicFlag =>
  ({ name, type, value, status: 'refused', accepted, why })

const warned = (name: string, type: GoType, value: GoValue, accepted: GoValue, why: string): ClassicFlag =>
  ({ name, type, value, status: 'warned', accepted, why })

const ignored = (name: string, type: GoType, value: GoValue, why: string): ClassicFlag =>
  ({ name, type, value, status: 'ignored', why })

export const CLASSIC_FLAGS: readonly ClassicFlag[] = [
  honoured('listen', 'string', '/unix/tmp/p2pd.sock', 'control socket: /unix/PATH, or TCP on a loopback address'),
  honoured('q', 'bool', false, 'print nothing on stdout'),
  honoured('id', 'string', '', 'file with the private key to use; without it, a new identity at every start'),
  honoured('hostAddrs', 'string', '', 'multiaddrs to listen on for other peers, separated by commas; TCP'),
  honoured('announceAddrs', 'string', '', 'multiaddrs to tell other peers instead of those listened on, separated by commas'),
  honoured('noListenAddrs', 'bool', false, 'listen on no address; only dial'),
  honoured('echo', 'bool', true, 'answer the echo protocol'),

  refused('muxer', 'string', 'yamux', 'yamux', 'the one muxer here is yamux'),
  refused('noise', 'bool', true, true, 'noise is the only channel security here; it cannot be turned off'),
  refused('plaintext', 'bool', true, false, 'connections without encryption are never made; leave the flag out'),
  // Clients turn it on without needing it: whoever speaks TLS to a Go daemon speaks noise too.
  warned('tls', 'bool', true, false, 'TLS is not offered; connections are secured with noise'),
  // The hivemind client passes -quic=0 or -quic=1 always. An address of QUIC in -hostAddrs is a fault by itself.
  warned('quic', 'bool', true, false, 'QUIC is not offered; connections go over TCP'),

  refused('dht', 'bool', false, false, `the DHT ${LATER}`),
  refused('dhtClient', 'bool', false, false, `the DHT ${LATER}`),
  refused('dhtServer', 'bool', false, false, `the DHT ${LATER}`),
  refused('b', 'bool', false, false, `connecting to bootstrap peers ${LATER}`),
  ignored('bootstrapPeers', 'string', '', 'has an effect only with -b'),

  refused('pubsub', 'bool', false, false, `publish-subscribe ${LATER}`),
  ignored('pubsubRouter', 'string', 'gossipsub', 'has an effect only with -pubsub'),
  ignored('pubsubSign', 'bool', true, 'has an effect only with -pubsub'),
  ignored('pubsubSignStrict', 'bool', true, 'has an effect only with -pubsub'),
  ignored('gossipsubHeartbeatInterval', 'duration', 0, 'has an effect only with -pubsub'),
  ignored('gossipsubHeartbeatInitialDelay', 'duration', 0, 'has an effect only with -pubsub'),

  refused('connManager', 'bool', false, false, `the connection manager ${LATER}`),
  ignored('connLo', 'int', 256, 'has an effect only with -connManager'),
  ignored('connHi', 'int', 512, 'has an effect only with -connManager'),
  ignored('connGrace', 'duration', 120_000, 'has an effect only with -connManager'),

  refused('relay', 'bool', true, false, `circuit relay ${LATER}`),
  refused('relayActive', 'bool', false, false, `circuit relay ${LATER}`),
  refused('relayHop', 'bool', false, false, `circuit relay ${LATER}`),
  refused('relayHopLimit', 'int', 0, 0, `circuit relay ${LATER}`),
  refused('relayDiscovery', 'bool', false, false, `circuit relay ${LATER}`),
  refused('autoRelay', 'bool', false, false, `circuit relay ${LATER}`),
  refused('trustedRelays', 'string', '', '', `circuit relay ${LATER}`),
  refused('relayService', 'bool', true, false, `circuit relay ${LATER}`),
  ignored('relayMaxCircuits', 'int', 16, 'has an effect only with -relayService'),
  ignored('relayMaxReservations', 'int', 128, 'has an effect only with -relayService'),
  ignored('relayBufferSize', 'int', 2 ** 24, 'has an effect only with -relayService'),
  ignored('relayDataLimit', 'int', 2 ** 32, 'has an effect only with -relayService'),
  ignored('relayTimeLimit', 'duration', 30 * 60_000, 'has an effect only with -relayService'),

  refused('natPortMap', 'bool', false, false, `mapping ports at a NAT ${LATER}`),
  refused('autonat', 'bool', false, false, `AutoNAT ${LATER}`),
  ignored('forceReachabilityPublic', 'bool', false, 'is so anyway: without AutoNAT every address is announced'),
  refused('forceReachabilityPrivate', 'bool', false, false, `staying behind a relay ${LATER}`),

  refused('metricsAddr', 'string', '', '', `metrics over HTTP ${LATER}`),
  ignored('bandwidthMetrics', 'bool', true, 'counted bytes that no client could ask for'),
  refused('pprof', 'bool', false, false, 'there is no Go program here to profile; leave the flag out'),
  ignored('pprofPort', 'uint', 0, 'has an effect only with -pprof'),
  refused('f', 'string', '', '', 'configuration as JSON is not read; give the same settings as flags'),
  refused('i', 'bool', false, false, 'configuration as JSON is not read; give the same settings as flags'),

  refused('idleTimeout', 'duration', 0, 0, `stopping when no client is connected ${LATER}`),
  ignored('persistentConnMaxMsgSize', 'int', 4 * 2 ** 20, 'has an effect only on upgraded connections'),

  // nim-libp2p's client passes it, in two spellings; no release of the daemon ever had it.
  ignored('noInlinePeerID', 'bool', false, 'was never in a release of go-libp2p-daemon'),
  ignored('noInlinePeerId', 'bool', false, 'was never in a release of go-libp2p-daemon')
]

export const FLAG_TYPES: ReadonlyMap<string, GoType> = new Map(CLASSIC_FLAGS.map(({ name, type }) => [name, type]))

export const FLAG_DEFAULTS: ReadonlyMap<string, GoValue> = new Map(CLASSIC_FLAGS.map(({ name, value }) => [name, value]))
