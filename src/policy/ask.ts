/**
 * What is asked of policy, by whom, and what comes back. Shapes only; who answers is elsewhere in this folder.
 */

/** The program at the other end of a control connection. Made once, at accept; below that nobody asks again. */
export interface Caller {
  readonly tenant: string
  /** By the kernel's word; absent for a classic daemon's TCP control socket, where the kernel has no word to give. */
  readonly process?: { readonly uid: number, readonly gid: number, readonly pid: number }
}

export type Action = 'identify' | 'connect' | 'disconnect' | 'listPeers' | 'openStream' | 'handleStream'

export interface Resource {
  readonly type: 'Host' | 'Peer' | 'Protocol'
  readonly id: string
}

/** May this caller do `action` to `resource`? */
export interface Ask {
  readonly action: Action
  readonly resource: Resource
  readonly context?: Readonly<Record<string, string | boolean | readonly string[]>>
}

export interface Decision {
  readonly allowed: boolean
  /** What decided, for the log and for people: a policy's id, or the rule in code. */
  readonly policy: string
}

export type Decide = (caller: Caller, ask: Ask) => Decision
