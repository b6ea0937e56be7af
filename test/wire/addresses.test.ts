import test from 'ava'
import { formatMultiaddr, formatSocketAddress, parseMultiaddr, parseSocketAddress, socketMultiaddr, withoutPeerId } from '../../src/wire/addresses.ts'

const PEER = '12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8'

for (const [text, address, printed] of [
  ['/unix/tmp/x.sock', { path: '/tmp/x.sock' }, '/unix/tmp/x.sock'],
  ['/unix/%2Ftmp%2Fx.sock', { path: '/tmp/x.sock' }, '/unix/tmp/x.sock'],
  ['/unix/%2ftmp%2fwith%20space', { path: '/tmp/with space' }, '/unix/tmp/with space'],
  ['/unix/tmp/100%/x', { path: '/tmp/100%/x' }, '/unix/tmp/100%/x'],
  ['/unix/%2Ftmp/x', { path: '/%2Ftmp/x' }, '/unix/%2Ftmp/x'],
  ['/unix/tmp/tcp/4001', { path: '/tmp/tcp/4001' }, '/unix/tmp/tcp/4001'],
  ['/ip4/127.0.0.1/tcp/0', { host: '127.0.0.1', port: 0 }, '/ip4/127.0.0.1/tcp/0'],
  ['/ip6/0:0::1/tcp/65535', { host: '::1', port: 65535 }, '/ip6/::1/tcp/65535']
] as const) {
  test(`${text} is a socket address, as text and as bytes`, t => {
    t.deepEqual(parseSocketAddress(text), address)
    t.deepEqual(parseSocketAddress(parseMultiaddr(text).bytes), address)
    t.is(formatSocketAddress(address), printed)
    t.deepEqual(socketMultiaddr(address).bytes, parseMultiaddr(text).bytes)
  })
}

for (const [text, message] of [
  ['/dns4/localhost/tcp/1', /^\/dns4\/localhost\/tcp\/1 is no socket address: a socket address is \/unix\/PATH/],
  ['/ip4/127.0.0.1/udp/1/quic-v1', /quic-v1 is no socket address/],
  ['/ip4/127.0.0.1', /is no socket address/],
  ['/ip4/127.0.0.1/tcp/1/ws', /is no socket address/],
  [`/ip4/127.0.0.1/tcp/1/p2p/${PEER}`, /is no socket address/],
  [`/p2p/${PEER}`, /is no socket address/],
  ['/', /^\/ is no socket address/],
  [`/unix/${'a'.repeat(107)}`, /is over the 107 bytes/],
  ['/unix/%2Ftmp%00', /holds a NUL/],
  ['/unix/%2Ftmp%zz', /is no multiaddr: URI malformed/],
  ['/ip4/127.0.0.1/tcp/65536', /is no multiaddr/],
  ['/run/p2pd.sock', /is no multiaddr/],
  ['p2pd.sock', /is no multiaddr/],
  ['', /is no socket address/]
] as const) {
  test(`${text === '' ? 'nothing' : text.slice(0, 40)} is refused as a socket address`, t => {
    t.throws(() => parseSocketAddress(text), { code: 'ERR_REQUEST', message })
  })
}

test('a socket path without its first slash, as Python\'s multiaddr writes it, is taken from the root', t => {
  t.deepEqual(parseSocketAddress(Uint8Array.of(0x90, 0x03, 1, 0x78)), { path: '/x' })
})

test('a relative socket path and an abstract name are refused', t => {
  t.throws(() => parseSocketAddress(Uint8Array.of(0x90, 0x03, 2, 0x40, 0x78)), { code: 'ERR_REQUEST', message: /is not absolute/ })
  t.throws(() => socketMultiaddr({ path: 'x.sock' }), { code: 'ERR_REQUEST', message: /is not absolute/ })
})

test('a host name is no host of a socket address', t => {
  t.throws(() => socketMultiaddr({ host: 'localhost', port: 1 }), { code: 'ERR_REQUEST' })
})

test('withoutPeerId takes off the last peer ID only, and leaves what has none', t => {
  const bare = '/ip4/127.0.0.1/tcp/1'
  const relayed = `${bare}/p2p/${PEER}/p2p-circuit`
  t.is(formatMultiaddr(withoutPeerId(parseMultiaddr(bare))), bare)
  t.is(formatMultiaddr(withoutPeerId(parseMultiaddr(`${bare}/p2p/${PEER}`))), bare)
  t.is(formatMultiaddr(withoutPeerId(parseMultiaddr(relayed))), relayed)
  t.is(formatMultiaddr(withoutPeerId(parseMultiaddr(`${relayed}/p2p/${PEER}`))), relayed)
})
