/** What a host asks in its life, over and over and never twice the same: other peers, addresses and protocols each time. */
import type { Ask } from '../../src/policy/ask.ts'

type Mix = (n: number) => Ask

/** No peer ID has to be a real one here: nothing looks into them. */
const peer = (n: number): string => `12D3KooWStranger${String(n).padStart(36, '1')}`

const endpoint = (n: number): { address: string, ip: string, port: number, relayed: boolean } => {
  const ip = `81.${n >> 16 & 255}.${n >> 8 & 255}.${n & 255}`
  return { address: `/ip4/${ip}/tcp/4001`, ip, port: 4001, relayed: false }
}

const protocol = (n: number): string => `/app1/${n % 2}/${n}`

const kinds: readonly Mix[] = [
  n => ({ action: 'connect', resource: { type: 'Peer', id: peer(n) } }),
  n => ({ action: 'dial', resource: { type: 'Peer', id: peer(n) }, context: endpoint(n) }),
  n => ({ action: 'acceptConnection', resource: { type: 'Peer', id: peer(n) }, context: endpoint(n) }),
  n => ({ action: 'openStream', resource: { type: 'Protocol', id: protocol(n) }, context: { peer: peer(n), relayed: false } }),
  n => ({ action: 'acceptStream', resource: { type: 'Protocol', id: protocol(n) }, context: { ...endpoint(n), peer: peer(n) } })
]

/** Each kind in turn. */
const everything: Mix = n => (kinds[n % kinds.length] ?? streams)(n)

/** What the worst policies are about: from a network that one of them permits. */
const streams: Mix = n => {
  const ip = `172.1.${n >> 8 & 255}.${n & 255}`
  const address = `/ip4/${ip}/tcp/4001`
  return { action: 'acceptStream', resource: { type: 'Protocol', id: protocol(n) }, context: { ip, address, port: 4001, relayed: false, peer: peer(n) } }
}

export const mixes = { everything, streams }
