/**
 * The decision in force while no policy engine is loaded: a tenant may do anything within its own host, and nothing
 * anywhere else, because nothing else can be named through its socket. `p2pctl status` shows this id, so that nobody takes
 * it for more than it is.
 */
import type { Decide } from './ask.ts'

export const OWN_HOST_POLICY = 'built-in: everything within the tenant\'s own host'

export const allowWithinOwnHost: Decide = () => ({ allowed: true, policy: OWN_HOST_POLICY })
