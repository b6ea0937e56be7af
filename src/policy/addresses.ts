/**
 * IP addresses as policy means them: what a packet sent there would reach, in one spelling.
 *
 * Many IPv6 addresses only carry an IPv4 address. Where the network unpacks it, the IPv4 address is what is meant: v4-mapped
 * ones (the kernel speaks IPv4 then) and NAT64's (a gateway does). Where only old tunnels would (6to4, Teredo, v4-compatible,
 * SIIT), the address counts as the worse of the two: as the IPv4 address if that one is not on the internet, so that what
 * forbids 10.0.0.0/8 forbids it here too; else as itself, which is never public. What net.isIP() does not take (`127.1`,
 * `0x7f.1`, `010.0.0.1`) is refused, not guessed at.
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net'
import { P2pdError } from '../errors.ts'

/** Eight groups of 16 bits. */
type Groups = readonly number[]

/**
 * Not on the internet by IANA's special-purpose registries (iana-ipv4-special-registry, iana-ipv6-special-registry), or
 * multicast. A handful of anycast addresses inside 192.0.0.0/24 and 2001::/23 would be, and no peer lives there.
 */
const SPECIAL: ReadonlyArray<readonly [network: string, prefix: number]> = [
  ['0.0.0.0', 8], ['10.0.0.0', 8], ['100.64.0.0', 10], ['127.0.0.0', 8], ['169.254.0.0', 16], ['172.16.0.0', 12],
  ['192.0.0.0', 24], ['192.0.2.0', 24], ['192.88.99.0', 24], ['192.168.0.0', 16], ['198.18.0.0', 15],
  ['198.51.100.0', 24], ['203.0.113.0', 24], ['224.0.0.0', 4], ['240.0.0.0', 4],
  ['2001::', 23], ['2001:db8::', 32], ['2002::', 16], ['3fff::', 20]
]

/** The only part of IPv6 that IANA has given to the internet (RFC 4291, 2.4). */
const GLOBAL_UNICAST = blocks([['2000::', 3]])
const specials = blocks(SPECIAL)

function blocks (networks: ReadonlyArray<readonly [network: string, prefix: number]>): BlockList {
  const list = new BlockList()
  for (const [network, prefix] of networks) list.addSubnet(network, prefix, isIPv4(network) ? 'ipv4' : 'ipv6')
  return list
}

/** In the spelling of RFC 5952, without a zone. The same again for what it returns. Throws ERR_REQUEST for what is no IP address. */
export function canonicalIp (text: string): string {
  const bare = text.replace(/%.*$/s, '')
  if (isIPv4(bare)) return bare
  if (!isIPv6(bare)) throw new P2pdError('ERR_REQUEST', `${JSON.stringify(text.slice(0, 64))} is no IP address`)
  // The URL standard asks for the one spelling we want.
  const ip = new URL(`http://[${bare}]/`).hostname.slice(1, -1)
  const groups = groupsOf(ip)
  const same = unpacked(groups)
  if (same !== undefined) return same
  return tunnelled(groups).find(inner => !isPublic(inner)) ?? ip
}

/** Whether it is on the internet, of an address as canonicalIp() returns it. */
export function isPublic (ip: string): boolean {
  if (isIPv4(ip)) return !specials.check(ip, 'ipv4')
  return GLOBAL_UNICAST.check(ip, 'ipv6') && !specials.check(ip, 'ipv6')
}

/** Every IPv4 address in it, wherever a gateway or a tunnel may look for one. Of an address as canonicalIp() returns it. */
export function carriedIps (ip: string): string[] {
  if (isIPv4(ip)) return []
  const groups = groupsOf(ip)
  return [...tunnelled(groups), ...localNat64(groups)]
}

/** The IPv4 address that is reached instead, if one is. */
function unpacked (groups: Groups): string | undefined {
  const isMapped = isZero(groups, 0, 5) && groups[5] === 0xffff
  const isNat64 = groups[0] === 0x64 && groups[1] === 0xff9b && isZero(groups, 2, 6)
  return isMapped || isNat64 ? ipv4(groups, 6) : undefined
}

/** The IPv4 addresses in it that only a tunnel would go to. */
function tunnelled (groups: Groups): string[] {
  if (groups[0] === 0x2002) return [ipv4(groups, 1)]
  // Teredo: the server in the clear, the client inverted (RFC 4380, 4).
  if (groups[0] === 0x2001 && groups[1] === 0) return [ipv4(groups.map(group => group ^ 0xffff), 6), ipv4(groups, 2)]
  if (isZero(groups, 0, 4) && groups[4] === 0xffff && groups[5] === 0) return [ipv4(groups, 6)]
  // v4-compatible, but for :: and ::1, which are addresses of their own.
  const isOwn = groups[6] === 0 && (groups[7] ?? 0) < 2
  return isZero(groups, 0, 6) && !isOwn ? [ipv4(groups, 6)] : []
}

/** 64:ff9b:1::/48 is for NAT64 within one site; where in it the IPv4 address stands is up to that site (RFC 6052, 2.2). */
function localNat64 (groups: Groups): string[] {
  if (groups[0] !== 0x64 || groups[1] !== 0xff9b || groups[2] !== 1) return []
  const bytes = groups.flatMap(group => [group >> 8, group & 0xff])
  // Byte 8 is skipped. One start for each length of prefix the RFC has from 48 bits on.
  return [6, 7, 9, 12].map(start => {
    const after = start === 12 ? bytes.slice(12) : bytes.toSpliced(8, 1).slice(start > 8 ? start - 1 : start)
    return after.slice(0, 4).join('.')
  })
}

function groupsOf (ip: string): Groups {
  const [head = '', tail] = ip.split('::')
  const read = (text: string): number[] => text === '' ? [] : text.split(':').map(group => parseInt(group, 16))
  const [left, right] = [read(head), tail === undefined ? [] : read(tail)]
  return [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right]
}

function isZero (groups: Groups, from: number, to: number): boolean {
  return groups.slice(from, to).every(group => group === 0)
}

function ipv4 (groups: Groups, at: number): string {
  const [high = 0, low = 0] = groups.slice(at, at + 2)
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.')
}
