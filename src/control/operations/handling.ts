import type { Ask } from '../../policy/ask.ts'
import type { DaemonHost } from '../daemonHost.ts'

/** What handling a protocol is asked as: on the daemon's own host it is a service to everybody. */
export function handlingOf (protocol: string, { isHere }: Pick<DaemonHost, 'isHere'>): Ask {
  return isHere
    ? { action: 'provideService', resource: { type: 'Service', id: protocol } }
    : { action: 'handleStream', resource: { type: 'Protocol', id: protocol } }
}
