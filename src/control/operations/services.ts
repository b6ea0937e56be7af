import { P2pdError } from '../../errors.ts'
import { encodePeerId, parsePeerId } from '../../wire/peers.ts'
import { NO_DAEMON } from '../daemonHost.ts'
import type { Operation } from '../operation.ts'
import { relayOnce } from '../relay.ts'
import { OK } from './answers.ts'

/** More, with the longest names, would not fit into an answer. */
const MAX_LISTED = 4_096

/** The services under the daemon's identity that this tenant may use. The daemon's host knows them all, and whose they are. */
export const services = {
  ask ({ onBehalfOf }, { isHere }, { isRelayed = false }) {
    if (!isHere) return [{ action: 'listServices', resource: { type: 'Host', id: 'own' } }]
    // Asked by a tenant's host, which has judged its program's request and leaves out what it may not use; or by who acts here.
    return isRelayed && onBehalfOf === undefined ? [] : [{ action: 'identify', resource: { type: 'Host', id: 'own' } }]
  },
  async run ({ host, handlers, daemon, caller, judge, signal }, request) {
    if (daemon.isHere) return { response: { ...OK, services: { daemon: encodePeerId(host.peerId), services: handlers.services().slice(0, MAX_LISTED) } } }
    if (daemon.peerId === undefined) throw new P2pdError('ERR_UNAVAILABLE', NO_DAEMON)
    const response = await relayOnce({ type: request.type }, { daemon, caller, signal })
    const found = response.services?.services ?? []
    const usable = found.filter(({ proto }) => judge.allows(caller, { action: 'useService', resource: { type: 'Service', id: proto } }))
    return { response: { ...response, services: { daemon: encodePeerId(parsePeerId(daemon.peerId)), services: usable } } }
  }
} satisfies Operation
