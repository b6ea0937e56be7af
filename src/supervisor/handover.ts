/**
 * Open descriptors on their way to a host, each announced by a message.
 *
 * Owns that a connection handed over is nobody's loss: it stays open here until the host has said that it has it, and goes
 * back to the caller when the host dies first. No more are on their way at once than always fit, so nothing here waits for a
 * host that takes none.
 */
import { closeSync } from 'node:fs'
import type { Socket } from 'node:net'
import type { ToHost } from '../link.ts'
import { fileDescriptor } from '../os/credentials.ts'
import { sendDescriptor } from '../os/passing.ts'
import type { Caller } from '../policy/ask.ts'
import { Rota } from './rota.ts'

/** A connection from the front desk, and whose it is. */
export interface Adoptee { readonly socket: Socket, readonly caller: Caller }

/** Connections on their way at once; hundreds of such messages fit a socket's buffer. */
const MOST_UNCONFIRMED = 64

export class Handover {
  readonly #passingFd: number
  readonly #send: (message: ToHost) => void
  readonly #waiting = new Rota<Adoptee>()
  readonly #unconfirmed = new Map<number, Adoptee>()
  #nextId = 0
  #nextDescriptor = 0

  /** Takes over `passingFd`, and closes it at the end. */
  constructor (passingFd: number, send: (message: ToHost) => void) {
    this.#passingFd = passingFd
    this.#send = send
  }

  /** Connected and paused; taken over. */
  adopt (adoptee: Adoptee): void {
    this.#waiting.add(adoptee.caller.tenant, adoptee)
    this.next()
  }

  /** The host has it. */
  confirm (id: number): void {
    this.#unconfirmed.get(id)?.socket.destroy()
    this.#unconfirmed.delete(id)
    this.next()
  }

  /** The host cannot take it, and it is the caller's again; undefined if there is none of that number. */
  decline (id: number): Adoptee | undefined {
    const adoptee = this.#unconfirmed.get(id)
    this.#unconfirmed.delete(id)
    this.next()
    return adoptee
  }

  /** Hands over what waits, as far as it may. To be called now and then: the kernel may have refused before. */
  next (): void {
    while (this.#unconfirmed.size < MOST_UNCONFIRMED) {
      const next = this.#waiting.next()
      if (next === undefined) return
      const { tenant, what: adoptee } = next
      if (adoptee.socket.destroyed) continue
      const id = this.#nextId++
      if (!this.give(fileDescriptor(adoptee.socket), descriptor => ({ kind: 'adopt', id, caller: adoptee.caller, descriptor }))) {
        this.#waiting.putBack(tenant, adoptee)
        return
      }
      this.#unconfirmed.set(id, adoptee)
    }
  }

  /** Passes another descriptor of the same on, and then the message that says so; false when that cannot be done now. */
  give (fd: number, announce: (descriptor: number) => ToHost): boolean {
    const descriptor = this.#nextDescriptor
    try {
      if (sendDescriptor(this.#passingFd, fd, descriptor) !== 'sent') return false
    } catch {
      return false // a rule of the machine's forbids it; what was to be handed over waits until the host ends
    }
    this.#nextDescriptor = (descriptor + 1) % 2 ** 32
    this.#send(announce(descriptor))
    return true
  }

  /** The host is gone: what it had not confirmed, and what waited, is the caller's again. */
  close (): Adoptee[] {
    closeSync(this.#passingFd)
    const left = [...this.#unconfirmed.values(), ...this.#waiting.clear()].filter(({ socket }) => !socket.destroyed)
    this.#unconfirmed.clear()
    return left
  }
}
