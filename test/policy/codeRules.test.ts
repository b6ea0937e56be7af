import test from 'ava'
import type { Ask } from '../../src/policy/ask.ts'
import { forbiddenByCode } from '../../src/policy/codeRules.ts'
import { OWN_HOST_POLICY, ownHostPolicy } from '../../src/policy/ownHost.ts'

const CALLER = { tenant: 'chat' }

function dial (ip: string): Ask {
  return { action: 'dial', resource: { type: 'Peer', id: 'x' }, context: { address: `/ip4/${ip}/tcp/1`, ip, port: 1, relayed: false } }
}

function handle (id: string): Ask {
  return { action: 'handleStream', resource: { type: 'Protocol', id } }
}

const ADDRESSES: Readonly<Record<string, readonly string[]>> = {
  'a cloud\'s metadata address': [
    '169.254.169.254', '::ffff:169.254.169.254', '::FFFF:A9FE:A9FE', '0:0:0:0:0:ffff:a9fe:a9fe', '::169.254.169.254', '64:ff9b::169.254.169.254', '64:ff9b::a9fe:a9fe',
    '64:ff9b:1::169.254.169.254', '64:ff9b:1:a9fe:a9:fe00::', '64:ff9b:1:00a9:fe:a9fe::', '64:ff9b:1:0:a9:fea9:fe00:0', '2002:a9fe:a9fe::1', '::ffff:0:169.254.169.254', '2001:0:a9fe:a9fe::f7f7:f7f7',
    'fd00:ec2::254', 'fd00:ec2:0:0:0:0:0:254', 'fd00:0ec2::0254', '100.100.100.200', '::ffff:100.100.100.200', '168.63.129.16', '2002:a83f:8110::', '::ffff:0:168.63.129.16', '192.0.0.192', '64:ff9b::192.0.0.192'
  ],
  'link-local': ['169.254.0.1', '169.254.255.255', '::ffff:169.254.1.1', 'fe80::1', 'FE80::1%eth0', 'febf:ffff::1', '2002:a9fe:1::', '64:ff9b::169.254.7.7'],
  unspecified: ['0.0.0.0', '0.0.0.1', '0.255.255.255', '::', '0:0:0:0:0:0:0:0', '::ffff:0.0.0.0', '64:ff9b::', '::2', '2002::'],
  multicast: ['224.0.0.1', '239.255.255.255', 'ff02::1', 'ff0e::1', '::ffff:224.0.0.251', '64:ff9b::224.0.0.1'],
  broadcast: ['255.255.255.255', '::ffff:255.255.255.255', '64:ff9b::ffff:ffff']
}

for (const [what, addresses] of Object.entries(ADDRESSES)) {
  test(`${what} is never dialled, in any of ${addresses.length} spellings`, t => {
    for (const ip of addresses) {
      const rule = forbiddenByCode(dial(ip)) ?? ''
      t.true(rule.startsWith('code: no policy can allow to dial ') && rule.endsWith(`, it is ${what}`), `${ip}: ${rule}`)
      t.deepEqual(ownHostPolicy.decide(CALLER, dial(ip)), { allowed: false, policy: rule, epoch: 0 })
    }
  })
}

test('what is no literal address is never dialled', t => {
  for (const ip of ['localhost', '127.1', '0x7f000001', '2130706433', '']) t.is(forbiddenByCode(dial(ip)), 'code: only a literal IP address can be dialled')
})

test('other addresses are policy\'s to judge, private ones too', t => {
  for (const ip of ['127.0.0.1', '10.0.0.1', '192.168.1.1', '8.8.8.8', '100.100.100.201', '168.63.129.17', '192.0.0.193', '::1', 'fc00::1', 'fd00:ec2::255', '2606:4700::1111', '240.0.0.1', '2002:808:808::1', '64:ff9b:1::8.8.8.8']) {
    t.is(forbiddenByCode(dial(ip)), undefined, ip)
    t.deepEqual(ownHostPolicy.decide(CALLER, dial(ip)), { allowed: true, policy: OWN_HOST_POLICY, epoch: 0 })
  }
})

test('a connection from a link-local address is policy\'s to judge', t => {
  const { resource, context } = dial('fe80::1') as Extract<Ask, { action: 'dial' }>
  t.is(forbiddenByCode({ action: 'acceptConnection', resource, context }), undefined)
})

test('the protocols of libp2p and p2pd are nobody\'s to handle, and what only looks like one is', t => {
  const core = [
    '/ipfs/id/1.0.0', '/ipfs/id/push/1.0.0', '/ipfs/ping/1.0.0', '/ipfs/kad/1.0.0', '/ipfs/lan/kad/1.0.0', '/libp2p/circuit/relay/0.2.0/hop', '/libp2p/autonat/1.0.0', '/p2p/id/delta/1.0.0',
    '/meshsub/1.1.0', '/floodsub/1.0.0', '/multistream/1.0.0', '/noise', '/tls/1.0.0', '/yamux/1.0.0', '/mplex/6.7.0', '/p2pd/plugin/dht/1.0.0', '/p2pd', '/libp2p', '/ipfs/id'
  ]
  for (const id of core) {
    t.regex(forbiddenByCode(handle(id)) ?? '', /^code: no policy can allow to handle \/\S+, it belongs to libp2p or to p2pd itself$/, id)
    t.false(ownHostPolicy.decide(CALLER, handle(id)).allowed, id)
    t.is(forbiddenByCode({ action: 'openStream', resource: { type: 'Protocol', id }, context: { peer: 'x', relayed: false } }), undefined, 'opening one is another question')
  }
  for (const id of ['/chat/1.0.0', '/ipfs/bitswap/1.2.0', '/ipfs/identity', '/noisy', '/p2pdx/1', 'ipfs/id/1.0.0', '/x/ipfs/id/1.0.0', '/IPFS/id/1.0.0', '']) t.is(forbiddenByCode(handle(id)), undefined, id)
})
