/**
 * What one tenant uses, against what its manifest allows: the only place where a limit is counted, and where the sentence of
 * a limit that is reached is made.
 *
 * js-libp2p has limits for each connection and protocol and none for a host; they are set so that these are what counts.
 * Bytes that wait in streams are watched by pipes.ts in control/, connections by who makes them in inboundLedger.ts;
 * both report here.
 */
import { P2pdError } from '../errors.ts'
import { TokenBucket } from '../tokenBucket.ts'

/** From the manifest, every number filled in. Rates are a second's; sizes are bytes. */
export interface TenantLimits {
  readonly controlConnections: number
  readonly requestsPerSecond: number
  readonly handlers: number
  readonly connections: number
  readonly dialsPerSecond: number
  readonly streams: number
  readonly streamsPerSecond: number
  readonly buffered: number
  /** 0: no limit. */
  readonly bytesPerSecond: number
  readonly descriptors: number
  readonly inbound: {
    readonly streams: number
    readonly streamsPerPeer: number
    readonly connectionsPerPeer: number
    readonly connectionsPerSubnet: number
    /** Connections that only known peers can take. */
    readonly reserved: number
  }
}

/** As in the manifest: `limits.streams`. */
export type LimitName = Exclude<keyof TenantLimits, 'inbound'> | `inbound.${keyof TenantLimits['inbound']}`

/** What may be had, and what to do about it. */
const SENTENCES: Readonly<Record<LimitName, readonly [have: string, mend: string]>> = {
  controlConnections: ['may have $ control connections at once', 'close some'],
  requestsPerSecond: ['may send $ requests a second', 'send them slower'],
  handlers: ['may handle $ protocols', 'remove some'],
  connections: ['may have $ connections to peers at once', 'disconnect some'],
  dialsPerSecond: ['may dial $ addresses a second', 'dial slower, or name fewer addresses'],
  streams: ['may have $ streams at once', 'close some'],
  streamsPerSecond: ['may open $ streams a second, and as many may be opened to it', 'open them slower'],
  buffered: ['may have $ bytes waiting in its streams', 'read what has come'],
  bytesPerSecond: ['may pass $ bytes a second', 'wait'],
  descriptors: ['may have $ open files and sockets', 'close some connections'],
  'inbound.streams': ['may have $ streams at once that peers opened', 'close some'],
  'inbound.streamsPerPeer': ['may have $ streams at once that one peer opened', 'close some'],
  'inbound.connectionsPerPeer': ['may have $ connections that one peer made', 'disconnect some'],
  'inbound.connectionsPerSubnet': ['may have $ connections that peers of one network made', 'disconnect some'],
  'inbound.reserved': ['keeps $ connections for peers it has dialled itself', 'disconnect some']
}

/** What a host has open for itself, and for those that are still being told that there is none for them. */
const OWN_DESCRIPTORS = 96

/** Gives back what was taken; once, further calls do nothing. */
export type Release = () => void

/** So many at once. */
export class Cap {
  readonly limit: number
  readonly #over: () => P2pdError
  #used = 0

  constructor (limit: number, over: () => P2pdError) {
    this.limit = limit
    this.#over = over
  }

  get used (): number { return this.#used }

  /** One more, or ERR_LIMIT. To be given back once. */
  take (): void {
    if (this.#used >= this.limit) throw this.#over()
    this.#used++
  }

  release (): void { this.#used-- }
}

/** So many a second. */
export class Rate {
  readonly #bucket: TokenBucket
  readonly #over: () => P2pdError

  constructor (perSecond: number, over: () => P2pdError) {
    this.#bucket = new TokenBucket({ perSecond })
    this.#over = over
  }

  /** One more, or ERR_LIMIT. */
  spend (): void {
    if (!this.#bucket.take()) throw this.#over()
  }
}

/** Of a host that the hosts of this machine share: for those who are none together, and for each of those who are. */
const STRANGERS_SHARE = 0.5
const NEIGHBOURS_SHARE = 0.25

/** Who has a limit, and who can raise it. */
export interface LimitWords {
  readonly who: string
  readonly raise: string
}

export interface LedgerInit {
  readonly limits: TenantLimits
  /** It is the daemon's own host: then no stranger can keep this machine's hosts out, and none of those the others. */
  readonly isShared?: boolean
  /** Of limits that are not those of the tenant whose host this is. */
  readonly words?: LimitWords
  /** Called each time a limit is met. */
  readonly onReached?: (name: LimitName, sentence: string) => void
}

export class Ledger {
  readonly limits: TenantLimits
  readonly controlConnections: Cap
  readonly requests: Rate
  readonly connections: Cap
  readonly dials: Rate
  /** Both ways, and those of them that peers opened. */
  readonly streams: Cap
  readonly inboundStreams: Cap
  /** Sockets, of all kinds. */
  readonly descriptors: Cap
  readonly opens: Rate
  /** Those of strangers, where the host is shared. */
  readonly inboundOpens: Rate
  /** Bytes that wait in streams, as last counted, by whose they are (payerOf); without those who have none. */
  waiting: ReadonlyMap<string, number> = new Map()
  readonly #onReached: (name: LimitName, sentence: string) => void
  readonly #reached = new Map<LimitName, number>()
  readonly #inboundStreamsOf = new Map<string, number>()
  readonly #words: LimitWords
  readonly #isShared: boolean
  readonly #strangersStreams: Cap
  /** As many as there are tenants. */
  readonly #neighboursOpens = new Map<string, Rate>()

  constructor ({ limits, isShared = false, words = { who: 'this tenant', raise: 'raise the limit in its manifest' }, onReached = () => {} }: LedgerInit) {
    this.limits = limits
    this.#words = words
    this.#isShared = isShared
    this.#onReached = onReached
    const cap = (name: LimitName, limit: number): Cap => new Cap(limit, () => this.over(name, limit))
    const rate = (name: LimitName, perSecond: number): Rate => new Rate(perSecond, () => this.over(name, perSecond))
    this.controlConnections = cap('controlConnections', limits.controlConnections)
    this.requests = rate('requestsPerSecond', limits.requestsPerSecond)
    this.connections = cap('connections', limits.connections)
    this.dials = rate('dialsPerSecond', limits.dialsPerSecond)
    this.streams = cap('streams', limits.streams)
    this.inboundStreams = cap('inbound.streams', limits.inbound.streams)
    this.descriptors = new Cap(limits.descriptors - OWN_DESCRIPTORS, () => this.over('descriptors', limits.descriptors))
    this.opens = rate('streamsPerSecond', limits.streamsPerSecond)
    this.inboundOpens = rate('streamsPerSecond', isShared ? partOf(limits.streamsPerSecond, STRANGERS_SHARE) : limits.streamsPerSecond)
    this.#strangersStreams = cap('inbound.streams', partOf(limits.inbound.streams, STRANGERS_SHARE))
  }

  /** How often each limit was met; those that never were are left out. */
  get reached (): Readonly<Record<string, number>> { return Object.fromEntries(this.#reached) }

  /** A stream that the app opens, or this tenant's. ERR_LIMIT when there are too many, or too many bytes wait in those there are. */
  openStream (whose = ''): Release {
    this.opens.spend()
    this.#refuseIfFull(whose)
    this.streams.take()
    return once(() => { this.streams.release() })
  }

  /** A stream that this peer opened; `isOurs` when over a connection that the supervisor made, `whose` then is its tenant. */
  acceptStream (peer: string, { isOurs = false, whose = '' } = {}): Release {
    const isNeighbours = this.#isShared && isOurs
    const opens = isNeighbours ? this.#opensOf(peer) : this.inboundOpens
    opens.spend()
    this.#refuseIfFull(whose)
    const { streamsPerPeer } = this.limits.inbound
    const ofPeer = this.#inboundStreamsOf.get(peer) ?? 0
    if (ofPeer >= streamsPerPeer) throw this.over('inbound.streamsPerPeer', streamsPerPeer)
    const releaseAll = takeAll([this.inboundStreams, this.streams, ...this.#isShared && !isOurs ? [this.#strangersStreams] : []])
    this.#inboundStreamsOf.set(peer, ofPeer + 1)
    return once(() => {
      releaseAll()
      const left = (this.#inboundStreamsOf.get(peer) ?? 1) - 1
      if (left === 0) this.#inboundStreamsOf.delete(peer)
      else this.#inboundStreamsOf.set(peer, left)
    })
  }

  #opensOf (peer: string): Rate {
    const perSecond = partOf(this.limits.streamsPerSecond, NEIGHBOURS_SHARE)
    const opens = this.#neighboursOpens.get(peer) ?? new Rate(perSecond, () => this.over('streamsPerSecond', perSecond))
    this.#neighboursOpens.set(peer, opens)
    return opens
  }

  /** To whom what waits in a stream is counted: all to one, or where the host is shared to the tenant that opened it. */
  payerOf (whose: string): string {
    return this.#isShared ? whose : ''
  }

  /** Whether too much waits, and more of it than an equal part is this one's: who reads is not refused for others who do not. */
  isFull (whose: string): boolean {
    const { buffered } = this.limits
    const all = [...this.waiting.values()].reduce((sum, bytes) => sum + bytes, 0)
    return all > buffered && (this.waiting.get(this.payerOf(whose)) ?? 0) > buffered / this.waiting.size
  }

  #refuseIfFull (whose: string): void {
    if (this.isFull(whose)) throw this.over('buffered', this.limits.buffered)
  }

  /** The error of a limit that is reached, counted. */
  readonly over = (name: LimitName, limit: number, { who, raise } = this.#words): P2pdError => {
    const [have, mend] = SENTENCES[name]
    const sentence = `limits.${name}: ${who} ${have.replace('$', String(limit))}: ${mend}, or ${raise}`
    this.#reached.set(name, (this.#reached.get(name) ?? 0) + 1)
    this.#onReached(name, sentence)
    return new P2pdError('ERR_LIMIT', sentence)
  }
}

export function partOf (limit: number, share: number): number {
  return Math.max(1, Math.floor(limit * share))
}

/** One of each, or ERR_LIMIT and none. */
function takeAll (caps: readonly Cap[]): Release {
  using taken = new DisposableStack()
  for (const cap of caps) {
    cap.take()
    taken.defer(() => { cap.release() })
  }
  const held = taken.move()
  return () => { held.dispose() }
}

function once (release: Release): Release {
  let released = false
  return () => {
    if (released) return
    released = true
    release()
  }
}
