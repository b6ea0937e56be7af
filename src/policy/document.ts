/**
 * A validated set of policies as it is handed to hosts: what `p2pd` read, checked and tried its examples on.
 */
import type { Grant } from '../blessing/grant.ts'
import type { Scope } from './scope.ts'

/** The reserved tenant whose host has the daemon's own identity. */
export { DAEMON_NAME } from '../config/names.ts'

/** One policy, with where an operator finds it. */
export interface PolicyText {
  /** Its @id, or `FILE:LINE`. Unique. */
  readonly id: string
  /** Name inside the policy directory: `chat.cedar`. */
  readonly file: string
  /** Of its first line, from 1. */
  readonly line: number
  readonly text: string
  /** Absent: it could be about anything. */
  readonly scope?: Scope
}

/** A peer that is a tenant of this machine. */
export interface Neighbour {
  readonly peerId: string
  readonly tenant: string
  readonly groups: readonly string[]
}

/** What one tenant's host decides by. Plain JSON. */
export interface PolicyDocument {
  /** Counts up with every change that is applied. */
  readonly epoch: number
  readonly tenant: { readonly name: string, readonly groups: readonly string[] }
  /** Those that can be about this tenant at all. */
  readonly policies: readonly PolicyText[]
  readonly neighbours: readonly Neighbour[]
  /** Peer ID of the daemon's own host. Absent while its identity is damaged. */
  readonly daemon?: string
  /** For the daemon's own host: who may act in its name, and what of their policies is not among its own. */
  readonly blessed?: readonly BlessedApp[]
  readonly appPolicies?: readonly PolicyText[]
}

/** A tenant with blessings, and the policies of its own that also have to allow what it does with them. */
export interface BlessedApp {
  readonly tenant: { readonly name: string, readonly groups: readonly string[] }
  /** The user its programs run as, and that one's primary group. */
  readonly uid: number
  readonly gid: number
  /** By their ids: most are several apps'. */
  readonly policies: readonly string[]
  readonly grants: readonly Grant[]
}
