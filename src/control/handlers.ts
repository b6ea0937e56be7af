/**
 * The handlers a tenant has registered: protocol -> where its program listens; and the delivery of inbound streams there.
 *
 * A handler outlives the control connection that registered it (classic clients close theirs at once), and a refused dial:
 * its program may be restarting. It ends when it is overwritten or removed. Whether it may be registered at all has been
 * decided before this is called.
 */
import type { Socket } from 'node:net'
import { P2pdError, messageOf } from '../errors.ts'
import { safeText, type Logger } from '../log.ts'
import { formatSocketAddress, parseSocketAddress, type SocketAddress } from '../wire/addresses.ts'
import { encodeStreamInfo } from '../wire/codec.ts'
import { encodeFrame } from '../wire/frames.ts'
import { encodePeerId } from '../wire/peers.ts'
import type { Host, RemoteStream } from './host.ts'
import { pipe } from './pipe.ts'
import { checkTarget, describe, dialTarget, type OwnSockets } from './targets.ts'

/**
 * How a new registration meets an old one (rule 8 in proto/PROTOCOL.md): `replace` overwrites it, `exclusive` refuses, and
 * `share` stands beside it, taking streams in turn.
 */
export type Sharing = 'replace' | 'exclusive' | 'share'

/** A registration as the supervisor keeps it, so that it survives the host; an address is a multiaddr. */
export interface Registration {
  readonly protocol: string
  readonly targets: ReadonlyArray<{ readonly address: string, readonly uid?: number }>
}

/** Where a program listens, and the user it registered as. */
export interface Target {
  readonly address: SocketAddress
  readonly uid: number | undefined
}

interface Entry {
  readonly targets: Target[]
  next: number
}

export interface HandlersInit {
  readonly host: Host
  readonly own: OwnSockets
  readonly log: Logger
  /** How many protocols may be handled at once. */
  readonly limit: number
  /** How many inbound streams may be with handlers at once, those included that have ended and are not read to their end. */
  readonly maxPipes: number
  /** Ends every delivery and pipe. */
  readonly signal: AbortSignal
  /** Called after each change, with all there is. */
  readonly onChange: (registrations: Registration[]) => void
}

export class Handlers {
  readonly #init: HandlersInit
  readonly #entries = new Map<string, Entry>()
  #pipes = 0

  constructor (init: HandlersInit) {
    this.#init = init
  }

  /** Handled protocols. */
  get size (): number { return this.#entries.size }

  /** Inbound streams being delivered or piped now. */
  get pipes (): number { return this.#pipes }

  /** All of the protocols or none: an error leaves everything as it was. */
  async add (protocols: readonly string[], target: Target, sharing: Sharing): Promise<void> {
    const { host, own } = this.#init
    checkTarget(target.address, own)
    for (const protocol of protocols) {
      if (host.isReserved(protocol)) throw new P2pdError('ERR_DENIED', `handleStream denied: ${safeText(protocol)} is a protocol of libp2p itself, which the host answers`)
    }
    const fresh = new Set(protocols.filter(protocol => !this.#entries.has(protocol)))
    for (const protocol of protocols) {
      if (sharing === 'exclusive' && !fresh.has(protocol)) throw new P2pdError('ERR_REQUEST', `${safeText(protocol)} has a handler already: remove it first, or register with balanced = true to share the protocol`)
    }
    if (this.#entries.size + fresh.size > this.#init.limit) {
      throw new P2pdError('ERR_LIMIT', `limits.handlers: this tenant may handle ${this.#init.limit} protocols and handles ${this.#entries.size}: remove some, or raise the limit in its manifest`)
    }
    const before = new Map(protocols.map(protocol => [protocol, this.#entries.get(protocol)]))
    for (const [protocol, old] of before) {
      const others = sharing === 'share' ? old?.targets.filter(({ address }) => !isSame(address, target.address)) ?? [] : []
      this.#entries.set(protocol, { targets: [...others, target], next: 0 })
    }
    try {
      await Promise.all([...fresh].map(protocol => host.handle(protocol, remote => { void this.#deliver(remote) })))
    } catch (error) {
      for (const [protocol, old] of before) {
        if (old === undefined) this.#entries.delete(protocol)
        else this.#entries.set(protocol, old)
      }
      throw error
    }
    this.#changed()
  }

  /** Removes this target from the protocols; ERR_REQUEST if it handles none of them. */
  async remove (protocols: readonly string[], target: SocketAddress): Promise<void> {
    const gone: string[] = []
    let found = false
    for (const protocol of protocols) {
      const entry = this.#entries.get(protocol)
      const rest = entry?.targets.filter(({ address }) => !isSame(address, target))
      if (entry === undefined || rest === undefined || rest.length === entry.targets.length) continue
      found = true
      if (rest.length > 0) {
        this.#entries.set(protocol, { targets: rest, next: 0 })
      } else {
        this.#entries.delete(protocol)
        gone.push(protocol)
      }
    }
    if (!found) throw new P2pdError('ERR_REQUEST', `${describe(target)} handles none of ${protocols.map(safeText).join(', ')}`)
    await Promise.all(gone.map(protocol => this.#init.host.unhandle(protocol)))
    this.#changed()
  }

  /** Puts back what an earlier host of this tenant had registered. What is no longer allowed is left out and logged. */
  async restore (registrations: readonly Registration[]): Promise<void> {
    for (const { protocol, targets } of registrations) {
      for (const { address, uid } of targets) {
        try {
          await this.add([protocol], { address: parseSocketAddress(address), uid }, 'share')
        } catch (error) {
          this.#init.log.warn({ protocol: safeText(protocol), reason: messageOf(error) }, 'handler not restored')
        }
      }
    }
  }

  #changed (): void {
    this.#init.onChange([...this.#entries].map(([protocol, { targets }]) => ({
      protocol,
      targets: targets.map(({ address, uid }) => ({ address: formatSocketAddress(address), ...uid !== undefined && { uid } }))
    })))
  }

  async #deliver (remote: RemoteStream): Promise<void> {
    const { own, log, maxPipes, signal } = this.#init
    const entry = this.#entries.get(remote.protocol)
    const target = entry?.targets[entry.next++ % entry.targets.length]
    if (target === undefined || this.#pipes >= maxPipes) return remote.stream.abort(new Error('nobody can take it'))
    this.#pipes++
    try {
      const socket = await dialTarget(target.address, { own, uid: target.uid, signal })
      announce(socket, remote)
      await pipe(socket, remote.stream, { signal })
    } catch (error) {
      remote.stream.abort(error instanceof Error ? error : new Error(String(error)))
      log.warn({ protocol: safeText(remote.protocol), target: describe(target.address), reason: messageOf(error) }, 'inbound stream not delivered')
    } finally {
      this.#pipes--
    }
  }
}

/** Who opened the stream: a bare StreamInfo, not wrapped in a Response, then the stream's bytes. */
function announce (socket: Socket, { peer, address, protocol }: RemoteStream): void {
  socket.write(encodeFrame(encodeStreamInfo({ peer: encodePeerId(peer), addr: address.bytes, proto: protocol })))
}

function isSame (a: SocketAddress, b: SocketAddress): boolean {
  return describe(a) === describe(b)
}
