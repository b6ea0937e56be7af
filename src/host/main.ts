/**
 * The host process: one tenant's libp2p node and its control socket, put together and taken apart.
 *
 * Started by a supervisor with everything it needs (link.ts); of other tenants it knows who they are (neighbours.ts). It ends when it is told to, when it has
 * been idle for long enough, and when its supervisor is gone.
 */
import { ControlServer } from '../control/server.ts'
import { Handlers } from '../control/handlers.ts'
import { Pipes } from '../control/pipes.ts'
import { messageOf } from '../errors.ts'
import { CONTROL_FD, MAX_REASON_CHARACTERS, MAX_SERVICES, readStart, type FromHost } from '../link.ts'
import { createLog } from '../log.ts'
import { dieWithParent } from '../os/process.ts'
import type { Policy } from '../policy/ask.ts'
import { createDaemonPolicy, nextExpiryOf } from '../policy/onBehalf.ts'
import { DAEMON_NAME, type PolicyDocument } from '../policy/document.ts'
import { createPolicy, preloadCedar } from '../policy/engine.ts'
import { Judge } from '../policy/judge.ts'
import { Ledger } from '../policy/ledger.ts'
import { ownHostPolicy } from '../policy/ownHost.ts'
import { formatMultiaddr } from '../wire/addresses.ts'
import { serveAsDaemon } from './asDaemon.ts'
import { HostCalls } from './calls.ts'
import { answerBlessingStatus } from './blessingStatus.ts'
import { DaemonBlessings } from './daemonBlessings.ts'
import { DaemonCalls } from './daemonCalls.ts'
import { Gate } from './gate.ts'
import { answerEcho } from './echo.ts'
import { harden } from './harden.ts'
import { HostAudit } from './hostAudit.ts'
import { IdleClock } from './idle.ts'
import { assertNoLowPorts } from './lowPorts.ts'
import { createNode } from './node.ts'
import { Neighbours, localAddress } from './neighbours.ts'
import { SupervisorLink } from './supervisorLink.ts'
import { SupervisorSwitchboard } from './switchboard.ts'

/** Above this setTimeout() fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** Longest a clean stop may take: the supervisor has 3 s for all of its hosts. */
const STOP_MS = 1_500

dieWithParent()
const supervisorPid = process.ppid
const { start, privateKey } = readStart(0)
const log = createLog(`p2pd-host ${start.tenant}`)
const stopping = new AbortController()
let expiry: NodeJS.Timeout | undefined

// Ctrl-C goes to the whole terminal; the supervisor decides when its hosts stop.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => { void stop() })
const link = new SupervisorLink(start.registrations, () => { process.exit(0) })
process.on('uncaughtException', error => {
  log.fatal({ err: error }, 'host failed')
  process.exit(1)
})
// A promise nobody waits for, somewhere in a library, is no reason to take every stream of a tenant down.
process.on('unhandledRejection', error => { log.error({ err: error }, 'unhandled rejection') })

// Here as well as in the supervisor: what nobody will write need not be sent.
const hostAudit = new HostAudit(event => { send({ kind: 'audit', event }) })
const audit = hostAudit.record
const judge = new Judge({ tenant: start.tenant, policy: policyFrom(start.policy), audit, auditAllowed: start.auditAllowed })
const ledger = new Ledger({
  limits: start.limits,
  ...start.tenant === DAEMON_NAME && { isShared: true, words: { who: 'all who act in the daemon\'s name together', raise: 'have the operator raise the limit in daemon.yaml' } },
  onReached: (name, reason) => { audit({ event: 'limit', resource: `limits.${name}`, reason }) }
})
const pipes = new Pipes({ ledger, signal: stopping.signal })
const ownUid = start.serviceUid ?? process.geteuid?.() ?? 0
const { first, last } = start.hostUids ?? { first: ownUid, last: ownUid }
const isHostUid = (uid: number): boolean => uid >= first && uid <= last
const neighbours = new Neighbours(start.local, start.policy)
const blessings = new DaemonBlessings({ privateKey, neighbours, ...start.policy !== undefined && { document: start.policy } })
const switchboard = start.local !== undefined ? new SupervisorSwitchboard(link, supervisorPid, peerId => neighbours.tenantOf(peerId)) : undefined
const gate = new Gate({ tenant: start.tenant, judge, ledger, neighbours, ownPorts: start.own.ports, isHostUid })
try {
  if (start.serviceUid !== undefined && start.policy !== undefined) preloadCedar() // no file of this program can be read afterwards
  harden({ supervisorPid, descriptors: start.limits.descriptors, ...start.serviceUid !== undefined && { serviceUid: start.serviceUid } })
  assertNoLowPorts(start.listen)
} catch (error) {
  giveUp(error)
}
const node = await createNode({
  privateKey, listen: start.listen, announce: start.announce, maxStreams: start.limits.streams, gate,
  ...switchboard !== undefined && { local: { switchboard, address: localAddress(start.tenant) } }
}).catch(giveUp)
if (start.echo) await answerEcho(node)

const isIdle = (): boolean => server.connections === 0 && calls.streams === 0 && handlers.pipes === 0 && handlers.size === 0
const idle = new IdleClock(start.idleStopMs, isIdle, () => { void stopIdle() })
const daemon = new DaemonCalls(neighbours, () => calls)
const calls = new HostCalls({ node, tenant: start.tenant, neighbours, gate, judge, ledger, onQuiet: idle.touch })
const handlers = new Handlers({
  tenant: start.tenant,
  host: calls,
  daemon,
  judge,
  ledger,
  audit,
  own: { ...start.own, supervisorPid, ports: () => [...start.own.ports, ...listeningPorts()], ...start.serviceUid !== undefined && { dialAsApp: async (path, tenant, signal) => await link.dialAsApp(path, tenant, signal) } },
  pipes,
  log,
  maxPipes: start.limits.streams,
  signal: stopping.signal,
  onChange: registrations => { link.report(registrations); idle.touch() }
})
const server = new ControlServer({
  tenant: start.tenant,
  host: calls,
  handlers,
  daemon,
  blessings,
  judge,
  ledger,
  pipes,
  audit,
  log,
  uid: start.callerUid,
  signal: stopping.signal,
  onQuiet: idle.touch
})

link.start(message => {
  if (message.kind === 'stop') void stop()
  else if (message.kind === 'report') report(message.id)
  else if (message.kind === 'policy') send({ kind: 'epoch', epoch: message.document.epoch, revoked: decideBy(message.document) })
  else if (message.kind === 'visited') switchboard?.visit(message)
  else if (message.kind === 'adopt' && !stopping.signal.aborted) { // not confirmed while stopping: the next host gets it
    const socket = link.accept(message)
    if (socket !== undefined) server.adopt(socket, message.caller)
  }
})
if (start.tenant === DAEMON_NAME) {
  await serveAsDaemon({ node, server, pipes, ledger, neighbours, userOf: tenant => blessings.userOf(tenant), signal: stopping.signal, onQuiet: idle.touch })
  await answerBlessingStatus(calls, blessings)
}
if (start.policy !== undefined) askAgainAtExpiry(start.policy)
await handlers.restore(start.registrations)
link.restored()
await server.listen(CONTROL_FD)
send({ kind: 'ready', peerId: node.peerId.toString(), addresses: shownAddresses() })
idle.touch()

/** Without a document, in classic mode, a tenant may do anything within its own host. */
function policyFrom (document: PolicyDocument | undefined): Policy {
  if (document === undefined) return ownHostPolicy
  return document.blessed === undefined ? createPolicy(document) : createDaemonPolicy(document)
}

/** From now on; returns how much of what was open had to be closed. */
function decideBy (document: PolicyDocument): number {
  neighbours.replace(document)
  blessings.replace(document)
  askAgainAtExpiry(document)
  return judge.replace(policyFrom(document))
}

/** What was open by a blessing ends with it, also if nobody tells this process. */
function askAgainAtExpiry (document: PolicyDocument): void {
  clearTimeout(expiry)
  const atMs = nextExpiryOf(document, Date.now())
  if (atMs === undefined) return
  expiry = setTimeout(() => { judge.askAgain(); askAgainAtExpiry(document) }, Math.min(atMs - Date.now(), MAX_TIMER_MS))
}

/** Starting it again will not help. */
function giveUp (error: unknown): never {
  send({ kind: 'unable', reason: messageOf(error).slice(0, MAX_REASON_CHARACTERS) })
  log.fatal({ err: error }, 'host cannot run')
  process.exit(1)
}

function report (id: number): void {
  send({
    kind: 'figures',
    id,
    figures: {
      addresses: shownAddresses(),
      connections: node.getConnections().length,
      streams: calls.streams,
      handlers: handlers.size,
      controlConnections: ledger.controlConnections.used,
      memoryBytes: process.memoryUsage.rss(),
      limitsReached: ledger.reached,
      ...start.tenant === DAEMON_NAME && { services: handlers.services().slice(0, MAX_SERVICES) }
    }
  })
}

function shownAddresses (): string[] {
  return calls.addresses().map(address => formatMultiaddr(address))
}

/** The TCP ports this host listens on: nobody's handler is there. */
function listeningPorts (): number[] {
  return calls.addresses().flatMap(address => address.getComponents()).filter(({ name }) => name === 'tcp').map(({ value }) => Number(value))
}

/** Connects that come from now on wait for the next host. One that was accepted meanwhile is still served. */
async function stopIdle (): Promise<void> {
  server.stopAccepting()
  await new Promise(resolve => { setImmediate(resolve) })
  if (isIdle()) {
    send({ kind: 'idle' })
    return stop()
  }
  await server.listen(CONTROL_FD)
}

async function stop (): Promise<void> {
  if (stopping.signal.aborted) return
  setTimeout(() => { process.exit(0) }, STOP_MS).unref()
  idle.stop()
  stopping.abort()
  hostAudit[Symbol.dispose]()
  await node.stop()
  await link.flushed()
  process.exit(0)
}

function send (message: FromHost): void {
  link.send(message)
}
