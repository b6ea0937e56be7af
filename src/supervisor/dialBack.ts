/**
 * Connects a host to its tenant's handlers: their sockets can be reached by the app's own user alone, and no host is that user.
 *
 * The supervisor makes the connect with the app's rights and looks at who listens, before the host gets the descriptor: the
 * app, and not the daemon itself. Whose rights those are is what the supervisor knows of the tenant; the host names a path,
 * and the daemon's host whose handler it is, which has to be a blessed tenant's. What a host has it do takes a bounded share of
 * its time.
 *
 * The honest limit: the path is looked up at once, so a directory on a file system that hangs holds the supervisor as it
 * would hold anyone. Users cannot mount one where root would wait for it, unless an administrator allows it (`user_allow_other`).
 */
import { closeSync } from 'node:fs'
import { checkListener } from '../control/targets.ts'
import { P2pdError, messageOf } from '../errors.ts'
import type { ToHost } from '../link.ts'
import { primaryGroupOf } from '../os/accounts.ts'
import { credentialsOf } from '../os/credentials.ts'
import { connectAs, type Rights } from '../os/dialling.ts'
import { TokenBucket } from '../tokenBucket.ts'
import { Rota } from './rota.ts'

/** A tenth of the supervisor's time for one host: two thousand dials a second where one takes what it usually does, 50 microseconds. */
const DIALLING_MS = { perSecond: 100, burst: 100 }
/** Dials of one tenant's handlers that may wait for their turn; a host that asks for more is told to try again. */
const MOST_WAITING = 16

export interface DialBackInit {
  /** By whose handler it is; undefined where hosts do their own dialling, and for a tenant that is none of this host's. */
  readonly rightsOf: (tenant: string) => Rights | undefined
  readonly send: (message: ToHost) => void
  /** Passes a descriptor on with the message that says so; false when that cannot be done now. */
  readonly give: (fd: number, announce: (descriptor: number) => ToHost) => boolean
}

/** As whom a tenant's handlers are dialled; in classic mode over TCP, where nobody says who calls, as the user p2pd runs as. */
export function rightsOfApp (uid = process.geteuid?.() ?? 0): Rights {
  return { uid, gid: primaryGroupOf(uid) }
}

export class DialBack implements Disposable {
  readonly #init: DialBackInit
  readonly #time = new TokenBucket(DIALLING_MS)
  /** One whose paths take long does not make the others wait for all of them. */
  readonly #waiting = new Rota<{ id: number, path: string }>()
  #turn: NodeJS.Timeout | undefined
  #isOver = false

  constructor (init: DialBackInit) {
    this.#init = init
  }

  /** To be answered with `dialled` or `notDialled`; not any more once it is disposed, as the host has gone then. */
  ask (id: number, path: string, tenant: string): void {
    if (this.#isOver) return
    if (this.#waiting.count(tenant) >= MOST_WAITING) return this.#refuse(id, 'EAGAIN', 'too many dials wait')
    this.#waiting.add(tenant, { id, path })
    if (this.#turn === undefined) this.#next()
  }

  [Symbol.dispose] (): void {
    this.#isOver = true
    clearTimeout(this.#turn)
    this.#waiting.clear()
  }

  #next (): void {
    this.#turn = undefined
    for (;;) {
      const waitMs = this.#time.owedMs()
      if (waitMs > 0 && !this.#waiting.isEmpty) {
        this.#turn = setTimeout(() => { this.#next() }, waitMs)
        return
      }
      const next = this.#waiting.next()
      if (next === undefined) return
      const { tenant, what: { id, path } } = next
      // The processor's time, not the clock's: on a busy machine a tenant would pay for what others do.
      const began = process.threadCpuUsage()
      this.#dial(id, path, tenant)
      const { user, system } = process.threadCpuUsage(began)
      this.#time.owe((user + system) / 1000)
    }
  }

  #dial (id: number, path: string, tenant: string): void {
    const { rightsOf, give } = this.#init
    const rights = rightsOf(tenant)
    if (rights === undefined) return this.#refuse(id, 'EACCES', 'permission denied')
    let fd: number | undefined
    try {
      const dialled = connectAs(rights, path)
      if ('code' in dialled) return this.#refuse(id, dialled.code, `connect ${dialled.code}`)
      fd = dialled.fd
      checkListener(credentialsOf(fd), path, { supervisorPid: process.pid, registrant: rights.uid })
      if (!give(fd, descriptor => ({ kind: 'dialled', id, descriptor }))) this.#refuse(id, 'EAGAIN', 'too many descriptors are on their way')
    } catch (error) {
      this.#refuse(id, error instanceof P2pdError ? error.code : 'ERR_SYSTEM', messageOf(error))
    } finally {
      if (fd !== undefined) closeSync(fd)
    }
  }

  #refuse (id: number, code: string, reason: string): void {
    this.#init.send({ kind: 'notDialled', id, code, reason })
  }
}
