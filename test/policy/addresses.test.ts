import test from 'ava'
import { canonicalIp, isPublic } from '../../src/policy/addresses.ts'

/** As written, as it is meant, and whether that is on the internet. */
const SPELLINGS: ReadonlyArray<readonly [text: string, ip: string, isPublic: boolean]> = [
  // IPv4 by itself
  ['8.8.8.8', '8.8.8.8', true],
  ['127.0.0.1', '127.0.0.1', false],
  ['127.255.255.254', '127.255.255.254', false],
  ['10.0.0.1', '10.0.0.1', false],
  ['172.15.255.255', '172.15.255.255', true],
  ['172.16.0.1', '172.16.0.1', false],
  ['172.31.255.255', '172.31.255.255', false],
  ['172.32.0.1', '172.32.0.1', true],
  ['192.168.255.255', '192.168.255.255', false],
  ['192.167.255.255', '192.167.255.255', true],
  ['100.63.255.255', '100.63.255.255', true],
  ['100.64.0.1', '100.64.0.1', false],
  ['100.127.255.255', '100.127.255.255', false],
  ['169.254.169.254', '169.254.169.254', false],
  ['0.0.0.0', '0.0.0.0', false],
  ['0.1.2.3', '0.1.2.3', false],
  ['192.0.0.192', '192.0.0.192', false],
  ['192.0.2.1', '192.0.2.1', false],
  ['192.88.99.1', '192.88.99.1', false],
  ['198.18.0.1', '198.18.0.1', false],
  ['198.51.100.1', '198.51.100.1', false],
  ['203.0.113.1', '203.0.113.1', false],
  ['223.255.255.255', '223.255.255.255', true],
  ['224.0.0.1', '224.0.0.1', false],
  ['255.255.255.255', '255.255.255.255', false],
  // IPv6 by itself
  ['2606:4700:4700::1111', '2606:4700:4700::1111', true],
  ['2606:4700:4700:0000:0:0:0:1111', '2606:4700:4700::1111', true],
  ['2606:4700:4700::0.0.17.17', '2606:4700:4700::1111', true],
  ['2A00:1450:4001:0:0:0:0:8A', '2a00:1450:4001::8a', true],
  ['::1', '::1', false],
  ['0:0:0:0:0:0:0:1', '::1', false],
  ['::', '::', false],
  ['fe80::1', 'fe80::1', false],
  ['fe80::1%eth0', 'fe80::1', false],
  ['febf::1%3', 'febf::1', false],
  ['fc00::1', 'fc00::1', false],
  ['fd00:ec2::254', 'fd00:ec2::254', false],
  ['fec0::1', 'fec0::1', false],
  ['ff02::1', 'ff02::1', false],
  ['100::1', '100::1', false],
  ['2001:db8::1', '2001:db8::1', false],
  ['2001:20::1', '2001:20::1', false],
  ['2001:200::1', '2001:200::1', true],
  ['3fff::1', '3fff::1', false],
  ['5f00::1', '5f00::1', false],
  ['4000::1', '4000::1', false],
  // v4-mapped: the kernel speaks IPv4
  ['::ffff:127.0.0.1', '127.0.0.1', false],
  ['::FFFF:7f00:1', '127.0.0.1', false],
  ['0:0:0:0:0:ffff:7f00:0001', '127.0.0.1', false],
  ['::ffff:8.8.8.8', '8.8.8.8', true],
  ['::ffff:0.0.0.0', '0.0.0.0', false],
  ['::ffff:169.254.169.254%lo', '169.254.169.254', false],
  // NAT64: a gateway speaks IPv4
  ['64:ff9b::10.0.0.1', '10.0.0.1', false],
  ['64:ff9b::a00:1', '10.0.0.1', false],
  ['64:ff9b::8.8.8.8', '8.8.8.8', true],
  ['64:ff9b:1::10.0.0.1', '64:ff9b:1::a00:1', false],
  ['64:ff9b:1::8.8.8.8', '64:ff9b:1::808:808', false],
  // tunnels: the worse of both
  ['::127.0.0.1', '127.0.0.1', false],
  ['::10.0.0.1', '10.0.0.1', false],
  ['::8.8.8.8', '::808:808', false],
  ['::2', '0.0.0.2', false],
  ['::ffff:0:10.0.0.1', '10.0.0.1', false],
  ['::ffff:0:8.8.8.8', '::ffff:0:808:808', false],
  ['2002:7f00:1::', '127.0.0.1', false],
  ['2002:a9fe:a9fe::1', '169.254.169.254', false],
  ['2002:808:808::1', '2002:808:808::1', false],
  ['2001:0:808:808::f5ff:fffe', '10.0.0.1', false],
  ['2001:0:a00:1::f7f7:f7f7', '10.0.0.1', false],
  ['2001:0:808:808::f7f7:f7f7', '2001:0:808:808::f7f7:f7f7', false]
]

for (const [text, ip, isIt] of SPELLINGS) {
  test(`${text} means ${ip}, which is ${isIt ? '' : 'not '}on the internet`, t => {
    t.is(canonicalIp(text), ip)
    t.is(canonicalIp(ip), ip, 'what comes out is in its own spelling')
    t.is(isPublic(ip), isIt)
  })
}

const REFUSED = [
  '', 'localhost', '127.1', '2130706433', '0x7f.0.0.1', '0177.0.0.1', '010.0.0.1', '127.0.0.1.', ' 127.0.0.1', '127.0.0.1/8', '[::1]', '1.2.3', '256.1.1.1',
  '::ffff:127.1', ':::', '1::2::3', 'fe80::1/64', '::g', '%eth0', '127.0.0.1\n', '１２７.0.0.1', '::ffff:127.0.0.1.example.org'
]

test('what is no literal IP address is refused, not guessed at', t => {
  for (const text of REFUSED) t.throws(() => canonicalIp(text), { code: 'ERR_REQUEST', message: /is no IP address/ }, text)
})
