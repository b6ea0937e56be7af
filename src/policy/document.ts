/**
 * A validated set of policies as it is handed to hosts: what `p2pd` read, checked and tried its examples on.
 */
import type { Scope } from './scope.ts'

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
}
