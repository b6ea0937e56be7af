/**
 * Three users on one machine that has an identity of its own: an app that is blessed, another one that is to be, and a caller.
 *
 * Each acts through its own programs; the operator's part (blessings, services, the daemon's own host) is asked at the admin
 * socket.
 */
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { AuditLine } from '../../../src/audit.ts'
import type { Grant } from '../../../src/blessing/grant.ts'
import { encodePeerId, parsePeerId } from '../../../src/wire/peers.ts'
import type { TenantRow } from '../../helpers/daemons.ts'
import { until, within } from '../../helpers/deadlines.ts'
import { message } from '../../helpers/protobuf.ts'
import type { RawConnection } from '../../helpers/rawConnection.ts'
import { World, type Answer, type Program, type WorldInit } from '../world.ts'
import { connectionOf } from './asUser.ts'

export const APP = 41001
export const OTHER = 41002
export const CALLER = 41003

/** Of whom each is a program; the daemon has none. */
export const UID_OF = { app: APP, other: OTHER, caller: CALLER } as const
export type Name = keyof typeof UID_OF

/** Request.onBehalfOf. */
const ON_BEHALF_OF = 101
/** What is repeated within ten seconds is written when they are over. */
const AUDIT_MS = 20_000
/** Only on this machine. */
const DAEMON = { name: 'daemon', host: { listen: ['/ip4/127.0.0.1/tcp/0'] } }

export interface Service { readonly name: string, readonly proto: string, readonly owner: string, readonly callers: number }

export interface SceneInit extends Partial<WorldInit> {
  /** Beside the host's address, what the daemon's manifest has. */
  readonly daemon?: object
}

export class BlessedScene implements AsyncDisposable {
  readonly world: World
  readonly programs: Readonly<Record<Name, Program>>
  /** The daemon's peer ID, as text and as requests have it. */
  readonly daemonId: string
  readonly daemon: Uint8Array

  private constructor (world: World, programs: Readonly<Record<Name, Program>>, daemonId: string) {
    this.world = world
    this.programs = programs
    this.daemonId = daemonId
    this.daemon = encodePeerId(parsePeerId(daemonId))
  }

  static async start ({ daemon = {}, ...init }: SceneInit = {}): Promise<BlessedScene> {
    const world = await World.start({
      tenants: { app: { uid: APP }, other: { uid: OTHER }, caller: { uid: CALLER } },
      before: ({ tenantsDir }) => { writeFileSync(join(tenantsDir, 'daemon.yaml'), JSON.stringify({ ...DAEMON, ...daemon })) },
      ...init
    })
    try {
      const [app, other, caller] = await Promise.all([world.program(APP), world.program(OTHER), world.program(CALLER)])
      const { daemon: { peerId = '' } } = await world.ask<{ daemon: TenantRow }>('GET', '/v1/status')
      return new BlessedScene(world, { app, other, caller }, peerId)
    } catch (error) {
      await world[Symbol.asyncDispose]()
      throw error
    }
  }

  asDaemonSocketOf (name: Name): string { return join(this.world.runDir, name, 'as-daemon.sock') }

  /** The same request, in the daemon's name unless another is given. */
  inName (request: Uint8Array, name: Uint8Array = this.daemon): Buffer {
    return Buffer.concat([request, message([ON_BEHALF_OF, name])])
  }

  /** A tenant's program asks on its own socket, in the daemon's name. */
  async act (name: Name, request: Uint8Array): Promise<Answer> {
    return await this.programs[name].askOne(this.world.socketOf(name), this.inName(request))
  }

  /** A connection of a tenant's own user to one of its sockets. */
  async connection (name: Name, socket: string = this.world.socketOf(name)): Promise<RawConnection> {
    return await connectionOf(UID_OF[name], socket)
  }

  async bless (name: string, actions: readonly string[], resources: readonly string[], seconds = 3_600): Promise<Grant> {
    return await this.operator('POST', `/v1/blessings/${name}`, { actions, resources, seconds }) as Grant
  }

  async unbless (name: string): Promise<void> {
    await this.operator('DELETE', `/v1/blessings/${name}`)
  }

  /** Rejects with what is answered when it is refused. */
  async operator (method: string, path: string, body?: object): Promise<unknown> {
    const asked = httpRequest({ socketPath: this.world.admin, method, path }).end(body === undefined ? undefined : JSON.stringify(body))
    const [response] = await within(`${method} ${path}`, once(asked, 'response')) as [IncomingMessage]
    const answer = await text(response)
    if (response.statusCode !== 200) throw new Error(answer)
    return JSON.parse(answer)
  }

  /** What is served under the daemon's identity, as the operator sees it. */
  async services (): Promise<readonly Service[]> {
    return (await this.world.ask<{ services: Service[] }>('GET', '/v1/services')).services
  }

  /** The daemon's own host. */
  async host (): Promise<TenantRow> {
    return (await this.world.ask<{ daemon: TenantRow }>('GET', '/v1/status')).daemon
  }

  /** Where remote peers reach it, once it runs. */
  async addresses (): Promise<string[]> {
    await this.hostPid()
    return ((await this.host()).figures as { addresses?: string[] } | undefined)?.addresses ?? []
  }

  /** Its process, once it runs. */
  async hostPid (): Promise<number> {
    return await until('the daemon\'s own host', async () => {
      const { pid, state } = await this.host()
      return state === 'running' && pid
    })
  }

  /** That an act in the daemon's name came to this, is in the log with who acted and in whose name. */
  async recorded (actor: string, fits: Partial<AuditLine>): Promise<AuditLine> {
    const wanted = { tenant: 'daemon', actor, onBehalfOf: 'daemon', ...fits }
    return await this.world.audited(JSON.stringify(wanted), line => Object.entries(wanted).every(([key, value]) => line[key as keyof AuditLine] === value), AUDIT_MS)
  }

  hasSocket (name: Name): boolean { return existsSync(this.asDaemonSocketOf(name)) }

  async [Symbol.asyncDispose] (): Promise<void> { await this.world[Symbol.asyncDispose]() }
}
