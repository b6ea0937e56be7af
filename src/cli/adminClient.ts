/**
 * The operator's side of the admin socket: one method a question.
 *
 * Owns how answers and refusals are read, and the sentence for a daemon that cannot be asked. What the routes do is in
 * supervisor/admin.ts.
 */
import { once } from 'node:events'
import { statSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { dirname } from 'node:path'
import { buffer } from 'node:stream/consumers'
import type { Grant } from '../blessing/grant.ts'
import type { BlessedSpec } from '../config/blessed.ts'
import { ConfigError, P2pdError, messageOf, type ErrorCode, type Fault } from '../errors.ts'
import type { IdentityInfo } from '../keystore/keystore.ts'
import type { DaemonStatus, ServiceList } from '../supervisor/admin.ts'
import type { BlessingRow } from '../supervisor/blessings.ts'
import type { IsolationLevel } from '../supervisor/isolation.ts'
import type { Changes, Row } from '../supervisor/rows.ts'
import type { TenantStatus } from '../supervisor/tenant.ts'

export type TenantReport = Row & TenantStatus & { readonly isolation: IsolationLevel }
export type Status = DaemonStatus & { readonly tenants: readonly TenantReport[] }

/**
 * Not imported by name: an import looks at every export of a built-in module, and this one loads undici for some of them,
 * which takes twice as long as everything else that p2pctl does to start.
 */
const { request } = process.getBuiltinModule('node:http')

/** A reload or a restart waits for hosts to stop, two seconds at most each and all at once: longer than this it hangs. */
const ANSWER_MS = 60_000

export class AdminClient {
  readonly #socketPath: string

  constructor (socketPath: string) {
    this.#socketPath = socketPath
  }

  /** Which daemon it is. Answered at once. */
  async daemon (): Promise<DaemonStatus> { return await this.#json('GET', '/v1/daemon') }

  /** How all of it is: a host that hangs is waited for, for a second. */
  async status (): Promise<Status> { return await this.#json('GET', '/v1/status') }

  /** Throws a ConfigError with every fault, and then nothing has changed. */
  async reload (): Promise<Changes> { return await this.#json('POST', '/v1/reload') }

  async restart (tenant: string): Promise<void> { await this.#json('POST', `/v1/tenants/${tenant}/restart`) }

  async blessings (): Promise<BlessingRow[]> { return await this.#json('GET', '/v1/blessings') }

  async bless (tenant: string, spec: BlessedSpec): Promise<Grant> {
    return await this.#json('POST', `/v1/blessings/${tenant}`, Buffer.from(JSON.stringify(spec)))
  }

  /** What was ended: all of a tenant's, or one. */
  async unbless (tenant: string, id?: string): Promise<Grant[]> {
    return await this.#json('DELETE', `/v1/blessings/${tenant}${id === undefined ? '' : `?id=${encodeURIComponent(id)}`}`)
  }

  async services (): Promise<ServiceList> { return await this.#json('GET', '/v1/services') }

  async list (): Promise<IdentityInfo[]> { return await this.#json('GET', '/v1/keys') }

  async export (name: string): Promise<Uint8Array> { return await this.#ask('GET', `/v1/keys/${name}`) }

  async import (name: string, privateKey: Uint8Array, { replace = false }: { replace?: boolean } = {}): Promise<IdentityInfo> {
    return await this.#json('PUT', `/v1/keys/${name}${replace ? '?replace=1' : ''}`, privateKey)
  }

  async renew (name: string): Promise<IdentityInfo> { return await this.#json('POST', `/v1/keys/${name}/renew`) }

  async remove (name: string): Promise<void> { await this.#json('DELETE', `/v1/keys/${name}`) }

  /** The shapes are those of supervisor/admin.ts, which stands in the same package. */
  async #json<T> (method: string, path: string, body?: Uint8Array): Promise<T> {
    return this.#parse(await this.#ask(method, path, body)) as T
  }

  async #ask (method: string, path: string, body?: Uint8Array): Promise<Buffer> {
    const signal = AbortSignal.timeout(ANSWER_MS)
    const { answer, refused } = await this.#exchange(method, path, body, signal).catch((error: unknown) => {
      throw signal.aborted
        ? new P2pdError('ERR_TIMEOUT', `the daemon at ${this.#socketPath} did not answer within ${ANSWER_MS / 1000} s: its log may say why`)
        : this.#unreachable(error)
    })
    if (refused) throw refusal(this.#parse(answer))
    return answer
  }

  async #exchange (method: string, path: string, body: Uint8Array | undefined, signal: AbortSignal): Promise<{ answer: Buffer, refused: boolean }> {
    const call = request({ socketPath: this.#socketPath, method, path, signal, agent: false })
    call.end(body)
    const [response] = await once(call, 'response') as [IncomingMessage]
    return { answer: await buffer(response), refused: response.statusCode !== 200 }
  }

  #parse (answer: Buffer): unknown {
    try {
      return JSON.parse(answer.toString('utf8'))
    } catch (cause) {
      throw new P2pdError('ERR_MESSAGE', `what answers at ${this.#socketPath} is no p2pd: stop it, or name p2pd's --run directory`, { cause })
    }
  }

  #unreachable (cause: unknown): P2pdError {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    const socket = this.#socketPath
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTDIR') {
      return new P2pdError('ERR_UNAVAILABLE', `no p2pd answers at ${socket}: start one with \`p2pd serve\`, or name the --run directory of the one that runs`, { cause })
    }
    if (code === 'EACCES' || code === 'ECONNRESET') {
      const what = code === 'EACCES' ? 'permission denied' : 'the daemon hung up, because it is stopping or because of who is asking'
      return new P2pdError('ERR_DENIED', `${socket}: ${what}: only root and the user p2pd runs as${ownerOf(socket)} may use it`, { cause })
    }
    return new P2pdError('ERR_SYSTEM', `${socket}: cannot be asked: ${messageOf(cause)}`, { cause })
  }
}

/** ` (uid 1000)`, by whose directory the socket is in; nothing where that is hidden too. */
function ownerOf (socketPath: string): string {
  try {
    return ` (uid ${statSync(dirname(socketPath)).uid})`
  } catch {
    return ''
  }
}

function refusal (answer: unknown): P2pdError {
  const { code, message, faults } = answer as { code: ErrorCode, message: string, faults?: Fault[] }
  return faults === undefined ? new P2pdError(code, message) : new ConfigError(faults)
}
