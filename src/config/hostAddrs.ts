/**
 * Which multiaddrs a host can listen on, and which it can announce.
 *
 * A host serves TCP. What it cannot serve is a fault when the configuration is read, not a transport error once it runs.
 */
import { multiaddr } from '@multiformats/multiaddr'
import { messageOf } from '../errors.ts'

/** Why a host cannot listen there, or undefined when it can. */
export function whyNoListenAddr (text: string): string | undefined {
  const components = componentsOf(text)
  if (typeof components === 'string') return components
  const shape = components.join('/')
  if (shape === 'ip4/tcp' || shape === 'ip6/tcp') return undefined
  return 'cannot be listened on; a host listens on /ip4/ADDRESS/tcp/PORT or /ip6/ADDRESS/tcp/PORT'
}

/** Why this cannot be announced to other peers, or undefined when it can. Where it leads is the announcer's business. */
export function whyNoAnnounceAddr (text: string): string | undefined {
  const components = componentsOf(text)
  return typeof components === 'string' ? components : undefined
}

/** The names of the protocols in an address, or what is wrong with it. */
function componentsOf (text: string): string[] | string {
  try {
    const names = multiaddr(text).getComponents().map(({ name }) => name)
    return names.length === 0 ? 'is an empty address' : names
  } catch (error) {
    return `is no multiaddr (${messageOf(error)})`
  }
}
