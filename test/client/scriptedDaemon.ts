/**
 * A daemon that says exactly what a test tells it to, on a Unix socket in a directory of its own.
 *
 * Owns the wire's framing and the count of sockets, so that a test can see what the client left open. Knows no operation.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { decodeRequest, encodeResponse, encodeStreamInfo, RequestType, ResponseType, type Request, type ResponseInit } from '../../src/wire/codec.ts'
import { FrameReader, encodeFrame } from '../../src/wire/frames.ts'
import { parseMultiaddr, parseSocketAddress } from '../../src/wire/addresses.ts'
import { encodePeerId } from '../../src/wire/peers.ts'

const peer = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
export const PEER = peer.toString()
export const PEER_BYTES = encodePeerId(peer)
export const ADDRESS = '/ip4/127.0.0.1/tcp/4001'
export const ADDRESS_BYTES = parseMultiaddr(ADDRESS).bytes
export const STREAM_INFO = { peer: PEER_BYTES, addr: ADDRESS_BYTES, proto: '/echo/1.0.0' }

/** Another one's: the daemon's own identity. */
const daemonPeer = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
export const DAEMON = daemonPeer.toString()
export const DAEMON_BYTES = encodePeerId(daemonPeer)

export const ok: ResponseInit = { type: ResponseType.OK }
export const identified: ResponseInit = { type: ResponseType.OK, identify: { id: PEER_BYTES, addrs: [ADDRESS_BYTES] } }
export const opened: ResponseInit = { type: ResponseType.OK, streamInfo: STREAM_INFO }
export const served: ResponseInit = {
  type: ResponseType.OK, services: { daemon: DAEMON_BYTES, services: [{ name: 'search', proto: '/search/1.0.0', owner: 'indexer', callers: 3 }] }
}

export function refused (msg: string): ResponseInit {
  return { type: ResponseType.ERROR, error: { msg } }
}

export function framed (response: ResponseInit): Uint8Array {
  return encodeFrame(encodeResponse(response))
}

/** One connection of the client's, from the daemon's side. */
export interface Asked {
  request: Request
  socket: Socket
  /** Which connection it came over, from 1. */
  connection: number
  answer: (response: ResponseInit) => void
}

export class ScriptedDaemon {
  readonly directory: string
  readonly path: string
  readonly address: string
  readonly requests: Request[] = []
  /** Connections so far. */
  connections = 0
  readonly open = new Set<Socket>()
  /** What it does with a request. May be changed at any time. */
  script: (asked: Asked) => unknown
  readonly #server: Server
  #waiting: Array<() => void> = []

  constructor (directory: string, script: (asked: Asked) => unknown) {
    this.directory = directory
    this.path = join(directory, 'd.sock')
    this.address = `/unix${this.path}`
    this.script = script
    this.#server = createServer({ allowHalfOpen: true }, socket => { this.#serve(socket) })
  }

  async listen (backlog?: number): Promise<this> {
    await once(this.#server.listen({ path: this.path, backlog }), 'listening')
    return this
  }

  /** Closes every connection and the socket. */
  async stop (): Promise<void> {
    for (const socket of this.open) socket.destroy()
    if (this.#server.listening) await new Promise(resolve => { this.#server.close(resolve) })
  }

  /** Once no more than so many connections are open: what is above that, the client leaked. */
  async openAtMost (count: number): Promise<void> {
    while (this.open.size > count) await new Promise<void>(resolve => { this.#waiting.push(resolve) })
  }

  /** Brings a stream to the handler of the last STREAM_HANDLER, with bytes in the same write as the StreamInfo. */
  async bring (bytes: Uint8Array = new Uint8Array(0), info = STREAM_INFO): Promise<Socket> {
    const socket = await this.dialHandler()
    socket.write(Buffer.concat([encodeFrame(encodeStreamInfo(info)), bytes]))
    return socket
  }

  async dialHandler (): Promise<Socket> {
    const socket = connect({ ...parseSocketAddress(this.handlerAddress()), allowHalfOpen: true })
    socket.on('error', () => {})
    await once(socket, 'connect')
    return socket
  }

  handlerAddress (): Uint8Array {
    const request = this.requests.findLast(({ type }) => type === RequestType.STREAM_HANDLER)
    return request?.streamHandler?.addr ?? new Uint8Array(0)
  }

  #serve (socket: Socket): void {
    const connection = ++this.connections
    const reader = new FrameReader()
    this.open.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => {
      this.open.delete(socket)
      for (const wake of this.#waiting.splice(0)) wake()
    })
    // What daemons do with an idle connection whose client has gone. A script that keeps the socket as a stream takes this off.
    socket.on('end', () => { socket.end() })
    socket.on('data', chunk => {
      reader.push(chunk)
      for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
        const request = decodeRequest(frame)
        this.requests.push(request)
        this.script({ request, socket, connection, answer: response => { socket.write(framed(response)) } })
        if (socket.listenerCount('data') === 0) {
          // The script took the socket over as a stream.
          const rest = reader.takeRest()
          if (rest.length > 0) socket.unshift(rest)
          return
        }
      }
    })
  }
}

/** Stops reading requests: what the client sends from now on is the script's. */
export function asStream (socket: Socket): Socket {
  return socket.removeAllListeners('data').removeAllListeners('end').pause()
}

/** A listening daemon that is gone with its directory when the test is over. */
export async function scriptedDaemon (t: ExecutionContext, script: (asked: Asked) => unknown = () => {}, backlog?: number): Promise<ScriptedDaemon> {
  const directory = await mkdtemp(join(tmpdir(), 'p2pd-client-'))
  t.teardown(async () => { await rm(directory, { recursive: true, force: true }) })
  const daemon = new ScriptedDaemon(directory, script)
  t.teardown(async () => { await daemon.stop() })
  return await daemon.listen(backlog)
}
