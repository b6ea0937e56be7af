/**
 * The front desk: one well-known socket, where the kernel says which tenant a program is.
 *
 * Owns the choice and the answer to those for whom there is none; the connection itself goes to the tenant's host, unread.
 */
import { createServer, type Socket } from 'node:net'
import { refuse } from '../control/refusal.ts'
import { messageOf } from '../errors.ts'
import type { Logger } from '../log.ts'
import { BACKLOG } from '../os/listening.ts'
import { UNMAPPED_ID, peerCredentials } from '../os/credentials.ts'
import { descriptorLimit } from '../os/process.ts'
import type { Tenant } from './tenant.ts'

export interface Desk {
  /** The tenants whose app this user is, each on the host that serves it. */
  readonly candidates: (uid: number) => Array<{ tenant: Tenant, socketPath: string }>
  /** The tenant whose programs come here; unless said, the one that the candidate is. */
  readonly actor?: string
  readonly log: Logger
}

/**
 * Connections that may be at the desk at once: being refused, or waiting for a host to take them. Where there are few
 * descriptors, a quarter of them: the rest is for hosts, the keystore and the operator.
 */
const MAX_AT_DESK = 2_048
const SHARE_OF_DESCRIPTORS = 4
/** Of them, those of one user who has a tenant, and of one who has none. */
const MAX_OF_TENANT = 1_024
const MAX_OF_STRANGER = 32

/** Blessed tenants have a desk each: so many of them have no more together than the one desk that all share, and each some. */
const ACTORS = 8
const MIN_AT_ACTORS_DESK = 32

/** How many connections of each user are at the desk. */
const atDesk = new Map<number, number>()

/** Accepts on a listening descriptor, and closes it when disposed. */
export function openFrontDesk (fd: number, desk: Desk): Disposable {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, socket => {
    try {
      receive(socket, desk)
    } catch (error) {
      desk.log.debug({ reason: messageOf(error) }, 'caller gone before it was identified')
      socket.on('error', () => {}).destroy()
    }
  })
  server.on('error', error => { desk.log.error({ err: error }, 'front desk: accept failed') })
  // Whoever is over it is closed unheard: the desk is a convenience, and may not cost the supervisor its descriptors.
  const all = Math.min(MAX_AT_DESK, Math.floor(descriptorLimit() / SHARE_OF_DESCRIPTORS))
  server.maxConnections = desk.actor === undefined ? all : Math.max(Math.floor(all / ACTORS), MIN_AT_ACTORS_DESK)
  server.listen({ fd, backlog: BACKLOG })
  return { [Symbol.dispose]: () => { server.close() } }
}

function receive (socket: Socket, { candidates, actor, log }: Desk): void {
  const { uid, gid, pid } = peerCredentials(socket)
  const found = uid === UNMAPPED_ID ? [] : candidates(uid)
  const held = atDesk.get(uid) ?? 0
  if (held >= (found.length === 1 ? MAX_OF_TENANT : MAX_OF_STRANGER)) {
    socket.destroy()
    return
  }
  atDesk.set(uid, held + 1)
  socket.once('close', () => {
    const left = (atDesk.get(uid) ?? 1) - 1
    if (left === 0) atDesk.delete(uid)
    else atDesk.set(uid, left)
  })
  const [only, ...others] = found
  if (only !== undefined && others.length === 0) {
    return only.tenant.adopt(socket, { tenant: actor ?? only.tenant.name, process: { uid, gid, pid } })
  }
  log.info({ uid, pid, candidates: found.map(({ tenant }) => tenant.name) }, 'front desk: nobody served')
  const answer = actor !== undefined
    ? `uid ${uid} may not use tenant ${actor}'s socket: app in its manifest says who may`
    : only === undefined
    ? `no tenant for uid ${uid}: an operator adds one with \`p2pctl tenant add NAME --user USER\``
    : `uid ${uid} is the app of ${found.length} tenants: connect to the one you mean, ${found.map(({ socketPath }) => socketPath).join(' or ')}`
  void refuse(socket, answer)
}
