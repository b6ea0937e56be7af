/**
 * A switchboard of sockets in the file system: the local transport without a supervisor.
 *
 * Owns who gets a connection. Each side asks the kernel which process is at the other end of the connected descriptor, and its
 * user who that is (`vouch`). The side that dialled is asked first and writes nothing until the other one has let it in, which
 * that says with one byte: so no side hears anything of a process it would not talk with, and a dial that is refused fails.
 */
import { once } from 'node:events'
import { statSync, unlinkSync } from 'node:fs'
import { Socket, createServer } from 'node:net'
import type { PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { P2pdError, messageOf } from '../errors.ts'
import { UNMAPPED_ID, peerCredentials, type Credentials } from '../os/credentials.ts'
import { clearStaleSocket, listenUnix } from '../os/listening.ts'
import { formatMultiaddr, parseSocketAddress, withoutPeerId } from '../wire/addresses.ts'
import type { Switchboard } from './switchboard.ts'

/** `inbound`: it has connected to us. On an outbound connection it is the process that began to listen. */
export type Vouch = (credentials: Credentials, direction: 'inbound' | 'outbound') => PeerId | Promise<PeerId>

export interface UnixSocketsInit {
  /** Who this process is. Throws or rejects when it is nobody to talk with. */
  readonly vouch: Vouch
  /** How long that may take, milliseconds; on the side that dialled, together with the other side's answer. Default: 10,000. */
  readonly vouchTimeoutMs?: number
  /** Of the sockets in the file system; only this user's processes can connect unless it says otherwise. Default: 0o600. */
  readonly mode?: number
}

const VOUCH_TIMEOUT_MS = 10_000

/** Connections at one address that nobody has vouched for yet, each a descriptor; what comes on top of them is closed. */
const MAX_UNVOUCHED = 128

const LET_IN = Buffer.from([1])

/**
 * `dial` rejects with ERR_PEER when nobody listens there, ERR_DENIED when either side does not vouch for the other, ERR_TIMEOUT,
 * ERR_REQUEST for an address that is no `/unix/PATH`, or the signal's reason. `listen` takes the place of a socket that a process
 * which has gone has left; disposing what it returns removes the socket and leaves connections open.
 */
export function unixSockets ({ vouch, vouchTimeoutMs = VOUCH_TIMEOUT_MS, mode = 0o600 }: UnixSocketsInit): Switchboard {
  return {
    async dial (address, { signal }) {
      signal.throwIfAborted()
      const path = pathOf(address)
      const socket = new Socket({ allowHalfOpen: true }).on('error', () => { /* `close` follows */ }).pause()
      try {
        await connected(socket, path, signal)
        const remotePeer = await bounded(async () => {
          const peer = await vouchFor(socket, 'outbound', vouch)
          if (!await isLetIn(socket)) throw new P2pdError('ERR_DENIED', `whoever listens at ${path} does not vouch for this process and closed the connection`)
          return peer
        }, vouchTimeoutMs, signal)
        return { socket, remotePeer, remoteAddr: withoutPeerId(address) }
      } catch (error) {
        socket.destroy()
        throw error
      }
    },

    async listen (address, onConnection) {
      const path = pathOf(address)
      await clearStaleSocket(path)
      const over = new AbortController()
      let unvouched = 0
      const letIn = async (socket: Socket): Promise<void> => {
        socket.on('error', () => { /* `close` follows */ })
        try {
          if (++unvouched > MAX_UNVOUCHED) throw new P2pdError('ERR_LIMIT', 'too many connections that nobody has vouched for')
          const remotePeer = await bounded(async () => await vouchFor(socket, 'inbound', vouch), vouchTimeoutMs, over.signal)
          over.signal.throwIfAborted() // it may have ended in this very turn
          socket.write(LET_IN)
          onConnection({ socket, remotePeer, remoteAddr: withoutPeerId(address) })
        } catch {
          socket.destroy() // the other side says why it got nowhere
        } finally {
          unvouched--
        }
      }
      const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, socket => { void letIn(socket) })
      // Out of descriptors, say: what waits is accepted when there are some again.
      server.on('error', () => {})
      server.listen({ fd: listenUnix(path, { mode }) })
      const ours = statSync(path, { throwIfNoEntry: false })
      return {
        [Symbol.asyncDispose]: async () => {
          const there = statSync(path, { throwIfNoEntry: false })
          if (there !== undefined && there.ino === ours?.ino && there.dev === ours.dev) unlinkSync(path) // another's by now otherwise
          server.close() // says so only when all connections have ended, and they are others'
          over.abort()
        }
      }
    }
  }
}

/** Throws ERR_REQUEST for what no socket can be at. */
function pathOf (address: Multiaddr): string {
  const place = parseSocketAddress(withoutPeerId(address).bytes)
  if (!('path' in place)) throw new P2pdError('ERR_REQUEST', `${formatMultiaddr(address)} is no address of this transport, which has /unix/PATH`)
  return place.path
}

async function connected (socket: Socket, path: string, signal: AbortSignal): Promise<void> {
  try {
    socket.connect(path)
    await once(socket, 'connect', { signal })
  } catch (error) {
    signal.throwIfAborted()
    throw new P2pdError('ERR_PEER', `nobody serves ${path}: ${messageOf(error)}`, { cause: error })
  }
}

async function vouchFor (socket: Socket, direction: 'inbound' | 'outbound', vouch: Vouch): Promise<PeerId> {
  const credentials = peerCredentials(socket)
  const { pid, uid } = credentials
  const refused = `process ${pid} of uid ${uid} at the other end is nobody to talk with`
  if (uid === UNMAPPED_ID) throw new P2pdError('ERR_DENIED', `${refused}: the uid is none of this user namespace`)
  try {
    return await vouch(credentials, direction)
  } catch (error) {
    throw new P2pdError('ERR_DENIED', `${refused}: ${messageOf(error)}`, { cause: error })
  }
}

/** Whether the other side's one byte comes, or its end. What follows the byte is left to be read. */
async function isLetIn (socket: Socket): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const look = (): void => { if (socket.read(1) !== null) resolve(true) }
  const end = (): void => { resolve(false) }
  socket.on('readable', look).on('end', end).on('close', end)
  try {
    return await promise
  } finally {
    socket.off('readable', look).off('end', end).off('close', end)
  }
}

/** The work goes on when nobody waits for it any more; its socket is closed then. */
async function bounded<T> (work: () => Promise<T>, limitMs: number, signal?: AbortSignal): Promise<T> {
  const over = Promise.withResolvers<never>()
  const timer = setTimeout(() => { over.reject(new P2pdError('ERR_TIMEOUT', `nobody was vouched for within ${limitMs} ms`)) }, limitMs)
  const onAbort = (): void => { over.reject(signal?.reason) }
  signal?.addEventListener('abort', onAbort, { once: true })
  if (signal?.aborted === true) onAbort()
  try {
    return await Promise.race([work(), over.promise])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}
