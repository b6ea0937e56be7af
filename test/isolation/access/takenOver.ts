/**
 * A tenant's host that has been taken over, and what it can say: to the supervisor on the host's own channel, and to other
 * hosts over the connections that the supervisor makes for it.
 *
 * The real host is stopped and its descriptors are taken from it by root (pidfd_getfd(2)); from then on this process speaks in
 * its place, with a libp2p of its own over the very sockets that the host would have. Nobody else can tell.
 */
import { closeSync } from 'node:fs'
import { Socket } from 'node:net'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import koffi from 'koffi'
import { createLibp2p } from 'libp2p'
import { AS_DAEMON_PROTOCOL } from '../../../src/wire/protocols.ts'
import { LINK_FD, PASSING_FD, type FromHost, type ToHost } from '../../../src/link.ts'
import { LinkChannel, MAX_FROM_HOST_BYTES, MAX_TO_HOST_BYTES } from '../../../src/linkChannel.ts'
import type { Switchboard } from '../../../src/local/switchboard.ts'
import { localTransport } from '../../../src/local/transport.ts'
import { receiveDescriptor } from '../../../src/os/passing.ts'
import { decodeResponse, type Response } from '../../../src/wire/codec.ts'
import { FrameReader, encodeFrame } from '../../../src/wire/frames.ts'
import { parsePeerId } from '../../../src/wire/peers.ts'
import { within } from '../../helpers/deadlines.ts'
import type { World } from '../world.ts'

/** Of every architecture alike. */
const [SYS_PIDFD_OPEN, SYS_PIDFD_GETFD] = [434, 438]
/** No id that the host itself has used. */
const FIRST_ID = 1_000_000
const OPEN_MS = 10_000

const call = koffi.load(null).func('long syscall(long number, long a, long b, long c)')

export class TakenOver implements AsyncDisposable {
  readonly #pid: number
  readonly #channel: LinkChannel
  readonly #passingFd: number
  readonly #answers = new Map<number, (message: ToHost) => void>()
  readonly #nodes: Libp2p[] = []
  readonly #connections = new Map<string, Connection>()
  #nextId = FIRST_ID

  private constructor (pid: number) {
    this.#pid = pid
    process.kill(pid, 'SIGSTOP')
    this.#passingFd = taken(pid, PASSING_FD)
    this.#channel = new LinkChannel({
      socket: new Socket({ fd: taken(pid, LINK_FD) }),
      maxInBytes: MAX_TO_HOST_BYTES,
      maxOutBytes: MAX_FROM_HOST_BYTES,
      onMessage: message => { this.#hear(message as ToHost) },
      onEnd: () => {}
    })
  }

  /** Of a tenant whose host runs. */
  static async of (world: World, tenant: string): Promise<TakenOver> {
    return new TakenOver(await world.hostPid(tenant))
  }

  /** Asks the supervisor for a connection to the host of that peer: its socket, or why there is none. */
  async reach (peerId: string): Promise<Socket | { readonly code: string, readonly reason: string }> {
    const id = this.#nextId++
    const { promise, resolve } = Promise.withResolvers<ToHost>()
    this.#answers.set(id, resolve)
    this.#say({ kind: 'reach', id, peerId })
    const answer = await within('an answer of the supervisor', promise)
    if (answer.kind === 'notReached') return { code: answer.code, reason: answer.reason }
    if (answer.kind !== 'reached') throw new Error(`an answer of another kind: ${answer.kind}`)
    for (let received = receiveDescriptor(this.#passingFd); received !== undefined; received = receiveDescriptor(this.#passingFd)) {
      if (received.number === answer.descriptor && received.fd !== undefined) return new Socket({ fd: received.fd, allowHalfOpen: true }).on('error', () => {})
      if (received.fd !== undefined) closeSync(received.fd)
    }
    throw new Error('no descriptor came')
  }

  /** A stream to the host of that peer, over the connection that the supervisor has made for this host. */
  async open (peerId: string, protocol: string): Promise<Stream> {
    const connection = this.#connections.get(peerId) ?? await this.#connect(peerId)
    return await connection.newStream(protocol, { signal: AbortSignal.timeout(OPEN_MS) })
  }

  /** A stream on which the daemon's host is asked in its name; nothing has been said on it. */
  async actAsDaemon (daemon: string): Promise<Relay> {
    return new Relay(await this.open(daemon, AS_DAEMON_PROTOCOL))
  }

  /** The host has gone with what was made of it. */
  async [Symbol.asyncDispose] (): Promise<void> {
    await Promise.all(this.#nodes.map(async node => { await node.stop() }))
    this.#channel.close()
    closeSync(this.#passingFd)
    try {
      process.kill(this.#pid, 'SIGKILL')
    } catch {
      // It has ended before.
    }
  }

  async #connect (peerId: string): Promise<Connection> {
    const socket = await this.reach(peerId)
    if (!(socket instanceof Socket)) throw new Error(socket.reason)
    const remoteAddr = multiaddr('/unix/p2pd')
    const switchboard: Switchboard = {
      dial: async () => ({ socket, remotePeer: parsePeerId(peerId), remoteAddr }),
      listen: async () => ({ [Symbol.asyncDispose]: async () => {} })
    }
    const node = await createLibp2p({ transports: [localTransport({ switchboard, muxer: yamux() })], connectionEncrypters: [noise()], streamMuxers: [yamux()] })
    this.#nodes.push(node)
    const connection = await node.dial(remoteAddr.encapsulate(`/p2p/${peerId}`), { signal: AbortSignal.timeout(OPEN_MS) })
    this.#connections.set(peerId, connection)
    return connection
  }

  #say (message: FromHost): void { this.#channel.send(message) }

  #hear (message: ToHost): void {
    if (message.kind === 'beat') this.#say({ kind: 'alive' })
    else if (message.kind === 'policy') this.#say({ kind: 'epoch', epoch: message.document.epoch, revoked: 0 }) // or so it says
    else if ('id' in message) this.#answers.get(message.id)?.(message)
  }
}

/** What is said and heard on one stream to the daemon's host. */
export class Relay {
  readonly stream: Stream
  readonly #reader = new FrameReader()
  #wake = (): void => {}

  constructor (stream: Stream) {
    this.stream = stream
    stream.addEventListener('message', ({ data }) => { this.#reader.push(data.subarray()); this.#wake() })
    stream.addEventListener('close', () => { this.#wake() })
  }

  /** Bytes as they are, or behind their length. */
  send (bytes: Uint8Array, { framed = true } = {}): void { this.stream.send(framed ? encodeFrame(bytes) : bytes) }

  /** Whose program asks, as a host says it: any JSON. */
  claim (caller: unknown): void { this.send(Buffer.from(JSON.stringify(caller))) }

  /** What is answered to that; undefined when the stream ends without. */
  async ask (request: Uint8Array): Promise<Response | undefined> {
    this.send(request)
    return await this.response()
  }

  async response (): Promise<Response | undefined> {
    return await within('an answer of the daemon\'s host', this.#next())
  }

  /** Resolves when the stream is over. */
  async ended (): Promise<void> {
    await within('the end of a stream', this.#over())
  }

  async #next (): Promise<Response | undefined> {
    for (;;) {
      const frame = this.#reader.next()
      if (frame !== undefined) return decodeResponse(frame)
      if (this.stream.status !== 'open') return undefined
      await this.#change()
    }
  }

  async #over (): Promise<void> {
    while (this.stream.status === 'open') await this.#change()
  }

  async #change (): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    this.#wake = () => { resolve(undefined) }
    await promise
  }
}

/** Another descriptor of what the process has open as `fd`. */
function taken (pid: number, fd: number): number {
  const pidfd = Number(call(SYS_PIDFD_OPEN, pid, 0, 0))
  const copy = Number(call(SYS_PIDFD_GETFD, pidfd, fd, 0))
  closeSync(pidfd)
  if (copy < 0) throw new Error(`descriptor ${fd} of process ${pid} cannot be taken: errno ${koffi.errno()}`)
  return copy
}
