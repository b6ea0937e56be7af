/**
 * The decision in force where there is one tenant and no operator, in classic mode: it may do anything within its own host
 * that code does not forbid, and nothing anywhere else, because nothing else can be named through its socket.
 */
import type { Policy } from './ask.ts'
import { forbiddenByCode } from './codeRules.ts'

export const OWN_HOST_POLICY = 'built-in: everything within the tenant\'s own host'

export const ownHostPolicy: Policy = {
  decide (_, ask) {
    const rule = forbiddenByCode(ask)
    return { allowed: rule === undefined, policy: rule ?? OWN_HOST_POLICY, epoch: 0 }
  }
}
