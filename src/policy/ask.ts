/**
 * What is asked of policy, by whom, and what comes back. Shapes only; who answers is elsewhere in this folder.
 *
 * The actions and what each one's context holds are those of policy/schema.cedarschema. What can be worked out from the
 * rest (the caller, whether a peer is a tenant of this machine, whether an address is public) is filled in by the engine, so
 * that no asker can forget it.
 */

/**
 * The program at the other end of a control connection. Made once, at accept; below that nobody asks again. On the daemon's
 * host it is a program of the tenant named, which acts in the daemon's name.
 */
export interface Caller {
  readonly tenant: string
  /**
   * By the kernel's word; absent for a classic daemon's TCP control socket, where the kernel has no word to give, and for what
   * the tenant's host does by itself.
   */
  readonly process?: { readonly uid: number, readonly gid: number, readonly pid: number }
  /** On the daemon's host: by way of its tenant's host, which asks for it, and not at a socket of its own. */
  readonly isRelayed?: boolean
}

/** Where a connection goes to or comes from. */
export interface Endpoint {
  /** The multiaddr as it was given or seen, without a peer ID at its end. */
  readonly address: string
  /** What it means on the wire: a literal IP address, resolved, of IPv4 where an IPv6 address only wraps one. */
  readonly ip: string
  readonly port: number
  /** Through another peer, whose address this is. */
  readonly relayed: boolean
  /** Over a connection that the supervisor made: who is at the other end is beyond doubt. */
  readonly vouched?: boolean
  /** An address of this machine where something else listens than a host of this daemon: no neighbour can be there. */
  readonly isForeign?: boolean
}

interface Asked<Name extends string, Type extends string> {
  readonly action: Name
  readonly resource: { readonly type: Type, readonly id: string }
}

/** May the caller do this? The resource of type Host is always the tenant's own: `own`. */
export type Ask =
  | Asked<'identify' | 'listPeers' | 'listServices' | 'listBlessings', 'Host'>
  /** To do anything at all in the daemon's name: a blessing is asked about, whatever policies let it do (onBehalf.ts). */
  | Asked<'act', 'Host'>
  /** A request to be connected to the peer, wherever that is; and whatever else makes the host look for it. */
  | Asked<'connect' | 'disconnect', 'Peer'>
  /** One address of a peer, before the first packet goes there. */
  | Asked<'dial', 'Peer'> & { readonly context: Endpoint }
  /** A connection that a peer has made and whose identity is proved. */
  | Asked<'acceptConnection', 'Peer'> & { readonly context: Endpoint }
  | Asked<'openStream', 'Protocol'> & { readonly context: { readonly peer: string, readonly relayed: boolean } }
  | Asked<'handleStream', 'Protocol'>
  /** An inbound stream, before the app hears of it. */
  | Asked<'acceptStream', 'Protocol'> & { readonly context: Endpoint & { readonly peer: string } }
  /** A protocol that an app serves under the daemon's identity: opening a stream to it, and handling it. */
  | Asked<'useService' | 'provideService', 'Service'>
  /** May the app do this in the daemon's name, as far as its own policies are concerned? `action` is what it wants to do. */
  | Asked<'actForDaemon', 'Host' | 'Peer' | 'Protocol' | 'Service'> & { readonly context: { readonly action: string } }
  | Asked<'dhtRead' | 'dhtWrite', 'DhtKey'>

/** What policies are about. */
export type Action = Exclude<Ask['action'], 'act'>

export interface Decision {
  readonly allowed: boolean
  /** What decided, for the log and for people: policies' ids joined by `, `, `default deny`, or the rule in code. */
  readonly policy: string
  readonly epoch: number
  /** What of a denial the caller may know and can do something about: `no blessing of yours covers it`. */
  readonly why?: string
}

export type Decide = (caller: Caller, ask: Ask) => Decision

/** What is in force. A request takes `decide` once and so sees one epoch from its beginning to its end. */
export interface Policy {
  readonly decide: Decide
}
