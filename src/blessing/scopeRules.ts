/**
 * What the scope of a blessing may hold, for what is read from disk and for the daemon before it signs one. What an
 * operator may write is narrower: config/blessed.ts.
 */
import { parsePeerId } from '../wire/peers.ts'
import { ANY_RESOURCE, DAEMON_ACTIONS, MAX_ACTIONS, MAX_RESOURCES, MAX_RESOURCE_BYTES, OWN_HOST, type Scope } from './scope.ts'

/** What is wrong with the scope of a blessing, and what would be right; undefined when nothing is. */
export function whyNoScope ({ actions, resources }: Scope): string | undefined {
  if (actions.length < 1 || actions.length > MAX_ACTIONS) return `actions: must be 1 to ${MAX_ACTIONS}, found ${actions.length}`
  const unknown = actions.find(action => !DAEMON_ACTIONS.some(known => known === action))
  if (unknown !== undefined) return `actions: ${shown(unknown)} is none of ${DAEMON_ACTIONS.join(', ')}`
  if (resources.length < 1 || resources.length > MAX_RESOURCES) return `resources: must be 1 to ${MAX_RESOURCES}, found ${resources.length}`
  for (const resource of resources) {
    const why = whyNoResource(resource)
    if (why !== undefined) return `resources: ${shown(resource)} ${why}`
  }
  return undefined
}

function whyNoResource (resource: string): string | undefined {
  if (resource === ANY_RESOURCE || resource === OWN_HOST) return undefined
  if (Buffer.byteLength(resource) > MAX_RESOURCE_BYTES) return `is longer than ${MAX_RESOURCE_BYTES} bytes`
  // What is no Unicode would be written as other text than it is, and a verifier compares text.
  if (resource.startsWith('/')) return resource.isWellFormed() && !/\p{Cc}/u.test(resource) ? undefined : 'has control characters or is no Unicode'
  try {
    const canonical = parsePeerId(resource).toString()
    return canonical === resource ? undefined : `is a peer ID to be written ${canonical}`
  } catch {
    return `is none of ${ANY_RESOURCE}, ${OWN_HOST}, a protocol (it begins with a slash) and a peer ID`
  }
}

function shown (text: string): string {
  return JSON.stringify(text.slice(0, 64))
}
