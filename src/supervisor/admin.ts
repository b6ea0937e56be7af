/**
 * The admin socket: what an operator may ask of a running daemon, as HTTP with JSON over a Unix socket.
 *
 * Owns who is an operator (root, or the user p2pd runs as, by the kernel's word) and the form of requests and answers. The
 * routes are a table; what they do is done elsewhere. `curl --unix-socket <run>/admin.sock http://p2pd/v1/status` works.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { ConfigError, P2pdError, messageOf } from '../errors.ts'
import type { Grant } from '../blessing/grant.ts'
import type { BlessedSpec } from '../config/blessed.ts'
import { parseBlessing } from '../config/blessingRequest.ts'
import { NOT_TO_THE_DAEMON, whyNoTenantName, whyNoTenantOrDaemon } from '../config/names.ts'
import { show } from '../config/show.ts'
import type { Keystore } from '../keystore/keystore.ts'
import type { ServiceFigures } from '../link.ts'
import type { Logger } from '../log.ts'
import { peerCredentials } from '../os/credentials.ts'
import type { BlessingRow } from './blessings.ts'
import type { IsolationLevel } from './isolation.ts'
import type { Roster } from './roster.ts'
import type { Row } from './rows.ts'
import type { TenantStatus } from './tenant.ts'

/** Answered by GET /v1/status beside the tenants. */
export interface DaemonStatus {
  readonly version: string
  readonly pid: number
  readonly uid: number
  /** How far the kernel keeps the tenant apart for whom it does least, and why; absent without tenants. */
  readonly isolation: IsolationLevel | undefined
  /** What the kernel limits of each host, or why it does not. */
  readonly cgroups: string
  /** What decides requests: where it was read, its epoch, and how many policies there are. */
  readonly policy: { readonly directory: string, readonly epoch: number, readonly policies: number }
  readonly tenantsDir: string
  readonly stateDir: string
  readonly runDir: string
  /** The daemon's own host. */
  readonly daemon?: Row & TenantStatus
}

/** What is served under the daemon's identity. */
export interface ServiceList {
  /** Its peer ID, absent while its identity is damaged. */
  readonly daemon: string | undefined
  readonly services: readonly ServiceFigures[]
}

/** Who has blessings to give: each change is on disk and in force when it resolves. */
export interface BlessingDesk {
  bless (tenant: string, request: BlessedSpec): Promise<Grant>
  unbless (tenant: string, id?: string): Promise<Grant[]>
  blessings (): BlessingRow[]
  services (): Promise<ServiceList>
}

export interface AdminInit {
  readonly roster: Pick<Roster, 'statuses' | 'daemonStatus' | 'reload' | 'restart' | 'has' | 'peerIdOf'>
  readonly blessings: BlessingDesk
  readonly keystore: Keystore
  readonly status: () => DaemonStatus
  readonly log: Logger
}

type Answer = { json: unknown } | { bytes: Uint8Array }
type Route = (init: AdminInit, name: string, body: Uint8Array, query: URLSearchParams) => Promise<Answer>

/** Not imported by name: that looks at every export of the module, and loads undici for some of them, 60 ms of a start. */
const { createServer } = process.getBuiltinModule('node:http')

/** Far above any key and any blessing. */
const MAX_BODY_BYTES = 64 * 1024
const ROOT_UID = 0

const routes: ReadonlyMap<string, Route> = new Map<string, Route>([
  // Which daemon this is. No host is asked, so that one that hangs keeps nobody waiting: not whoever takes a blessing back.
  ['GET /v1/daemon', async ({ status }) => ({ json: status() })],
  ['GET /v1/status', async ({ status, roster }) => {
    const [daemon, tenants] = await Promise.all([roster.daemonStatus(), roster.statuses()])
    return { json: { ...status(), daemon, tenants } }
  }],
  ['POST /v1/reload', async ({ roster }) => ({ json: await roster.reload() })],
  ['POST /v1/tenants/NAME/restart', async ({ roster }, name) => {
    await roster.restart(name)
    return { json: {} }
  }],
  ['GET /v1/blessings', async ({ blessings }) => ({ json: blessings.blessings() })],
  ['POST /v1/blessings/NAME', async ({ blessings }, name, body) => ({ json: await blessings.bless(name, parseBlessing(jsonOf(body))) })],
  ['DELETE /v1/blessings/NAME', async ({ blessings }, name, _, query) => ({ json: await blessings.unbless(name, query.get('id') ?? undefined) })],
  ['GET /v1/services', async ({ blessings }) => ({ json: await blessings.services() })],
  ['GET /v1/keys', async ({ keystore }) => ({ json: await keystore.list() })],
  ['GET /v1/keys/NAME', async ({ keystore }, name) => ({ bytes: await keystore.export(name) })],
  ['PUT /v1/keys/NAME', async ({ keystore, roster }, name, body, query) => {
    const { privateKey: _, ...info } = await keystore.import(name, body, { replace: query.get('replace') === '1' })
    if (roster.has(name) && roster.peerIdOf(name) !== info.peerId) await roster.restart(name)
    return { json: info }
  }],
  ['POST /v1/keys/NAME/renew', async ({ keystore, roster }, name) => {
    const { privateKey: _, ...info } = await keystore.renew(name)
    if (roster.has(name)) await roster.restart(name)
    return { json: info }
  }],
  ['DELETE /v1/keys/NAME', async ({ keystore, roster }, name) => {
    if (roster.has(name)) throw new P2pdError('ERR_REQUEST', `${name} is a tenant still: remove it first, or give it a new identity with \`p2pctl key renew ${name}\``)
    await keystore.remove(name)
    return { json: {} }
  }]
])

/** What can be done to tenants only, and why. */
const NOT_FOR_THE_DAEMON: ReadonlyMap<string, string> = new Map([
  ['POST /v1/blessings/NAME', NOT_TO_THE_DAEMON.bless],
  ['DELETE /v1/blessings/NAME', NOT_TO_THE_DAEMON.bless],
  ['GET /v1/keys/NAME', NOT_TO_THE_DAEMON.export],
  ['DELETE /v1/keys/NAME', NOT_TO_THE_DAEMON.remove]
])

/** What mends a host that was given up, or an identity that is damaged: the daemon's own can be either. Its key is not given out. */
const FOR_THE_DAEMON_TOO: ReadonlySet<string> = new Set(['POST /v1/tenants/NAME/restart', 'PUT /v1/keys/NAME', 'POST /v1/keys/NAME/renew'])

/** Serves on a listening descriptor, which it closes when disposed. */
export function openAdmin (fd: number, init: AdminInit): AsyncDisposable {
  const server = createServer((request, response) => { void respond(request, response, init) })
  server.on('connection', socket => { if (!isOperator(socket, init.log)) socket.destroy() })
  server.on('error', error => { init.log.error({ err: error }, 'admin socket: accept failed') })
  server.listen({ fd })
  return {
    async [Symbol.asyncDispose] () {
      server.close()
      server.closeAllConnections()
    }
  }
}

function isOperator (socket: Socket, log: Logger): boolean {
  try {
    const { uid, pid } = peerCredentials(socket)
    if (uid === ROOT_UID || uid === process.geteuid?.()) return true
    log.warn({ uid, pid }, 'admin socket: refused, not the operator')
  } catch (error) {
    log.debug({ reason: messageOf(error) }, 'admin socket: caller gone before it was identified')
  }
  return false
}

async function respond (request: IncomingMessage, response: ServerResponse, init: AdminInit): Promise<void> {
  try {
    const url = new URL(request.url ?? '/', 'http://p2pd')
    const { route, name } = find(request.method ?? 'GET', url.pathname)
    const answer = await route(init, name, await bodyOf(request), url.searchParams)
    if ('bytes' in answer) response.setHeader('content-type', 'application/octet-stream').end(answer.bytes)
    else response.setHeader('content-type', 'application/json').end(JSON.stringify(answer.json))
  } catch (error) {
    const code = error instanceof P2pdError ? error.code : 'ERR_SYSTEM'
    if (!(error instanceof P2pdError)) init.log.error({ err: error }, 'admin request failed')
    response.statusCode = code === 'ERR_SYSTEM' ? 500 : 422
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ code, message: messageOf(error), ...error instanceof ConfigError && { faults: error.faults } }))
  }
}

function find (method: string, path: string): { route: Route, name: string } {
  const [, version, collection, name, ...rest] = path.split('/')
  const pattern = ['', version, collection, ...name === undefined ? [] : ['NAME'], ...rest].join('/')
  const route = routes.get(`${method} ${pattern}`)
  if (route === undefined) throw new P2pdError('ERR_REQUEST', `no such operation: ${method} ${path}`)
  const operation = `${method} ${pattern}`
  const why = name === undefined ? undefined : FOR_THE_DAEMON_TOO.has(operation) ? whyNoTenantOrDaemon(name) : whyNoTenantName(name, NOT_FOR_THE_DAEMON.get(operation))
  if (why !== undefined) throw new P2pdError('ERR_REQUEST', `NAME: ${why}, found ${show(name)}`)
  return { route, name: name ?? '' }
}

function jsonOf (body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (cause) {
    throw new P2pdError('ERR_REQUEST', `the body is no JSON: ${messageOf(cause)}`, { cause })
  }
}

async function bodyOf (request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) throw new P2pdError('ERR_REQUEST', `the body is over ${MAX_BODY_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
