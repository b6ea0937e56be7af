/**
 * Ways to write an address that no tenant may reach unless a policy says so, and those that no policy can grant.
 *
 * Of each only the part before the port; names are answered by dnsServer.ts. Which of them a dialler would understand at all
 * is not said here: none may reach anything, for whatever reason.
 */

/** Loopback, private, link-local, shared, reserved: as they are, wrapped in IPv6, or as text that only some parsers read. */
export const PRIVATE: readonly string[] = [
  // IPv4, with the ends of its networks.
  '/ip4/127.0.0.1', '/ip4/127.1.2.3', '/ip4/127.255.255.254', '/ip4/10.0.0.1', '/ip4/10.255.255.254', '/ip4/172.16.0.1', '/ip4/172.31.255.254',
  '/ip4/192.168.0.1', '/ip4/192.168.255.254', '/ip4/169.254.1.1', '/ip4/100.64.0.1', '/ip4/100.127.255.254', '/ip4/0.0.0.0', '/ip4/0.1.2.3',
  '/ip4/192.0.0.1', '/ip4/192.0.2.1', '/ip4/198.18.0.1', '/ip4/198.51.100.1', '/ip4/203.0.113.1', '/ip4/224.0.0.1', '/ip4/240.0.0.1', '/ip4/255.255.255.255',
  // IPv6.
  '/ip6/::', '/ip6/::1', '/ip6/fc00::1', '/ip6/fd12:3456::1', '/ip6/fe80::1', '/ip6/febf::1', '/ip6/fec0::1', '/ip6/ff02::1', '/ip6/100::1', '/ip6/2001:db8::1',
  '/ip6zone/lo/ip6/fe80::1',
  // IPv4 inside IPv6: mapped, compatible, translated, NAT64 of the world and of a site, 6to4, Teredo (server, then client inverted).
  '/ip6/::ffff:10.0.0.1', '/ip6/::ffff:7f00:1', '/ip6/::ffff:0.0.0.0', '/ip6/::10.0.0.1', '/ip6/::127.0.0.1', '/ip6/::ffff:0:10.0.0.1',
  '/ip6/64:ff9b::10.0.0.1', '/ip6/64:ff9b::7f00:1', '/ip6/64:ff9b:1::10.0.0.1', '/ip6/2002:a00:1::1', '/ip6/2002:7f00:1::', '/ip6/2001:0:a00:1::', '/ip6/2001:0:909:909::f5ff:fffe',
  // Text that getaddrinfo(3) takes for a number.
  '/dns4/127.1', '/dns4/0x7f.1', '/dns4/0x7f000001', '/dns4/2130706433', '/dns4/017700000001', '/dns4/0177.0.0.1', '/dns4/10.1', '/dns4/0', '/dns/127.0.0.1', '/dns/::1', '/dns6/::1', '/dns6/::ffff:10.0.0.1',
  // Names.
  '/dns4/localhost', '/dns/localhost', '/dns6/localhost', '/dns4/private.test', '/dns/private.test', '/dns4/PRIVATE.TEST', '/dns4/private.test.', '/dns6/mapped.test', '/dns6/ula.test', '/dns/linklocal.test', '/dnsaddr/private.test'
]

/** Names that stand for a public address and a private one, at once or in turn: the public one may be reached. */
export const MIXED: readonly string[] = ['/dns4/both.test', '/dns/both.test', '/dns4/rebind.test', '/dns/rebind.test']

/** Link-local, and where clouds hand out a machine's credentials: however a policy may read. */
export const NEVER: readonly string[] = [
  '/ip4/169.254.169.254', '/ip4/169.254.1.1', '/ip4/100.100.100.200', '/ip4/168.63.129.16', '/ip6/fe80::1', '/ip6/fd00:ec2::254', '/ip6/::ffff:169.254.169.254', '/ip6/::169.254.169.254',
  '/ip6/64:ff9b::a9fe:a9fe', '/ip6/64:ff9b:1::169.254.169.254', '/ip6/2002:a9fe:a9fe::1', '/dns4/0xa9fea9fe', '/dns4/2852039166', '/dns4/metadata.test', '/dns/linklocal.test', '/ip4/0.0.0.0', '/ip6/::', '/ip4/224.0.0.1'
]

/** On the internet, and in the tests of this machine all the same. */
export const PUBLIC_IP = '9.9.9.9'

/** What the names mean: the addresses of one answer; several answers are given in turn. */
export const NAMES: Readonly<Record<string, ReadonlyArray<readonly string[]>>> = {
  'public.test': [[PUBLIC_IP]],
  'private.test': [['10.0.0.7', 'fd00::7']],
  'mapped.test': [['::ffff:127.0.0.1', '::ffff:10.0.0.7']],
  'ula.test': [['fd12::7']],
  'linklocal.test': [['169.254.7.7', 'fe80::7']],
  'metadata.test': [['169.254.169.254', 'fd00:ec2::254']],
  'both.test': [[PUBLIC_IP, '10.0.0.8', 'fd00::8', '127.0.0.8']],
  'rebind.test': [[PUBLIC_IP], ['10.0.0.9'], ['127.0.0.9']]
}
