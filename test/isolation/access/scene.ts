/**
 * Three users on one machine: mallory, whose tenant registers handlers that are not hers; a victim; and a peer that opens
 * streams to mallory, so that the daemon dials what she registered.
 */
import { join } from 'node:path'
import { unix } from '../../helpers/addresses.ts'
import { connect, identify, streamHandler, streamOpen } from '../../helpers/requests.ts'
import type { AuditLine } from '../../../src/audit.ts'
import type { Exchanged } from '../children/orders.ts'
import { World, type Answer, type Program, type WorldInit } from '../world.ts'

export const MALLORY = 41001
export const VICTIM = 41002
export const PEER = 41003

/** What is repeated within ten seconds is written when they are over. */
const AUDIT_MS = 20_000

export class Scene implements AsyncDisposable {
  readonly world: World
  readonly mallory: Program
  readonly victim: Program
  readonly peer: Program
  /** Mallory's peer ID, as requests have it. */
  readonly #id: Uint8Array

  private constructor (world: World, [mallory, victim, peer]: readonly [Program, Program, Program], id: Uint8Array) {
    this.world = world
    this.mallory = mallory
    this.victim = victim
    this.peer = peer
    this.#id = id
  }

  /** The peer's host is connected to mallory's. */
  static async start (init: Partial<WorldInit> = {}): Promise<Scene> {
    const world = await World.start({ tenants: { mallory: { uid: MALLORY }, victim: { uid: VICTIM }, peer: { uid: PEER } }, ...init })
    try {
      const programs = await Promise.all([world.program(MALLORY), world.program(VICTIM), world.program(PEER)])
      const [mallory, victim, peer] = programs
      const [{ id, addrs }] = await Promise.all([whoIs(mallory, world.socketOf('mallory')), whoIs(victim, world.socketOf('victim'))])
      const { error } = await peer.askOne(world.socketOf('peer'), connect(id, addrs))
      if (error !== '') throw new Error(error)
      return new Scene(world, programs, id)
    } catch (error) {
      await world[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Mallory registers this address. */
  async register (address: Uint8Array, protocol: string): Promise<Answer> {
    return await this.mallory.askOne(this.world.socketOf('mallory'), streamHandler(address, protocol))
  }

  /** The peer opens a stream to mallory, sends so many bytes and reads to the end. */
  async open (protocol: string, bytes = 1000): Promise<Exchanged & { readonly opened: Answer }> {
    return await this.peer.exchange(this.world.socketOf('peer'), streamOpen(this.#id, protocol), bytes)
  }

  /** Whether a stream came to where it was to go: the listener has sent back its sum, and the sum is right. */
  async delivers (protocol: string): Promise<boolean> {
    const { sent, text } = await this.open(protocol)
    return sent !== undefined && text === JSON.stringify(sent)
  }

  /** Mallory's own listening socket, in an ordinary place with an ordinary mode, registered for the protocol. */
  async handleOwn (protocol: string, name = 'own'): Promise<string> {
    const path = join(this.world.homeOf(MALLORY), name)
    await this.mallory.listen(name, path, 0o755)
    const { error } = await this.register(unix(path), protocol)
    if (error !== '') throw new Error(error)
    return path
  }

  /** The line that says that a handler of mallory's was refused, naming where it was. */
  async refusal (shown: string): Promise<AuditLine> {
    return await this.world.audited(`mallory's handler at ${shown} is refused`, line => {
      return line.event === 'denied' && line.tenant === 'mallory' && JSON.stringify(line).includes(JSON.stringify(shown).slice(1, -1))
    }, AUDIT_MS)
  }

  async [Symbol.asyncDispose] (): Promise<void> { await this.world[Symbol.asyncDispose]() }
}

/** As IDENTIFY says it. Throws what stands in the way. */
export async function whoIs (program: Program, socket: string): Promise<{ id: Uint8Array, addrs: Uint8Array[] }> {
  const { response, error } = await program.askOne(socket, identify())
  if (response?.identify === undefined) throw new Error(error)
  return response.identify
}
