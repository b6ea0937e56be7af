import { P2pdError } from '../../errors.ts'
import type { Operation } from '../operation.ts'
import { relayOnce } from '../relay.ts'
import { OK } from './answers.ts'

/**
 * Proof for others of what this tenant may do in the daemon's name. Nothing that the program says goes into it: the daemon's
 * host signs its own record of what the operator gave, and for nobody but whom it was given to.
 */
export const blessing = {
  ask ({ onBehalfOf }, { isHere }, { isRelayed = false }) {
    if (!isHere) return [{ action: 'listBlessings', resource: { type: 'Host', id: 'own' } }]
    // As with SERVICES: asked by the tenant's host, or by who acts here.
    return isRelayed && onBehalfOf === undefined ? [] : [{ action: 'identify', resource: { type: 'Host', id: 'own' } }]
  },
  async run ({ blessings, daemon, caller, signal }, request) {
    if (!daemon.isHere) return { response: await relayOnce({ type: request.type }, { daemon, caller, signal }) }
    const envelopes = await blessings.envelopesFor(caller.tenant)
    if (envelopes.length === 0) throw new P2pdError('ERR_UNAVAILABLE', `no blessing of ${caller.tenant} stands: an operator gives one with \`p2pctl bless ${caller.tenant} --action ... --resource ...\``)
    return { response: { ...OK, blessing: { envelopes } } }
  }
} satisfies Operation
